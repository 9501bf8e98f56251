//! What a worker's environment says about its turn.

use std::collections::HashSet;

use serde_json::{Map, Value};
use understory_actors::{JobRow, Turn};

/// The longest cell that becomes a variable, in bytes. The system refuses any variable over 128 KiB.
const CELL_MAX: usize = 64 * 1024;
/// The most bytes of all columns' variables, names included.
const COLUMNS_MAX: usize = 256 * 1024;

/// The turn's own variables, without the files'.
pub(crate) fn turn_env(turn: &Turn) -> Vec<(String, String)> {
    let mut variables = vec![("UNDERSTORY_PATH".to_owned(), turn.path().to_string())];
    if let Some(instructions) = turn.instructions().filter(|text| fits(text)) {
        variables.push(("UNDERSTORY_INSTRUCTIONS".to_owned(), instructions.to_owned()));
    }
    if let Some(drift) = turn.drift().map(ToString::to_string).filter(|words| fits(words)) {
        variables.push(("UNDERSTORY_DRIFT".to_owned(), drift));
    }
    let metadata = turn.metadata();
    if !metadata.is_empty() {
        // One variable for all: a key could take the name of another variable. What no variable holds is escaped in JSON.
        let all: Map<_, _> = metadata.iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        variables.push(("UNDERSTORY_METADATA".to_owned(), Value::Object(all).to_string()));
    }
    if let Some(row) = turn.row() {
        variables.extend(row_env(row));
    }
    variables
}

/// What the brain is told before it goes on.
pub(crate) fn briefing_env(briefing: Option<String>) -> Option<(String, String)> {
    briefing.filter(|text| fits(text)).map(|text| ("UNDERSTORY_BRIEFING".to_owned(), text))
}

/// A variable for each column of a row, given as a JSON object: `UNDERSTORY_COL_` and the column's name, upper-cased, with
/// `_` for what is not a letter, digit or `_` of ASCII. Where two columns come to one name the first has it.
///
/// A string is given as it is, `null` as nothing, everything else as JSON. A cell that a variable cannot hold (a NUL, or
/// too long) is left out, and every column is when together they are too long.
pub(crate) fn columns_env(json: &str) -> Vec<(String, String)> {
    let (mut columns, mut taken) = (Vec::new(), HashSet::new());
    for (column, cell) in serde_json::from_str::<Map<String, Value>>(json).unwrap_or_default() {
        let (name, text) = (variable(&column), text(cell));
        // A cell that is left out keeps its name: the second column's text under it would be taken for the first's.
        if taken.insert(name.clone()) && fits(&text) {
            columns.push((name, text));
        }
    }
    let bytes: usize = columns.iter().map(|(name, text)| name.len() + text.len() + "=\0".len()).sum();
    if bytes > COLUMNS_MAX { Vec::new() } else { columns }
}

fn row_env(row: &JobRow) -> Vec<(String, String)> {
    let mut variables = vec![
        ("UNDERSTORY_JOB".to_owned(), row.job.to_string()),
        ("UNDERSTORY_ROW".to_owned(), row.number.to_string()),
        ("UNDERSTORY_RUN".to_owned(), row.run.to_string()),
    ];
    if let Some(schema) = row.schema.as_deref().filter(|schema| fits(schema)) {
        variables.push(("UNDERSTORY_SCHEMA".to_owned(), schema.to_owned()));
    }
    if fits(&row.item_id) {
        variables.push(("UNDERSTORY_ITEM".to_owned(), row.item_id.to_string()));
    }
    variables.extend(columns_env(&row.json));
    variables
}

fn variable(column: &str) -> String {
    let plain = column.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    "UNDERSTORY_COL_".chars().chain(plain).collect()
}

fn text(cell: Value) -> String {
    match cell {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn fits(text: &str) -> bool {
    text.len() <= CELL_MAX && !text.contains('\0')
}
