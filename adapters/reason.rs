//! An error in one line of text, for a brain's error, which keeps no sources.

use std::error::Error;
use std::fmt::Write as _;

/// The error and every source of it, outermost first.
pub(crate) fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a String does not fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
