//! Why a turn did not come to an answer, sorted by what is done about it.

use std::time::Duration;

/// An adapter classifies; supervision (agents) and attempts (job items) decide. An adapter never retries.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrainError {
    /// The brain cannot be reached now: the turn is run again after a back-off. A job item is charged an attempt, unless the
    /// other side says when to come back: then the whole job pauses until that.
    #[error("brain unavailable: {message}")]
    Unavailable {
        /// What was seen.
        message: String,
        /// When the other side said to come back.
        retry_after: Option<Duration>,
    },
    /// The brain said no, or its program failed: the turn is errored; a job item is charged an attempt.
    #[error("{message}")]
    Refused {
        /// What it said.
        message: String,
    },
    /// What was asked can never be answered: the turn is errored; a job item fails at once, whatever attempts it has left.
    #[error("bad input: {message}")]
    BadInput {
        /// What is wrong with it.
        message: String,
    },
    /// A quota is used up: the turn is errored, and trying again is of no use until somebody acts; a job pauses.
    #[error("brain exhausted: {message}")]
    Exhausted {
        /// What it said.
        message: String,
    },
    /// The brain itself is broken: it is dropped and made anew, and the agent's supervision decides.
    #[error("brain broken: {message}")]
    Broken {
        /// What was seen.
        message: String,
    },
}

impl BrainError {
    /// A [`BrainError::Refused`] with this message.
    pub fn refused(message: impl Into<String>) -> Self {
        BrainError::Refused { message: message.into() }
    }

    /// A [`BrainError::BadInput`] with this message.
    pub fn bad_input(message: impl Into<String>) -> Self {
        BrainError::BadInput { message: message.into() }
    }

    /// A [`BrainError::Unavailable`] with this message and no word of when to come back.
    pub fn unavailable(message: impl Into<String>) -> Self {
        BrainError::Unavailable { message: message.into(), retry_after: None }
    }

    /// A [`BrainError::Exhausted`] with this message.
    pub fn exhausted(message: impl Into<String>) -> Self {
        BrainError::Exhausted { message: message.into() }
    }

    /// A [`BrainError::Broken`] with this message.
    pub fn broken(message: impl Into<String>) -> Self {
        BrainError::Broken { message: message.into() }
    }
}
