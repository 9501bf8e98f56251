//! What becomes of a run by what its brain said: the class of the error decides.

use std::time::Duration;

use super::run::RunEnd;
use crate::brain::BrainError;
use crate::error::{Error, cut};

/// How long a job waits when its brain says that a quota is used up, and not until when.
const QUOTA_PAUSE: Duration = Duration::from_secs(600);
/// The shortest pause: a brain that says "now" at each try would be asked without end.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// How a run ends whose brain did not answer, or could not be made.
pub(super) fn of_brain(error: &BrainError) -> RunEnd {
    let words = error.to_string();
    match error {
        BrainError::Unavailable { retry_after: Some(after), .. } => {
            RunEnd::Limited { error: words, pause: (*after).max(PAUSE_MIN) }
        }
        BrainError::Exhausted { .. } => RunEnd::Limited { error: words, pause: QUOTA_PAUSE },
        BrainError::BadInput { .. } => RunEnd::Unfit(words),
        BrainError::Unavailable { .. } | BrainError::Refused { .. } | BrainError::Broken { .. } => {
            RunEnd::Failed(words)
        }
    }
}

/// How a run ends that could not be begun. A text that is too long is no shorter the next time.
pub(super) fn of_start(error: &Error) -> RunEnd {
    match error {
        Error::TooLong { .. } => RunEnd::Unfit(error.to_string()),
        _ => RunEnd::Failed(error.to_string()),
    }
}

/// The same end, its words as far as a record takes them.
pub(super) fn shortened(end: RunEnd) -> RunEnd {
    match end {
        RunEnd::Failed(error) => RunEnd::Failed(cut(error)),
        RunEnd::Unfit(error) => RunEnd::Unfit(cut(error)),
        RunEnd::Limited { error, pause } => RunEnd::Limited { error: cut(error), pause },
        end => end,
    }
}
