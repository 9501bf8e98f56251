//! Why a job could not be started, gone on with or exported.

use understory_paths::AgentPath;

use super::export::ExportError;
use super::table::TableError;

/// Why a job could not be started, gone on with or exported.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The table is no good, or cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// What a row says of the rows before it is no good.
    #[error("line {line}: {what}")]
    Dependency {
        /// Its line, counted from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// The output cannot be written.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A table that comes from no file has nowhere to be kept.
    #[error("a table that comes from no file needs a folder to be kept in, and the runtime was given none")]
    NoSpool,
    /// A table that comes from no file cannot be kept.
    #[error("failed to keep the table in {}", dir.display())]
    Unkept {
        /// The folder.
        dir: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::sync::Arc<std::io::Error>,
    },
    /// The command was run before on another table.
    #[error("{input} has changed since {job} was started from it: start another job with --new")]
    InputChanged {
        /// The table's file.
        input: String,
        /// The job there is.
        job: AgentPath,
    },
    /// The table is not the one the job was made from.
    #[error("{input} has changed since the job was started")]
    Changed {
        /// The table's file.
        input: String,
    },
    /// A report is not a JSON object.
    #[error("result must be a JSON object: {what}")]
    NotAnObject {
        /// What it is.
        what: String,
    },
    /// What results were to be held to is no JSON Schema, or one that leads elsewhere.
    #[error("the schema cannot be used: {what}")]
    BadSchema {
        /// Why not.
        what: String,
    },
    /// A result does not fit the job's schema. Its worker may mend it and report again.
    #[error("the result does not fit the schema: {what}")]
    Misfit {
        /// The first few things that are wrong with it, by where they are.
        what: String,
    },
    /// A result does not fit, and was refused for the last time: its run is over.
    #[error("{what}; this run is over, for {times} results were refused")]
    NothingFits {
        /// How many were.
        times: u32,
        /// What is wrong with the last.
        what: String,
    },
    /// A path cannot be made absolute.
    #[error("failed to find {}", path.display())]
    Place {
        /// The path as given.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::sync::Arc<std::io::Error>,
    },
    /// A path is not UTF-8.
    #[error("{} cannot be kept: its name is not utf-8", path.display())]
    NotText {
        /// The path, absolute.
        path: std::path::PathBuf,
    },
    /// The output would take the place of the table.
    #[error("output {} is the table itself", path.display())]
    OutputIsInput {
        /// The path, absolute.
        path: std::path::PathBuf,
    },
    /// The output would take the place of a job's.
    #[error("output {} is that of job {job}", path.display())]
    OutputTaken {
        /// The path, absolute.
        path: std::path::PathBuf,
        /// The job.
        job: AgentPath,
    },
    /// The output could not be written; the job keeps its results, and writes it when it is resumed.
    #[error("the output of the job is not there: {reason}")]
    Unwritten {
        /// The output.
        output: std::path::PathBuf,
        /// Why not.
        reason: String,
    },
    /// A column that rows were to say something in is not there.
    #[error("{setting} column {name:?} is not in the table, which has {known}")]
    UnknownColumn {
        /// What was to be said there.
        setting: &'static str,
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A row says something for itself that is no good.
    #[error("line {line}, column {column:?}: {what}")]
    Cell {
        /// The line that the row starts on.
        line: u64,
        /// The column.
        column: String,
        /// What is wrong.
        what: String,
    },
    /// Nobody says what works on the rows, or on one.
    #[error(
        "no brain is named{}: not for the job, and role {role:?} has none",
        line.map_or_else(String::new, |line| format!(" for line {line}, not by the row"))
    )]
    NoBrain {
        /// The line that the row starts on, if it is one row.
        line: Option<u64>,
        /// The role.
        role: String,
    },
    /// The template names what is no column, and the job was asked to be strict.
    #[error(transparent)]
    UnknownColumns(#[from] super::template::UnknownColumns),
    /// A setting is out of its range.
    #[error("{setting} must be at least 1")]
    Zero {
        /// Which.
        setting: &'static str,
    },
}
