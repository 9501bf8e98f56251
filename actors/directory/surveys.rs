//! Looks at directories, shared by those who ask at the same time.
//!
//! Whoever asks is answered by a look that began after the question. So those who ask while one is under way share the next,
//! and a thousand agents that start in one directory cost two looks, not a thousand.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use understory_store::{
    Checkout, DIGEST_COMMITS, DIGEST_NAME_MAX, DIGEST_SUBJECT_MAX, Directory, Revision, Shortlist, in_short,
};

use super::{NoRepositories, Surveyor};
use crate::lock::Lock;

/// How long a look may take; what is not known by then is not known.
const LOOK_MAX: Duration = Duration::from_secs(5);
/// How many looks there are at once: each may be a process.
const LOOKS: usize = 4;

/// Who looks, and at what it is being looked.
pub(crate) struct Surveys {
    surveyor: Arc<dyn Surveyor>,
    asked: Lock<HashMap<Arc<Path>, Arc<Round>>>,
    looks: Semaphore,
}

/// Those who ask of one directory.
#[derive(Default)]
struct Round {
    /// How many have asked.
    questions: AtomicU64,
    last: Mutex<Look>,
}

/// The last look at a directory.
#[derive(Default)]
struct Look {
    /// How many had asked when it began.
    answers: u64,
    found: Option<Checkout>,
}

impl Surveys {
    pub(crate) fn by(surveyor: Option<Arc<dyn Surveyor>>) -> Self {
        let surveyor = surveyor.unwrap_or_else(|| Arc::new(NoRepositories));
        Surveys { surveyor, asked: Lock::default(), looks: Semaphore::new(LOOKS) }
    }

    pub(crate) fn surveyor(&self) -> &dyn Surveyor {
        &*self.surveyor
    }

    /// How a directory stands, by a look that begins after this was called; nothing if that could not be told.
    pub(crate) async fn look(&self, directory: &Arc<Path>) -> Option<Checkout> {
        let round = self.asked.lock().entry(directory.clone()).or_default().clone();
        let question = round.questions.fetch_add(1, Ordering::Relaxed) + 1;
        let found = self.answer(&round, question, directory).await;
        let mut asked = self.asked.lock();
        // The map has one, and this question.
        if Arc::strong_count(&round) == 2 {
            asked.remove(directory);
        }
        found
    }

    /// The commits between how a directory was given and how it was left; none if that could not be told.
    pub(crate) async fn revisions(&self, directory: &Directory) -> Shortlist<Revision> {
        let Some((from, to)) = directory.span() else { return Shortlist::default() };
        let Ok(_look) = self.looks.acquire().await else { return Shortlist::default() };
        let (place, from) = (Path::new(&directory.path).into(), from.map(str::to_owned));
        let told = tokio::time::timeout(LOOK_MAX, self.surveyor.revisions(place, from, to.to_owned())).await;
        let Shortlist { mut first, more, counted } = told.ok().flatten().unwrap_or_default();
        first.truncate(DIGEST_COMMITS);
        for Revision { commit, subject } in &mut first {
            *commit = in_short(commit, DIGEST_NAME_MAX);
            *subject = in_short(subject, DIGEST_SUBJECT_MAX);
        }
        Shortlist { first, more, counted }
    }

    async fn answer(&self, round: &Round, question: u64, directory: &Arc<Path>) -> Option<Checkout> {
        let mut last = round.last.lock().await;
        if last.answers >= question {
            return last.found.clone();
        }
        let _look = self.looks.acquire().await.ok()?;
        let answers = round.questions.load(Ordering::Relaxed);
        let found = tokio::time::timeout(LOOK_MAX, self.surveyor.survey(directory.clone())).await;
        if found.is_err() {
            tracing::warn!(directory = %directory.display(), "a directory was not looked at within 5 s");
        }
        *last = Look { answers, found: found.ok().flatten() };
        last.found.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures::future::{BoxFuture, join_all};
    use tokio::sync::Semaphore;

    use super::*;

    /// A surveyor whose looks wait to be let through, and are numbered by their commits.
    #[derive(Default)]
    struct Gated {
        looks: AtomicUsize,
        gate: Arc<Gate>,
    }

    struct Gate(Semaphore);

    impl Default for Gate {
        fn default() -> Self {
            Gate(Semaphore::new(0))
        }
    }

    impl Surveyor for Gated {
        fn survey(&self, _: Arc<Path>) -> BoxFuture<'_, Option<Checkout>> {
            let number = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
            let gate = self.gate.clone();
            Box::pin(async move {
                gate.0.acquire().await.ok()?.forget();
                Some(Checkout::Repository { commit: Some(number.to_string()), branch: None, dirty: false })
            })
        }
    }

    fn number(found: Option<&Checkout>) -> Option<String> {
        found.and_then(Checkout::commit).map(str::to_owned)
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_during_a_look_share_the_next() {
        let gate = Arc::new(Gate::default());
        let gated = Arc::new(Gated { gate: gate.clone(), ..Gated::default() });
        let surveys = Arc::new(Surveys::by(Some(gated.clone())));
        let here: Arc<Path> = Path::new("/here").into();
        let ask = || {
            let (surveys, here) = (surveys.clone(), here.clone());
            tokio::spawn(async move { number(surveys.look(&here).await.as_ref()) })
        };
        let first = ask();
        crate::tests::world::until(async || gated.looks.load(Ordering::Relaxed) == 1).await;
        let later: Vec<_> = (0..100).map(|_| ask()).collect();
        crate::tests::world::until(async || Arc::strong_count(&surveys) == 102).await;
        gate.0.add_permits(100);
        assert_eq!(first.await.unwrap().as_deref(), Some("1"));
        let answers = join_all(later).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap().as_deref() == Some("2")));
        assert_eq!(
            number(surveys.look(&here).await.as_ref()).as_deref(),
            Some("3"),
            "a later question has a look of its own"
        );
        assert!(surveys.asked.lock().is_empty(), "nothing is kept of what nobody asks");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_tells_nothing_and_one_that_is_dropped_holds_nobody_up() {
        let gate = Arc::new(Gate::default());
        let surveys = Surveys::by(Some(Arc::new(Gated { gate: gate.clone(), ..Gated::default() })));
        let here: Arc<Path> = Path::new("/here").into();
        assert!(futures::poll!(std::pin::pin!(surveys.look(&here))).is_pending());
        let before = tokio::time::Instant::now();
        assert_eq!(surveys.look(&here).await, None);
        assert_eq!(before.elapsed(), LOOK_MAX);
        gate.0.add_permits(1);
        assert_eq!(number(surveys.look(&here).await.as_ref()).as_deref(), Some("3"));
    }

    /// A surveyor that tells more commits than anybody wants to know, in more words.
    struct Talker;

    impl Surveyor for Talker {
        fn survey(&self, _: Arc<Path>) -> BoxFuture<'_, Option<Checkout>> {
            Box::pin(async { None })
        }

        fn revisions(&self, _: Arc<Path>, _: Option<String>, _: String) -> BoxFuture<'_, Option<Shortlist<Revision>>> {
            let one = Revision { commit: "c".repeat(10_000), subject: "s".repeat(10_000) };
            Box::pin(async { Some(Shortlist { first: vec![one; 100], more: 0, counted: true }) })
        }
    }

    #[tokio::test]
    async fn of_many_commits_the_first_are_told_in_short() {
        let on = |commit: &str| Checkout::Repository { commit: Some(commit.to_owned()), branch: None, dirty: false };
        let (of, at) = (understory_store::AgentId::from_u128(1), understory_store::Time(1));
        let directory = Directory::new(of, "/here".to_owned(), Some(on("a")), at).leave(on("b"), at);
        let told = Surveys::by(Some(Arc::new(Talker))).revisions(&directory).await;
        assert_eq!(told.first.len(), DIGEST_COMMITS);
        let fits = |one: &Revision| one.commit.len() <= DIGEST_NAME_MAX && one.subject.len() <= DIGEST_SUBJECT_MAX;
        assert!(told.first.iter().all(fits), "{told:?}");
    }
}
