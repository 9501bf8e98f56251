//! The arguments of `transcript` and `usage`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use understory_server::EntryWord;

/// A transcript to be shown, or something else to be done with one.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct TranscriptArguments {
    #[command(subcommand)]
    pub(crate) verb: Option<TranscriptVerb>,
    #[command(flatten)]
    pub(crate) page: EntriesArguments,
}

/// What is done with transcripts.
#[derive(Debug, Subcommand)]
pub(crate) enum TranscriptVerb {
    /// Write a transcript to a file, as JSON lines, the oldest entry first
    Export {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
        /// Where to; a file that is there is not written over
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a file of JSON lines, as an export writes them, the transcript of an agent that has none and has taken no turn: what was
    /// said, and calls with what they were answered
    Import {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Take the oldest entries out of the transcripts of a subtree. What a turn under way, the last turn of an agent, an outcome
    /// that is waited for or an unfinished job needs stays, and what came since an active goal was set, of all who work for it; each
    /// transcript says at its beginning what it lacks, and the digest tells of that
    Prune(PruneArguments),
}

/// Which entries are to go.
#[derive(Debug, Args)]
pub(crate) struct PruneArguments {
    /// Those of this agent and below it
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Those older than this: a number with s, m, h or d behind it
    #[arg(long, value_name = "AGE", value_parser = span)]
    pub(crate) older_than: Option<Duration>,
    /// The oldest of all, until what is left has no more bytes than this
    #[arg(long, value_name = "BYTES")]
    pub(crate) keep_bytes: Option<u64>,
    /// Only say what would go
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// Which entries are to be shown.
#[derive(Debug, Args)]
pub(crate) struct EntriesArguments {
    /// Whose transcript; one of an agent called `export`, `import` or `prune` by its whole path
    #[arg(value_name = "PATH", required = true)]
    pub(crate) path: Option<String>,
    /// How many entries at the most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) last: u16,
    /// Those behind this entry, the next ones first; 0.0 is before the first
    #[arg(long, value_name = "ENTRY", conflicts_with = "before")]
    pub(crate) after: Option<String>,
    /// Those before this entry
    #[arg(long, value_name = "ENTRY")]
    pub(crate) before: Option<String>,
    /// Only what has this text, whatever its case, or is about a tool that has it in its name
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
    /// Only these kinds, any of several
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_enum)]
    pub(crate) kind: Vec<EntryKindWord>,
    /// Only this turn; of a job's row, this run
    #[arg(long, value_name = "NUMBER")]
    pub(crate) turn: Option<u64>,
    /// Only what is not older than this: a number with s, m, h or d behind it
    #[arg(long, value_name = "AGE", value_parser = span)]
    pub(crate) within: Option<Duration>,
}

/// Whose cost is to be shown.
#[derive(Debug, Args)]
pub(crate) struct UsageArguments {
    /// Of which agent or job and what lies below it; /root if none is given
    #[arg(default_value = "/root", value_name = "PATH")]
    pub(crate) path: String,
    /// How many of the dearest below it are shown
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(0..=500))]
    pub(crate) limit: u16,
    /// What each of its own turns has cost instead, the newest last
    #[arg(long, conflicts_with = "limit")]
    pub(crate) turns: bool,
    /// With --turns, how many
    #[arg(long, value_name = "N", default_value_t = 20, requires = "turns", value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) last: u16,
    /// With --turns, those before this entry
    #[arg(long, value_name = "ENTRY", requires = "turns")]
    pub(crate) before: Option<String>,
}

/// A kind of entry.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EntryKindWord {
    Message,
    Call,
    Result,
    Said,
    Answer,
    Compacted,
}

impl From<EntryKindWord> for EntryWord {
    fn from(kind: EntryKindWord) -> Self {
        match kind {
            EntryKindWord::Message => EntryWord::Message,
            EntryKindWord::Call => EntryWord::Call,
            EntryKindWord::Result => EntryWord::Result,
            EntryKindWord::Said => EntryWord::Said,
            EntryKindWord::Answer => EntryWord::Answer,
            EntryKindWord::Compacted => EntryWord::Compacted,
        }
    }
}

/// A length of time: a number with a unit behind it.
fn span(text: &str) -> Result<Duration, String> {
    let unread = || "a number with s, m, h or d behind it is wanted, such as 30d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(unread)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(unread()),
    };
    let number: u64 = number.parse().map_err(|_| unread())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(unread)
}
