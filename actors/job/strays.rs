//! What the rows' own instructions name that is no column.

use std::collections::BTreeMap;

use super::error::JobError;
use super::settings::Asked;
use super::template::{Template, UnknownColumns};

/// The names met so far that were no column then. The columns of a JSON table are known at its end only.
#[derive(Default)]
pub(super) struct Strays(BTreeMap<String, u64>);

impl Strays {
    /// Takes up what a row's own instruction names. Of names no more are kept than a table can have columns, and one: among so
    /// many there is one that is none.
    pub(super) fn look(&mut self, asked: &Asked<'_>, cells: &[String], line: u64, columns_max: usize) {
        let Some(instruction) = asked.said(asked.columns.instruction.as_deref(), cells) else { return };
        for name in Template::parse(instruction).columns() {
            let is_new = !self.0.contains_key(name) && !asked.headers.iter().any(|header| header == name);
            if is_new && self.0.len() <= columns_max {
                self.0.insert(name.to_owned(), line);
            }
        }
    }

    /// What of it is no column of the whole table either, unless that is refused.
    pub(super) fn judge(self, asked: &Asked<'_>) -> Result<Option<UnknownColumns>, JobError> {
        let mut names: Vec<(u64, String)> = self.0.into_iter().map(|(name, line)| (line, name)).collect();
        names.retain(|(_, name)| !asked.headers.contains(name));
        names.sort_unstable();
        let (Some((first, _)), Some(column)) = (names.first(), &asked.columns.instruction) else { return Ok(None) };
        let first = *first;
        if asked.strict {
            names.retain(|(line, _)| *line == first);
        }
        let names = names.into_iter().map(|(_, name)| name).collect();
        if asked.strict {
            let what = UnknownColumns::new("the instruction names", names, "", asked.headers).to_string();
            return Err(JobError::Cell { line: first, column: column.clone(), what });
        }
        let (who, whence) = (format!("column {column:?} names"), format!(" from line {first} on"));
        Ok(Some(UnknownColumns::new(&who, names, &whence, asked.headers)))
    }
}
