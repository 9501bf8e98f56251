//! Where conversations come from that another program has kept: what an adapter makes of that program's files.

use std::collections::BTreeMap;
use std::error::Error;

/// Why a file cannot be read, in the adapter's words.
pub type ArchiveError = Box<dyn Error + Send + Sync>;

/// The files of another program that keeps conversations. Its calls may block.
pub trait Archive: Send + Sync + 'static {
    /// Its files, in an order that is the same each time.
    fn files(&self) -> Box<dyn Iterator<Item = Found> + Send>;

    /// Whether a file of this name is still there, or would not be seen by this archive.
    fn has(&self, name: &str) -> bool;

    /// Begins to read a file.
    ///
    /// # Errors
    /// It cannot be read, or does not say which conversation it is of.
    fn open(&self, name: &str) -> Result<Box<dyn Conversation>, ArchiveError>;
}

/// One conversation as a file tells it, line by line. Its calls may block.
pub trait Conversation: Send + Sync {
    /// What is known of it by the lines that were read. Its name and where it belongs are known from the start.
    fn thread(&self) -> &Thread;

    /// Reads one line more.
    ///
    /// # Errors
    /// The file cannot be read on.
    fn step(&mut self) -> Result<Step, ArchiveError>;

    /// How many bytes of the conversation were read, whatever the file is packed in.
    fn bytes(&self) -> u64;

    /// What those bytes hash to.
    fn hash(&self) -> [u8; 32];
}

/// What was met in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file.
    File(FoundFile),
    /// A folder or file that cannot be looked at.
    Failed {
        /// Which.
        name: String,
        /// Why.
        error: String,
    },
    /// A symbolic link, which is not followed.
    Link {
        /// Which.
        name: String,
    },
}

/// A file of an archive. One of the same length and time as before is taken to be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its name within the archive.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub modified: u64,
}

/// What a conversation says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Its name, by which it is known wherever its file lies: at most [`THREAD_NAME_MAX`](super::THREAD_NAME_MAX) bytes.
    pub name: String,
    /// The name of the one that set it to work.
    pub parent: Option<String>,
    /// What people call who took part.
    pub nickname: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub created_at: Option<u64>,
    /// What it is about.
    pub title: Option<String>,
    /// What else is known, by keys that are labels' keys.
    pub labels: BTreeMap<&'static str, String>,
    /// What it has cost.
    pub tokens: Tokens,
    /// Lines that are none, and were passed over.
    pub skipped: u64,
}

/// Tokens that a model read and wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Read by the model, without what its cache answered.
    pub input: u64,
    /// Answered by its cache.
    pub cached: u64,
    /// Written by the model.
    pub output: u64,
}

/// What a line comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A part of the conversation, said at this time, in milliseconds since 1970, if it is known.
    Part(Part, Option<u64>),
    /// Nothing of the conversation.
    Nothing,
    /// There is no further line. One that is not whole yet is none.
    End,
}

/// A part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Words.
    Said {
        /// Whose.
        by: Speaks,
        /// They.
        text: String,
    },
    /// A tool was called.
    Called {
        /// Which call it is, from 1.
        call: u32,
        /// The tool.
        name: String,
        /// What with, as JSON text.
        arguments: String,
    },
    /// A tool has answered.
    Answered {
        /// Which call; 0 if that is not known.
        call: u32,
        /// The tool, if that is known.
        name: String,
        /// Whether it did what it was called for.
        done: bool,
        /// What.
        text: String,
    },
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// The model's maker or host.
    System,
    /// Who set the model to work.
    Developer,
    /// Whom it works for.
    User,
    /// It.
    Assistant,
}
