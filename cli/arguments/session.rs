//! What may be said of the conversations of brains.

use clap::Subcommand;

/// The verbs of conversations.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionVerb {
    /// Show with which conversation, model and effort an agent's brain goes on
    Show {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Keep the name of the conversation that this program has, before it does anything that costs
    Keep {
        /// The program's own name for it, which the next turn finds in UNDERSTORY_SESSION
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Say that the other side has lost the conversation: a new one is begun, with what this prints
    Lost {
        /// Whose; this program's own if none is given
        #[arg(value_name = "PATH")]
        path: Option<String>,
    },
    /// Say which model and effort are used from here on; what is not said stays
    Set {
        /// Whose; this program's own if none is given
        #[arg(value_name = "PATH")]
        path: Option<String>,
        /// The model, by the brain's own name for it
        #[arg(long, value_name = "MODEL", required_unless_present = "effort")]
        model: Option<String>,
        /// The effort, in the brain's own words
        #[arg(long, value_name = "EFFORT")]
        effort: Option<String>,
    },
}
