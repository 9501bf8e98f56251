//! Which rows of a table come after which, as one of its columns says.
//!
//! A cell names item ids, with `;` between them; in a JSON table it may be an array of them. An id that has blanks at its
//! ends is not found by it, one that has a `;` by an array only. The table is read twice more for that, for its ids and then
//! for its edges, and holds 16 bytes an id, 8 an edge and 12 a row meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use understory_store::TableFormat;

use super::error::JobError;
use super::table::{Columns, Row, Table, TableError, TableLimits, open_file};

/// The most ids of one cell.
const IDS_MAX: usize = 64;
/// The most rows of a cycle that are named.
const NAMED_MAX: usize = 10;

/// A table, as it is to be read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) input: &'a Path,
    pub(super) format: TableFormat,
    pub(super) limits: TableLimits,
    pub(super) id_column: Option<&'a str>,
}

/// The rows of a table by their ids.
pub(super) struct Ids(HashMap<[u8; 12], u32>);

/// Demands of a table that every row comes after rows that there are, and none after itself.
pub(super) fn check(source: Source<'_>, column: &str) -> Result<(), JobError> {
    let (ids, headers) = source.ids()?;
    demand_column(&headers, column)?;
    match ids.cycle(source.rows()?, column)? {
        Some(numbers) => Err(name(source.rows()?, &numbers)?),
        None => Ok(()),
    }
}

/// As [`check`], of rows that are in memory.
pub(super) fn check_rows(rows: &[Row], headers: &[String], column: &str) -> Result<(), JobError> {
    demand_column(headers, column)?;
    let ids = Ids(rows.iter().map(|row| (digest(&row.item_id), row.number)).collect());
    match ids.cycle(rows.iter().cloned().map(Ok), column)? {
        Some(numbers) => Err(name(rows.iter().cloned().map(Ok), &numbers)?),
        None => Ok(()),
    }
}

/// The rows behind `before` among edges in order.
pub(super) fn behind(edges: &[(u32, u32)], before: u32) -> impl Iterator<Item = u32> {
    let from = edges.partition_point(|(row, _)| *row < before);
    edges[from..].iter().take_while(move |(row, _)| *row == before).map(|(_, row)| *row)
}

impl<'a> Source<'a> {
    /// The rows of the table by their ids, and its columns.
    pub(super) fn ids(self) -> Result<(Ids, Vec<String>), JobError> {
        let (mut ids, mut table) = (HashMap::new(), self.rows()?);
        for row in table.by_ref() {
            let row = row?;
            ids.insert(digest(&row.item_id), row.number);
        }
        Ok((Ids(ids), table.headers().to_vec()))
    }

    fn rows(self) -> Result<Table<std::fs::File>, JobError> {
        Ok(Table::open(open_file(self.input)?, self.format, self.limits, self.id_column)?)
    }
}

impl Ids {
    /// Rows that wait for each other, as [`cycle`] says; nothing if there are none.
    fn cycle(
        &self,
        rows: impl Iterator<Item = Result<Row, TableError>>,
        column: &str,
    ) -> Result<Option<Vec<u32>>, JobError> {
        // By the row that must be completed.
        let (mut edges, mut left) = (Vec::new(), vec![0_u8; self.0.len() + 1]);
        for row in rows {
            let row = row?;
            let after = self.after(&row, column)?;
            let what = || "the table has changed while it was read".to_owned();
            let grown = || JobError::Dependency { line: row.line, what: what() };
            let left = left.get_mut(row.number as usize).ok_or_else(grown)?;
            *left = u8::try_from(after.len()).expect("a cell has at most 64 ids");
            edges.extend(after.into_iter().map(|before| (before, row.number)));
        }
        edges.sort_unstable();
        Ok(cycle(&edges, left))
    }

    /// The numbers of the rows that a row comes after, in order, each once.
    pub(super) fn after(&self, row: &Row, column: &str) -> Result<Vec<u32>, JobError> {
        let fault = |what: String| JobError::Dependency { line: row.line, what };
        let cells: serde_json::Map<String, Value> = serde_json::from_str(&row.json).unwrap_or_default();
        let words = words(cells.get(column)).ok_or_else(|| {
            fault(format!("column {column:?} is neither a text of item ids with ; between them nor an array of texts"))
        })?;
        let mut after = BTreeSet::new();
        for id in words {
            let number = self.0.get(&digest(&id)).copied();
            let number = number
                .ok_or_else(|| fault(format!("no row has the id {id:?}, which {:?} comes after", row.item_id)))?;
            if number == row.number {
                return Err(fault(format!("{id:?} comes after itself")));
            }
            after.insert(number);
        }
        match after.len() > IDS_MAX {
            true => Err(fault(format!("{:?} comes after {} rows, the limit is {IDS_MAX}", row.item_id, after.len()))),
            false => Ok(after.into_iter().collect()),
        }
    }
}

fn demand_column(headers: &[String], column: &str) -> Result<(), JobError> {
    if headers.iter().any(|header| header == column) {
        return Ok(());
    }
    let what = format!("after column {column:?} is not in the table, which has {}", Columns(headers));
    Err(JobError::Dependency { line: 1, what })
}

/// Says by their ids that these rows wait for each other in this order.
fn name(rows: impl Iterator<Item = Result<Row, TableError>>, numbers: &[u32]) -> Result<JobError, JobError> {
    let wanted: BTreeSet<u32> = numbers.iter().copied().collect();
    let (mut named, mut line) = (HashMap::new(), 0);
    for row in rows {
        let row = row?;
        if wanted.contains(&row.number) {
            line = if row.number == numbers[0] { row.line } else { line };
            named.insert(row.number, row.item_id);
        }
    }
    let mut words: Vec<String> = numbers
        .iter()
        .take(NAMED_MAX)
        .map(|number| format!("{:?}", named.get(number).cloned().unwrap_or_default()))
        .collect();
    if numbers.len() > NAMED_MAX {
        words.push(format!("{} more", numbers.len() - NAMED_MAX));
    }
    words.push(words[0].clone());
    Ok(JobError::Dependency { line, what: format!("rows wait for each other: {}", words.join(" after ")) })
}

/// The ids that a cell names. Nothing: it cannot name any.
fn words(cell: Option<&Value>) -> Option<Vec<String>> {
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match cell {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(values)) => values.iter().map(word).collect(),
        Some(Value::String(text)) => {
            Some(text.split(';').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect())
        }
        Some(value) => Some(vec![word(value)?]),
    }
}

/// Rows that wait for each other, each for the next and the last for the first; nothing if there are none. `left` tells of
/// each row for how many it waits.
fn cycle(edges: &[(u32, u32)], mut left: Vec<u8>) -> Option<Vec<u32>> {
    let mut free: Vec<u32> = (1..).take(left.len() - 1).filter(|row| left[*row as usize] == 0).collect();
    while let Some(done) = free.pop() {
        for row in behind(edges, done) {
            left[row as usize] -= 1;
            free.extend((left[row as usize] == 0).then_some(row));
        }
    }
    let mut row = u32::try_from(left.iter().position(|left| *left > 0)?).ok()?;
    // Whoever is left waits for somebody who is left: going on from one to the next must come round.
    let before: HashMap<u32, u32> =
        edges.iter().filter(|(before, _)| left[*before as usize] > 0).map(|(a, b)| (*b, *a)).collect();
    let mut way = Vec::new();
    let mut seen = HashMap::new();
    loop {
        if let Some(from) = seen.insert(row, way.len()) {
            return Some(way.split_off(from));
        }
        way.push(row);
        row = *before.get(&row)?;
    }
}

fn digest(id: &str) -> [u8; 12] {
    let whole: [u8; 32] = Sha256::digest(id).into();
    *whole.first_chunk().expect("a hash of 32 bytes has 12")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_grows_while_it_is_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "id,on\na,\n").unwrap();
        let limits = TableLimits { columns: 9, rows: 9, row_bytes: 99 };
        let source = Source { input: file.path(), format: TableFormat::Csv, limits, id_column: Some("id") };
        let (ids, _) = source.ids().unwrap();
        std::fs::write(file.path(), "id,on\na,\nb,a\n").unwrap();
        let error = ids.cycle(source.rows().unwrap(), "on").unwrap_err();
        assert_eq!(error.to_string(), "line 3: the table has changed while it was read");
    }
}
