//! What is answered of one job.

use understory_server::{ItemsPage, JobAnswer, RowLine};

use super::list::columns;
use super::{escaped, short};

/// An answer.
pub(super) fn answer(answer: &JobAnswer) -> String {
    match answer {
        JobAnswer::Items(page) => items(page),
    }
}

fn items(page: &ItemsPage) -> String {
    let mut text = match page.items.as_slice() {
        [] => "no rows\n".to_owned(),
        items => columns(["ROW", "ITEM", "STATUS", "RUNS", "ERROR"], items.iter().map(row)),
    };
    if let Some(next) = page.next {
        text.push_str(&format!("more: --after {next}\n"));
    }
    text
}

fn row(line: &RowLine) -> [String; 5] {
    let error = line.last_error.as_deref().map(short).unwrap_or_default();
    [line.row.to_string(), escaped(&line.item_id), line.status.clone(), line.runs.to_string(), error]
}
