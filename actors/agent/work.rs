//! A turn's task: it owns the brain while it works, and hands it back.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::entry::TurnEnd;
use crate::brain::{AnyBrain, BrainError, BrainFactory, Housed, Response, Seat, Turn};
use crate::error::Error;
use crate::limits::TEXT_MAX;

/// What a turn's task is given.
pub(super) struct Work {
    pub(super) factory: Result<Arc<dyn BrainFactory>, Error>,
    pub(super) brain: Option<Housed>,
    pub(super) seat: Seat,
    pub(super) turn: Turn,
    pub(super) cancel: CancellationToken,
    pub(super) grace: Duration,
}

/// Runs a turn to its end. A brain that panicked, or did not end within its grace after a cancel, is dropped.
pub(super) async fn run_turn(work: Work) -> (TurnEnd, Option<Housed>) {
    let Work { factory, brain, seat, turn, cancel, grace } = work;
    let mut brain = match brain.map_or_else(|| make(factory, &seat), Ok) {
        Ok(brain) => brain,
        Err(error) => return (TurnEnd::Answered(Err(error)), None),
    };
    match answer(&mut *brain, turn, &cancel, grace).await {
        Some(Ok(answered)) => (settle(answered, &cancel), Some(brain)),
        Some(Err(panic)) => (TurnEnd::Answered(Err(BrainError::broken(panic))), None),
        None => (TurnEnd::Cancelled, None),
    }
}

/// The brain's answer, or what it panicked with; nothing when it outlived its grace.
pub(crate) async fn answer(
    brain: &mut dyn AnyBrain,
    turn: Turn,
    cancel: &CancellationToken,
    grace: Duration,
) -> Option<Result<Result<Response, BrainError>, String>> {
    let overdue = async {
        cancel.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    // The brain is dropped after a panic, so no half-changed state is seen again.
    let answer = AssertUnwindSafe(async move { brain.turn_boxed(turn).await }).catch_unwind();
    tokio::select! {
        answered = answer => Some(answered.map_err(|panic| words(panic.as_ref()))),
        () = overdue => None,
    }
}

/// Makes a brain; a factory that panics has broken.
pub(crate) fn make(factory: Result<Arc<dyn BrainFactory>, Error>, seat: &Seat) -> Result<Housed, BrainError> {
    let factory = factory.map_err(|error| BrainError::refused(error.to_string()))?;
    std::panic::catch_unwind(AssertUnwindSafe(|| factory.make(seat).map(Housed::new)))
        .unwrap_or_else(|panic| Err(BrainError::broken(words(panic.as_ref()))))
}

/// Ends what an earlier process left running; a factory that panics has broken.
pub(crate) async fn sweep(factory: &dyn BrainFactory) -> Result<(), BrainError> {
    let swept = AssertUnwindSafe(async { factory.sweep().await }).catch_unwind().await;
    swept.unwrap_or_else(|panic| Err(BrainError::broken(words(panic.as_ref()))))
}

fn settle(answered: Result<Response, BrainError>, cancel: &CancellationToken) -> TurnEnd {
    match answered {
        Err(_) if cancel.is_cancelled() => TurnEnd::Cancelled,
        Ok(response) if response.content.len() > TEXT_MAX => {
            let bytes = response.content.len();
            TurnEnd::Answered(Err(BrainError::refused(format!(
                "the answer has {bytes} bytes, over the limit of {TEXT_MAX}"
            ))))
        }
        answered => TurnEnd::Answered(answered),
    }
}

/// A turn whose task panicked outside of the brain's own work.
pub(super) fn panicked(panic: &Box<dyn Any + Send>) -> (TurnEnd, Option<Housed>) {
    (TurnEnd::Answered(Err(BrainError::broken(words(panic.as_ref())))), None)
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", said.unwrap_or_else(|| "no message".to_owned()))
}
