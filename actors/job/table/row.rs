//! A row, and its form as a JSON object.

use serde_json::{Map, Value};

use super::TableError;

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The row's number, counted from 1 without the rows skipped.
    pub number: u32,
    /// The line of the file that the row starts on, counted from 1.
    pub line: u64,
    /// The row's id, which no other row of the table has.
    pub item_id: String,
    /// The cell that the id was made from, untrimmed, unless it is blank.
    pub source_id: Option<String>,
    /// The cells in the order of the columns.
    pub cells: Vec<String>,
}

/// Writes cells as one JSON object, in the order of the columns.
pub fn row_json(headers: &[String], cells: &[String]) -> String {
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut json);
    serde::Serializer::collect_map(&mut serializer, headers.iter().zip(cells)).expect("strings are written to memory");
    String::from_utf8(json).expect("serde_json writes utf-8")
}

/// Reads the cells back from what [`row_json`] wrote.
pub fn row_cells(headers: &[String], json: &str) -> Result<Vec<String>, TableError> {
    let bad = |what: String| TableError::StoredRow { what };
    let mut row: Map<String, Value> = serde_json::from_str(json).map_err(|error| bad(error.to_string()))?;
    let cell = |header: &String| match row.get_mut(header).map(Value::take) {
        Some(Value::String(cell)) => Ok(cell),
        Some(_) => Err(bad(format!("column {header:?} is no string"))),
        None => Err(bad(format!("column {header:?} is missing"))),
    };
    headers.iter().map(cell).collect()
}
