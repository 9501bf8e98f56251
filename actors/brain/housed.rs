//! A brain as the runtime holds it between its making and its end.

use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::AnyBrain;

/// A brain whose end is nobody else's: what it panics with when it is dropped goes to the log, and no further.
///
/// A brain is dropped wherever its slot or its turn ends, in the midst of a panic of its own, too, which a second one would
/// make an abort of the process.
pub(crate) struct Housed(Option<Box<dyn AnyBrain>>);

impl Housed {
    pub(crate) fn new(brain: Box<dyn AnyBrain>) -> Self {
        Housed(Some(brain))
    }
}

impl Deref for Housed {
    type Target = dyn AnyBrain;

    fn deref(&self) -> &Self::Target {
        self.0.as_deref().expect("a brain is there until it is dropped")
    }
}

impl DerefMut for Housed {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0.as_deref_mut().expect("a brain is there until it is dropped")
    }
}

impl Drop for Housed {
    fn drop(&mut self) {
        let brain = self.0.take();
        if catch_unwind(AssertUnwindSafe(|| drop(brain))).is_err() {
            tracing::error!("a brain panicked when it was dropped");
        }
    }
}
