//! The names of a table's columns, as a person is told them.

use std::fmt;

use super::TableError;

/// How many names are listed before the rest is only counted.
const LISTED_MAX: usize = 20;

/// Lists column names, quoted, for an error or a warning.
pub(in crate::job) struct Columns<'a>(pub(in crate::job) &'a [String]);

impl Columns<'_> {
    /// The refusal of a table that lacks the column its ids were to come from.
    pub(super) fn unknown_id(&self, name: &str) -> TableError {
        TableError::UnknownIdColumn { name: name.to_owned(), known: self.to_string() }
    }
}

impl fmt::Display for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().take(LISTED_MAX).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name:?}")?;
        }
        match self.0.len().saturating_sub(LISTED_MAX) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
