//! The arguments of `job`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use understory::{GrowthOrder, Keep, TableFormat};

use super::BrainArguments;
use super::output::OutputArguments;

/// The verbs of jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobVerb {
    /// Run a job, or go on with it: the same command goes on with the same job
    Run(Box<JobRunArguments>),
    /// Go on with a job
    Resume {
        /// Which; the unfinished one if none is given
        #[arg(value_name = "JOB")]
        job: Option<String>,
    },
    /// List all jobs
    List,
    /// Show where a job stands
    Show {
        /// Which; the newest if none is given
        #[arg(value_name = "JOB")]
        job: Option<String>,
    },
    /// Follow a job that another process runs to its end, and tell what came of it; the exit code is that of `job run`
    Watch {
        /// Which; the newest if none is given
        #[arg(value_name = "JOB")]
        job: Option<String>,
    },
    /// List the rows of a job, a page at a time
    Items(JobItemsArguments),
    /// Try rows again that failed or were skipped, and run the job to its end; what a cancel left goes on, too
    Retry(JobRetryArguments),
    /// Start no more rows of a job until it is unpaused; those running may finish
    Pause {
        /// Which; the unfinished one if none is given
        #[arg(value_name = "JOB")]
        job: Option<String>,
        /// Why, for whoever looks at it
        #[arg(long, value_name = "TEXT", default_value = "asked")]
        reason: String,
    },
    /// Have a paused job go on, whatever paused it
    Unpause {
        /// Which; the unfinished one if none is given
        #[arg(value_name = "JOB")]
        job: Option<String>,
    },
    /// Write the output of a job as it stands now to another place
    Export(JobExportArguments),
    /// Say what a job may use from now on; what is not said stays
    Set(JobSetArguments),
    /// Remove a job that is closed or finished with all its rows, for good; its output stays
    Remove {
        /// Which
        #[arg(value_name = "JOB")]
        job: String,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Start no more rows of a job; those running may finish
    Cancel {
        /// Which; the unfinished one if none is given
        #[arg(value_name = "JOB")]
        job: Option<String>,
    },
}

/// Rows to list.
#[derive(Debug, Args)]
pub(crate) struct JobItemsArguments {
    /// Which job; the newest if none is given
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
    /// Those that stand like this, any of several: pending, waiting, running, completed, failed, cancelled or skipped
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<String>,
    /// Those behind this row, as a page before ends with it
    #[arg(long, value_name = "ROW", default_value_t = 0, hide_default_value = true)]
    pub(crate) after: u32,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
}

/// What works on the rows, where a row may say otherwise for itself: an empty cell says nothing.
#[derive(Debug, Args)]
pub(crate) struct RowArguments {
    /// The workers' role: their instructions and tools, and their brain where no other is named
    #[arg(long, value_name = "ROLE", default_value = understory::DEFAULT_ROLE)]
    pub(crate) role: String,
    /// The column in which a row names its role
    #[arg(long, value_name = "COLUMN")]
    pub(crate) role_column: Option<String>,
    /// The column in which a row names its brain
    #[arg(long, value_name = "COLUMN")]
    pub(crate) brain_column: Option<String>,
    /// The column in which a row names its model, which its brain's settings get as "model"
    #[arg(long, value_name = "COLUMN")]
    pub(crate) model_column: Option<String>,
    /// The column in which a row says what its worker is asked, as in --template
    #[arg(long, value_name = "COLUMN")]
    pub(crate) instruction_column: Option<String>,
    /// The column in which a row says how many seconds one try may take
    #[arg(long, value_name = "COLUMN")]
    pub(crate) timeout_column: Option<String>,
    /// The column in which a row says how often it is tried
    #[arg(long, value_name = "COLUMN")]
    pub(crate) attempts_column: Option<String>,
}

/// Rows to try again; without an option all that failed and all that were skipped.
#[derive(Debug, Args)]
pub(crate) struct JobRetryArguments {
    /// Which job; the newest if none is given
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
    /// Those that failed
    #[arg(long)]
    pub(crate) failed: bool,
    /// Those that were skipped
    #[arg(long)]
    pub(crate) skipped: bool,
    /// The one of this id, whichever it did, or left by a cancel; may be given again
    #[arg(long, value_name = "ID")]
    pub(crate) item: Vec<String>,
}

/// An output to write.
#[derive(Debug, Args)]
pub(crate) struct JobExportArguments {
    /// Which job; the newest if none is given
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
    /// Where to
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) written: OutputArguments,
    /// Write over a file that is there already
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// What a job may use.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct JobBoundsArguments {
    /// How many rows are worked on at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrency: Option<u32>,
    /// How many runs may be started, those before counted in; 0 for as many as it takes
    #[arg(long, value_name = "N")]
    pub(crate) max_turns: Option<u64>,
    /// After how many tokens no more runs are started, those before counted in; 0 for as many as it takes
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u64>,
    /// For how long from now on runs are started; 0 for as long as it takes
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_time: Option<u32>,
}

/// A job and what it may use.
#[derive(Debug, Args)]
pub(crate) struct JobSetArguments {
    /// Which; the unfinished one if none is given
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
    #[command(flatten)]
    pub(crate) bounds: JobBoundsArguments,
}

/// A job to run.
#[derive(Debug, Args)]
pub(crate) struct JobRunArguments {
    /// The table; - reads it from stdin. One that comes through a pipe needs --out
    #[arg(value_name = "TABLE")]
    pub(crate) table: PathBuf,
    /// How the table is written; without it as its name ends: .tsv, .jsonl or .ndjson, .json, and CSV otherwise
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// The column that names the rows; row numbers without it
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id_column: Option<String>,
    /// The column with the ids of the rows that must be completed before a row is started, with ; between them
    #[arg(long, value_name = "COLUMN")]
    pub(crate) after_column: Option<String>,
    #[command(flatten)]
    pub(crate) brain: BrainArguments,
    #[command(flatten)]
    pub(crate) rows: RowArguments,
    /// A file with what each worker is asked, {column} standing for a cell; without it the row is given as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
    /// What each worker is asked, as in --template
    #[arg(long, value_name = "TEXT", conflicts_with = "template")]
    pub(crate) instruction: Option<String>,
    /// A file with the JSON Schema that results are held to: what does not fit is refused with the reasons, three times a try
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// Where the output goes; beside the table if it is not said
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write over an output that is there already
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) written: OutputArguments,
    /// Have the output grow while the job runs, with the rows that came to their ends; the whole one takes its place
    #[arg(long, value_name = "ORDER")]
    pub(crate) grow: Option<Grow>,
    /// How many rows are worked on at once; 16 without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrency: Option<u32>,
    /// How often a row is tried; 3 times without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempts: Option<u32>,
    /// How long one try may take; 1800 without it
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: Option<u32>,
    /// How many runs may be started, tries again counted in; the job then pauses
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_turns: Option<u64>,
    /// After how many tokens no more runs are started, where the brain tells of them; the job then pauses
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_tokens: Option<u64>,
    /// For how long runs are started; the job then pauses
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_time: Option<u32>,
    /// Whose transcripts are kept: what workers were asked and told, the calls that changed something, and how runs ended
    #[arg(long, value_name = "WHOSE", value_enum, default_value = "none")]
    pub(crate) keep: KeepWord,
    /// The directory its rows are worked on in, instead of its owner's
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) dir: Option<PathBuf>,
    /// What the job is called
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Below which agent it lies
    #[arg(long, default_value = "/root", value_name = "PATH")]
    pub(crate) owner: String,
    /// Start another job, even if the same command was run before
    #[arg(long)]
    pub(crate) new: bool,
    /// Refuse a template, or a row's own instruction, that names what is no column, instead of leaving the name in the text
    #[arg(long)]
    pub(crate) strict: bool,
    /// Show what would be asked, and start nothing. The home need not be there, and may be in use
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How many rows --dry-run shows
    #[arg(long, value_name = "N", default_value_t = 3, requires = "dry_run")]
    pub(crate) first: usize,
}

/// Whose transcripts are kept.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KeepWord {
    /// Those of rows that failed
    Failed,
    /// Those of all rows
    All,
    /// Nobody's
    None,
}

impl From<KeepWord> for Keep {
    fn from(word: KeepWord) -> Keep {
        match word {
            KeepWord::Failed => Keep::Failed,
            KeepWord::All => Keep::All,
            KeepWord::None => Keep::None,
        }
    }
}

/// How a table is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values with a header
    Csv,
    /// Tab-separated values with a header, quoted as CSV is
    Tsv,
    /// A JSON object a line
    Jsonl,
    /// One JSON array of objects
    Json,
}

impl From<Format> for TableFormat {
    fn from(format: Format) -> TableFormat {
        match format {
            Format::Csv => TableFormat::Csv,
            Format::Tsv => TableFormat::Tsv,
            Format::Jsonl => TableFormat::JsonLines,
            Format::Json => TableFormat::JsonArray,
        }
    }
}

/// In which order an output grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Grow {
    /// As the table has its rows: one that is still at work holds up those behind it
    Rows,
    /// As rows come to their ends
    Ends,
}

impl From<Grow> for GrowthOrder {
    fn from(grow: Grow) -> Self {
        match grow {
            Grow::Rows => GrowthOrder::Rows,
            Grow::Ends => GrowthOrder::Ends,
        }
    }
}
