//! What may be said of directories.

use std::path::PathBuf;

use clap::Subcommand;

/// The verbs of directories.
#[derive(Debug, Subcommand)]
pub(crate) enum DirVerb {
    /// Show where somebody works, how that was left, and how it is now
    Show {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Say where an agent works from its next turn on, or a job from its next row
    Set {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
        /// Where
        #[arg(value_name = "DIRECTORY")]
        directory: PathBuf,
    },
    /// Take a directory to be right as it is: what was held against it goes on
    Accept {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
    },
}
