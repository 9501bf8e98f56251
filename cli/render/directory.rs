//! Directories as text.

use understory::Checkout;
use understory_server::{CheckoutLine, DirLine, DirectoryLine, FoundLine};

use super::{escaped, table};

pub(super) fn dir(line: &DirLine) -> String {
    let DirLine { path, directory, now, drift } = line;
    let Some(directory) = directory else { return format!("{path} has no directory\n") };
    let now = now.as_ref().map_or_else(|| "cannot be told".to_owned(), words);
    table(vec![
        ("directory", escaped(&directory.directory)),
        ("began", directory.began.as_ref().map(words).unwrap_or_default()),
        ("left", left(directory)),
        ("now", now),
        ("drift", drift.as_deref().map(escaped).unwrap_or_default()),
        ("held", directory.found.as_ref().map(|found| held(path.as_str(), found)).unwrap_or_default()),
    ])
}

/// Where somebody works, in one line.
pub(super) fn at(directory: &DirectoryLine) -> String {
    escaped(&directory.directory)
}

/// How it was left.
pub(super) fn left(directory: &DirectoryLine) -> String {
    let words = directory.left.as_ref().map_or_else(|| "could not be told".to_owned(), words);
    format!("{words}, seen at {}", directory.left_at)
}

/// What was last found to be otherwise.
pub(super) fn found(path: &str, found: &FoundLine) -> String {
    let words = format!("{}, found at {}", escaped(&found.drift), found.at);
    if found.held { format!("{words}; {}", held(path, found)) } else { words }
}

pub(super) fn words(line: &CheckoutLine) -> String {
    escaped(&Checkout::from(line.clone()).to_string())
}

fn held(path: &str, found: &FoundLine) -> String {
    match found.held {
        true => format!("nothing runs there: understory dir accept {path}"),
        false => String::new(),
    }
}
