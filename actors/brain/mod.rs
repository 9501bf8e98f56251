//! What thinks: the trait an author writes, and how the runtime makes one.

mod error;
mod goal;
mod housed;
mod memory;
mod planning;
mod response;
mod turn;

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use understory_paths::AgentPath;
use understory_store::AgentId;

pub use error::BrainError;
pub(crate) use housed::Housed;
pub use response::Response;
pub(crate) use turn::Cost;
pub use turn::{JobRow, Turn};

/// What answers an agent's messages. Written by authors; held as [`AnyBrain`].
///
/// One turn at a time. A turn may be run again after a crash, so what it does outside is done at least once. It must not
/// block its thread: a turn that waits for a process or a network awaits.
pub trait Brain: Send + 'static {
    /// Takes one turn. When `turn.cancelled()` resolves the answer is no longer wanted and the future is soon dropped.
    fn turn(&mut self, turn: Turn) -> impl Future<Output = Result<Response, BrainError>> + Send;
}

/// A [`Brain`] of any type, as the runtime holds it.
pub trait AnyBrain: Send + 'static {
    /// See [`Brain::turn`].
    fn turn_boxed(&mut self, turn: Turn) -> BoxFuture<'_, Result<Response, BrainError>>;
}

impl<B: Brain> AnyBrain for B {
    fn turn_boxed(&mut self, turn: Turn) -> BoxFuture<'_, Result<Response, BrainError>> {
        Box::pin(self.turn(turn))
    }
}

/// Whom a brain is made for.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The agent or job item.
    pub path: AgentPath,
    /// Its id.
    pub id: AgentId,
    /// Its role.
    pub role: Arc<str>,
    /// What the role, agent or job says about this kind of brain; its form is the brain's own (JSON, as a rule).
    pub settings: Arc<str>,
}

/// Makes brains of one kind. A closure from a [`Seat`] to a brain is one.
pub trait BrainFactory: Send + Sync + 'static {
    /// Makes a brain, at an agent's first turn and again after a panic or an overdue cancel.
    ///
    /// # Errors
    /// What supervision does about it is as for an error of a turn.
    fn make(&self, seat: &Seat) -> Result<Box<dyn AnyBrain>, BrainError>;

    /// Says what is wrong with settings, before anything is started with them. Called for the rows of a table, so it looks at
    /// nothing but them.
    ///
    /// # Errors
    /// No brain could be made with them.
    fn judge(&self, settings: &str) -> Result<(), BrainError> {
        let _ = settings;
        Ok(())
    }

    /// Ends what an earlier process left running. Called before a subtree is run, and may be called again.
    ///
    /// # Errors
    /// Nothing is run while it fails.
    fn sweep(&self) -> BoxFuture<'_, Result<(), BrainError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl<F, B> BrainFactory for F
where
    F: Fn(&Seat) -> Result<B, BrainError> + Send + Sync + 'static,
    B: Brain,
{
    fn make(&self, seat: &Seat) -> Result<Box<dyn AnyBrain>, BrainError> {
        Ok(Box::new(self(seat)?))
    }
}

/// A brain that is one async function of the turn.
pub fn brain_fn<F, R>(answer: F) -> impl Brain
where
    F: FnMut(Turn) -> R + Send + 'static,
    R: Future<Output = Result<Response, BrainError>> + Send + 'static,
{
    struct FnBrain<F>(F);
    impl<F, R> Brain for FnBrain<F>
    where
        F: FnMut(Turn) -> R + Send + 'static,
        R: Future<Output = Result<Response, BrainError>> + Send + 'static,
    {
        fn turn(&mut self, turn: Turn) -> impl Future<Output = Result<Response, BrainError>> + Send {
            (self.0)(turn)
        }
    }
    FnBrain(answer)
}
