//! Why a table is refused.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::quotes::QuoteFault;

/// Why a table is refused. Nothing of it has been taken when [`scan`](super::scan) says so.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// There is no such file.
    #[error("table {} does not exist", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file cannot be opened.
    #[error("failed to open table {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<io::Error>,
    },
    /// The file was opened and then could not be read.
    #[error("failed to read the table")]
    Read {
        /// Why not.
        #[source]
        source: Arc<io::Error>,
    },
    /// The bytes are not text.
    #[error("invalid utf-8 at byte {byte}, in line {line}")]
    NotUtf8 {
        /// The offset of the first wrong byte in the file, counted from 0.
        byte: u64,
        /// Its line, counted from 1.
        line: u64,
    },
    /// A quote is not as RFC 4180 has it.
    #[error("line {line}, column {column}: {fault}")]
    Quote {
        /// Its line, counted from 1.
        line: u64,
        /// Its place in the line in characters, counted from 1.
        column: u64,
        /// What is wrong.
        fault: QuoteFault,
    },
    /// A row is no JSON object, or the text around the rows no JSON array.
    #[error("line {line}, column {column}: {what}")]
    Json {
        /// The line, counted from 1.
        line: u64,
        /// The place in the line in characters, counted from 1.
        column: u64,
        /// What is wrong there.
        what: String,
    },
    /// The file has nothing in it, or only blank lines.
    #[error("no header: the table has no line that is not blank")]
    NoHeader,
    /// Two columns have the same name. Only one may be blank, too.
    #[error("header {name:?} names column {first} and column {second}")]
    DuplicateHeader {
        /// The name.
        name: String,
        /// The first column that has it, counted from 1.
        first: usize,
        /// The second.
        second: usize,
    },
    /// The column that ids were to come from is not there.
    #[error("id column {name:?} is not in the table, which has {known}")]
    UnknownIdColumn {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A row has more or fewer fields than the header.
    #[error("line {line} has {found} field{}, the header has {wanted}", if *found == 1 { "" } else { "s" })]
    Ragged {
        /// The line that the row starts on.
        line: u64,
        /// Its fields.
        found: usize,
        /// The header's.
        wanted: usize,
    },
    /// The header has too many fields.
    #[error("the header has {found} columns, the limit is {limit}")]
    TooManyColumns {
        /// The header's fields.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The rows of a JSON table have too many keys between them.
    #[error("the row at line {line} has one column too many for the table, the limit is {limit} columns")]
    TooManyKeys {
        /// The line of the row with the first key over the limit.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// The keys of a JSON table's rows are together longer than a row may be.
    #[error("the names of the columns up to line {line} are too long, the limit is {limit} bytes as json")]
    KeysTooLarge {
        /// The line of the row with the first key over the limit.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// The table has too many rows.
    #[error("line {line} is one row too many, the limit is {limit} rows")]
    TooManyRows {
        /// The line that the first row over the limit starts on.
        line: u64,
        /// The limit.
        limit: u32,
    },
    /// A row is too large; a header whose names alone make every row too large is refused as well.
    #[error("the row at line {line} is too large, the limit is {limit} bytes as json; a quote may have been left open")]
    RowTooLarge {
        /// The line that the row starts on.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// What lies between two rows, or behind the last, goes on for too long.
    #[error("no row in the {bytes} bytes up to line {line}: a table ends sooner behind its last row")]
    NoRows {
        /// The last line that was looked at.
        line: u64,
        /// How much was looked at.
        bytes: u64,
    },
    /// A stored row is not what [`row_json`](super::row_json) wrote for these columns.
    #[error("failed to read a stored row: {what}")]
    StoredRow {
        /// What is wrong with it.
        what: String,
    },
}
