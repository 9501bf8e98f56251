//! The verbs that whoever has the store carries out: this process, or another one through its socket.

use std::time::Instant;

use understory_server::{
    Assigned, Called, Code, Failure, Follow, NewAgentLine, OutcomeLine, Reply, Request, UNSURE, Wanted,
};

use crate::arguments::{EndowArguments, LetterArguments, SpawnArguments, WaitArguments};
use crate::command::Session;
use crate::confirm::confirm;
use crate::door::Door;
use crate::render::escaped;
use crate::{brains, directory, exit, meta, render};

/// How many owners that end before they answer are followed by another try.
const OWNERS_MAX: usize = 10;

/// `job list`.
pub(crate) async fn jobs(session: &Session) -> Result<u8, Failure> {
    session.done(Request::Jobs).await
}

/// `job show`.
pub(crate) async fn job(session: &Session, job: Option<&str>) -> Result<u8, Failure> {
    let path = job.map(str::to_owned);
    session.done(Request::Job { path }).await
}

/// `job cancel`.
pub(crate) async fn cancel(session: &Session, job: Option<&str>) -> Result<u8, Failure> {
    let path = job.map(str::to_owned);
    session.done(Request::Cancel { path }).await
}

/// `tree`.
pub(crate) async fn tree(session: &Session, path: &str, children: usize) -> Result<u8, Failure> {
    session.done(Request::Tree { path: path.to_owned(), children }).await
}

/// `show`.
pub(crate) async fn show(session: &Session, path: &str) -> Result<u8, Failure> {
    session.done(Request::Show { path: path.to_owned() }).await
}

/// `show --all`.
pub(crate) async fn project(session: &Session, path: &str) -> Result<u8, Failure> {
    session.done(Request::Project { path: path.to_owned() }).await
}

/// `digest`.
pub(crate) async fn digest(session: &Session, path: &str, refresh: bool) -> Result<u8, Failure> {
    session.done(Request::Digest { path: path.to_owned(), refresh }).await
}

/// `spawn`.
pub(crate) async fn spawn(session: &Session, arguments: SpawnArguments) -> Result<u8, Failure> {
    let SpawnArguments {
        path,
        message,
        meta,
        endow,
        role,
        brain,
        nickname,
        no_nickname,
        fork,
        or_existing,
        dir,
        model,
        effort,
        detach,
    } = arguments;
    let brain = brains::choice(session, brain).await?;
    let brain = brain.map(|choice| understory_server::BrainLine { name: choice.name, settings: choice.settings });
    let nickname = if no_nickname { Called::Off } else { nickname.map_or(Called::Picked, Called::Given) };
    let path = session.path(&path)?;
    let directory = dir.map(|dir| directory::absolute(session, &dir)).transpose()?;
    let (metadata, asked) = (meta::entries(&meta)?, message.is_some());
    if !metadata.is_empty() && !asked {
        return Err(Failure::new(Code::Usage, "--meta is attached to a message: say one with --message"));
    }
    let door = session.open().await?;
    let follow = followed(session, detach, &door);
    let EndowArguments { goal, budget } = endow;
    let new = NewAgentLine {
        path: path.clone(),
        role,
        brain,
        nickname,
        task: message,
        metadata,
        goal,
        budget,
        or_existing,
        directory,
        model,
        effort,
        fork,
        follow,
    };
    let request = Request::Spawn(Box::new(new));
    let reply = door.ask(session, request, &format!("what was accepted is kept: understory run {path}")).await?;
    let Reply::Spawned(spawned) = &reply else { return Ok(exit::OK) };
    match (&spawned.outcome, asked, spawned.created) {
        (Some(outcome), _, _) => Ok(ended(session, outcome)),
        (None, true, false) => {
            session.terminal.warn(&format!("{path} was there already: the message was not sent to it"));
            Ok(exit::OK)
        }
        (None, true, true) if follow == Follow::Outcome => {
            session.terminal.warn(&format!("{path} has no brain: the message waits, and nothing will run"));
            Ok(exit::OK)
        }
        (None, true, true) if follow == Follow::Leave => Ok(left(session)),
        _ => Ok(exit::OK),
    }
}

/// `send`.
pub(crate) async fn send(session: &Session, letter: LetterArguments) -> Result<u8, Failure> {
    let LetterArguments { path, text, interrupt, meta } = letter;
    let metadata = meta::entries(&meta)?;
    session.done(Request::Send { path, text, interrupt, metadata }).await
}

/// `assign`.
pub(crate) async fn assign(session: &Session, letter: LetterArguments, detach: bool) -> Result<u8, Failure> {
    let LetterArguments { path, text, interrupt, meta } = letter;
    let metadata = meta::entries(&meta)?;
    let door = session.open().await?;
    let follow = followed(session, detach, &door);
    let hint = format!("what was accepted is kept: understory run {}", word(&path));
    let request = Request::Assign { path, text, interrupt, metadata, follow, timeout_ms: None };
    let reply = door.ask(session, request, &hint).await?;
    match &reply {
        Reply::Assigned(assigned) if follow == Follow::Outcome => {
            Ok(assigned.outcome.as_ref().map_or(exit::OK, |outcome| ended(session, outcome)))
        }
        _ if follow == Follow::Leave => Ok(left(session)),
        _ => Ok(exit::OK),
    }
}

/// `ask`.
pub(crate) async fn ask(session: &Session, letter: LetterArguments, timeout: u32) -> Result<u8, Failure> {
    let LetterArguments { path, text, interrupt, meta } = letter;
    let (metadata, named) = (meta::entries(&meta)?, word(&path));
    let hint = format!("what was accepted is kept: understory run {named}");
    let (follow, timeout_ms) = (Follow::Outcome, Some(u64::from(timeout) * 1000));
    let request = Request::Assign { path, text, interrupt, metadata, follow, timeout_ms };
    match session.open().await?.ask(session, request, &hint).await? {
        Reply::Assigned(Assigned { outcome: Some(outcome), .. }) => Ok(ended(session, &outcome)),
        _ => {
            let message = format!("{timeout} s have passed without an answer; the message stays");
            Err(Failure::new(Code::Deadline, message).hint(format!("understory wait {named} tells the outcome")))
        }
    }
}

/// `wait`.
pub(crate) async fn wait(session: &Session, arguments: WaitArguments) -> Result<u8, Failure> {
    let WaitArguments { paths, any, all: _, count, after, timeout } = arguments;
    let wanted = match count.map(usize::from) {
        Some(count) if count > paths.len() => {
            let message = format!("--count {count} is more than the agents named, which are {}", paths.len());
            return Err(Failure::new(Code::Usage, message));
        }
        Some(count) => Wanted::Count(count),
        None if any => Wanted::Any,
        None => Wanted::All,
    };
    let timeout_ms = timeout.map(|seconds| u64::from(seconds) * 1000);
    let reply = session.ask(Request::Wait { paths, wanted, after, timeout_ms }).await?;
    match &reply {
        Reply::Waited(waited) if !waited.complete => {
            let seconds = timeout.unwrap_or_default();
            Err(Failure::new(Code::Deadline, format!("{seconds} s have passed and not all is done")).retryable())
        }
        _ => Ok(exit::OK),
    }
}

/// `close`.
pub(crate) async fn close(session: &Session, path: &str, yes: bool) -> Result<u8, Failure> {
    let shown = escaped(path);
    let question = format!("close {shown} and everything below it?");
    confirm(session, yes, "close", question, format!("{shown} was not closed")).await?;
    session.done(Request::Close { path: path.to_owned() }).await
}

/// `interrupt`.
pub(crate) async fn interrupt(session: &Session, path: &str, cascade: bool, dry_run: bool) -> Result<u8, Failure> {
    session.done(Request::Interrupt { path: path.to_owned(), cascade, dry_run }).await
}

/// `resume`.
pub(crate) async fn resume(session: &Session, path: &str) -> Result<u8, Failure> {
    session.done(Request::Resume { path: path.to_owned() }).await
}

/// `store verify`.
pub(crate) async fn verify(session: &Session) -> Result<u8, Failure> {
    let reply = session.ask(Request::Verify).await?;
    match &reply {
        Reply::Verified(verified) if !verified.sound => Ok(exit::code(Code::Damaged)),
        _ => Ok(exit::OK),
    }
}

impl Session {
    pub(crate) async fn open(&self) -> Result<Door, Failure> {
        Door::open(self).await
    }

    /// Has a request carried out and its reply printed; nothing more comes of it.
    pub(crate) async fn done(&self, request: Request) -> Result<u8, Failure> {
        self.ask(request).await.map(|_| exit::OK)
    }

    /// Has a request carried out and its reply printed, by the next owner if one ends before it answered.
    pub(crate) async fn ask(&self, mut request: Request) -> Result<Reply, Failure> {
        let hint = if request.repeats() { "the same command goes on" } else { UNSURE };
        for _ in 1..OWNERS_MAX {
            let begun = Instant::now();
            let door = self.open().await?;
            let repeats = request.repeats() && door.is_other();
            match door.ask(self, request.clone(), hint).await {
                Err(failure) if failure.code == Code::Stopping && repeats => {}
                outcome => return outcome,
            }
            if let Request::Wait { timeout_ms: Some(left), .. } = &mut request {
                *left = left.saturating_sub(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
            }
        }
        self.open().await?.ask(self, request, hint).await
    }

    /// Prints a reply as the command line asks for.
    pub(crate) async fn print(&self, reply: &Reply) -> Result<(), Failure> {
        self.data(if self.terminal.json() { render::document(reply) } else { render::text(reply) }).await
    }
}

/// A word of a command line that is told as a hint.
pub(crate) fn word(text: &str) -> String {
    match text.contains(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '/' | '_' | '@')) {
        false => text.to_owned(),
        true => format!("'{}'", escaped(text).replace('\'', r"'\''")),
    }
}

/// What becomes of a message: this process would only begin its turn and then end. An agent is told of the outcome by a
/// message.
pub(crate) fn followed(session: &Session, detach: bool, door: &Door) -> Follow {
    match (detach, door.is_other()) {
        _ if session.setting.identity.is_some() => Follow::Leave,
        (false, _) => Follow::Outcome,
        (true, true) => Follow::Run,
        (true, false) => Follow::Leave,
    }
}

pub(crate) fn left(session: &Session) -> u8 {
    if session.setting.identity.is_some() {
        return exit::OK;
    }
    session.terminal.note("no process has the store: nothing runs until `understory run`");
    exit::OK
}

/// The exit code of a turn that ended; what went wrong is said if the result does not say it.
pub(crate) fn ended(session: &Session, outcome: &OutcomeLine) -> u8 {
    if outcome.result == "completed" {
        return exit::OK;
    }
    if !session.terminal.json() {
        let message = format!("turn {} {}: {}", outcome.turn, outcome.result, escaped(&outcome.content));
        session.terminal.failure(&Failure::new(Code::Faulted, message));
    }
    exit::FAILURE
}
