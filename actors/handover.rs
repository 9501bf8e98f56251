//! Commits that are handed to the store and not waited for, by writers that have more than one under way.

use futures::FutureExt;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use understory_store::{CommitError, Draft, Store, StoreError, Version};

/// The answer that the store is going to give.
#[derive(Debug)]
pub(crate) struct Committed(oneshot::Receiver<Result<Version, CommitError>>);

/// Hands a commit to the store: it is behind those handed over before when this returns. `then` is called after its answer
/// can be taken.
pub(crate) fn hand_over(
    store: &Store,
    tasks: &TaskTracker,
    draft: Draft,
    then: impl FnOnce() + Send + 'static,
) -> Committed {
    let (answer, answered) = oneshot::channel();
    let store = store.clone();
    let mut commit = async move { store.commit(draft).await }.boxed();
    let begun = (&mut commit).now_or_never();
    tasks.spawn(async move {
        let committed = match begun {
            Some(committed) => committed,
            None => commit.await,
        };
        // A writer that is gone leaves a successor, which finds in the store what became of it.
        let _ = answer.send(committed);
        then();
    });
    Committed(answered)
}

impl Committed {
    /// The answer, if it was given already.
    pub(crate) fn take(&mut self) -> Option<Result<Version, CommitError>> {
        match self.0.try_recv() {
            Ok(committed) => Some(committed),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(StoreError::Closed.into())),
        }
    }

    /// Waits for the answer.
    pub(crate) async fn answer(&mut self) -> Result<Version, CommitError> {
        (&mut self.0).await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}
