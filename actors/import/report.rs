//! What came of an import.

use serde::Serialize;
use understory_paths::AgentPath;

/// How many of the files that failed are told with a report.
pub const FAILURES_MAX: usize = 1_000;
/// How many of the links that were not followed are told with a report.
pub const LINKS_MAX: usize = 16;

/// How far an import is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportTally {
    /// Files met.
    pub files: u64,
    /// Those that are as they were when all of them was taken.
    pub unchanged: u64,
    /// Conversations that were not there before.
    pub new: u64,
    /// Conversations that were, and have grown.
    pub grown: u64,
    /// Files whose conversation was there with all that they hold: they were moved, packed or copied.
    pub known: u64,
    /// Files whose conversation was imported and its agent removed since: it stays away.
    pub removed: u64,
    /// Files that failed.
    pub failed: u64,
    /// Entries added to transcripts.
    pub entries: u64,
    /// Lines that are none and were passed over, in files of which something was taken.
    pub skipped_lines: u64,
    /// Texts that were too long, of which only the beginning is kept.
    pub cut_texts: u64,
    /// The file that was met last.
    pub last: String,
}

/// What came of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// What all of it lies below.
    #[serde(rename = "path")]
    pub at: AgentPath,
    /// Nothing was changed.
    pub dry_run: bool,
    /// The file that an earlier run had taken last when it was cut short.
    pub went_on_behind: Option<String>,
    /// How many of what.
    #[serde(rename = "counts")]
    pub tally: ImportTally,
    /// The first of the files that failed, in the order of a hash of their names.
    pub failures: Vec<ImportFailure>,
    /// The first of the symbolic links that were met and not followed.
    pub links: Vec<String>,
}

/// A file that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportFailure {
    /// Which.
    pub file: String,
    /// Why.
    pub error: String,
    /// How many runs have tried.
    pub attempts: u32,
}

impl ImportTally {
    /// Adds what a commit came to.
    pub(super) fn add(&mut self, gain: &ImportTally) {
        let ImportTally {
            files,
            unchanged,
            new,
            grown,
            known,
            removed,
            failed,
            entries,
            skipped_lines,
            cut_texts,
            last: _,
        } = gain;
        self.files += files;
        self.unchanged += unchanged;
        self.new += new;
        self.grown += grown;
        self.known += known;
        self.removed += removed;
        self.failed += failed;
        self.entries += entries;
        self.skipped_lines += skipped_lines;
        self.cut_texts += cut_texts;
    }
}
