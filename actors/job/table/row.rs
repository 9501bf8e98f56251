//! A row, and its form as a JSON object.

use std::collections::HashMap;

use super::TableError;
use super::object::{Fields, cell};

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
    /// The row as a JSON object without blanks between its parts, in the order of the columns or of its own keys.
    pub json: String,
}

impl Row {
    /// The row with no cell but that of one column.
    pub(in crate::job) fn with_only(&self, column: &str) -> Row {
        let mut cells: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&self.json).unwrap_or_default();
        cells.retain(|name, _| name == column);
        Row { json: serde_json::Value::Object(cells).to_string(), ..self.clone() }
    }
}

/// Writes cells as one JSON object, in the order of the columns.
pub fn row_json<'c>(headers: &[String], cells: impl IntoIterator<Item = &'c str>) -> String {
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut json);
    serde::Serializer::collect_map(&mut serializer, headers.iter().zip(cells)).expect("strings are written to memory");
    String::from_utf8(json).expect("serde_json writes utf-8")
}

/// Reads a row's cells from its JSON object, in the order of the columns: strings as they are, anything else as JSON, and
/// an empty cell for a key that is not there.
pub fn row_cells(headers: &[String], json: &str) -> Result<Vec<String>, TableError> {
    let bad = |error: serde_json::Error| TableError::StoredRow { what: error.to_string() };
    let Fields(fields) = serde_json::from_str(json).map_err(bad)?;
    let fields: HashMap<String, _> = fields.into_iter().collect();
    headers
        .iter()
        .map(|header| fields.get(header).map_or(Ok(String::new()), |value| cell(value).map_err(bad)))
        .collect()
}
