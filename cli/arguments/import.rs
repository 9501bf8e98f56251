//! What may be written on the command line of imports.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What is to be imported.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ImportArguments {
    #[command(subcommand)]
    pub(crate) verb: Option<ImportVerb>,
    #[command(flatten)]
    pub(crate) subtree: SubtreeFileArguments,
}

/// A file that `export` wrote.
#[derive(Debug, Args)]
pub(crate) struct SubtreeFileArguments {
    /// A file that `export` wrote
    #[arg(value_name = "FILE", required = true)]
    pub(crate) file: Option<PathBuf>,
    /// Where it is to lie; where it was if none is given
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
}

/// What is imported of other programs.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportVerb {
    /// The sessions of Codex: each becomes an agent without a brain, with its conversation as the transcript
    ///
    /// Its rollout files are read, packed or not, and never changed. Given again, it adds sessions that are new and what others
    /// have grown by; cut short, it goes on. A file that fails is told of, and tried again each time. Sub-agents come to lie below
    /// the agent of the session that began them; symbolic links are not followed.
    Codex {
        /// The Codex home, or its folder `sessions` or `archived_sessions`
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// Below which agent; it is created if it is not there
        #[arg(long, value_name = "PATH", default_value = "/root/codex")]
        at: String,
        /// Only say what would come of it
        #[arg(long)]
        dry_run: bool,
    },
}
