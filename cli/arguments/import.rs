//! What may be written on the command line of imports.

use std::path::PathBuf;

use clap::Subcommand;

/// The verbs of imports.
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
