//! The arguments of `goal`.

use clap::{Args, Subcommand};

/// The verbs of goals.
#[derive(Debug, Subcommand)]
pub(crate) enum GoalVerb {
    /// Give an agent a goal, or change the text or the budget of the one it has; a complete one is replaced by a new text
    Set {
        /// Which agent
        #[arg(value_name = "PATH")]
        path: String,
        /// What is to be reached, at most 4,000 characters
        #[arg(value_name = "TEXT", required_unless_present_any = ["budget", "no_budget"])]
        objective: Option<String>,
        /// How many tokens it may use, taken from what is left of the nearest goal above that has a budget
        #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..))]
        budget: Option<u64>,
        /// Take its budget away
        #[arg(long, conflicts_with = "budget")]
        no_budget: bool,
    },
    /// Show one: how it stands and why, what was used, and what is left
    Show {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Have an agent not go on by itself; messages still start turns
    Pause {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
        /// Why; if not given, that an operator or which agent paused it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Have an agent go on by itself
    Resume {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Give it a larger budget and have its agent go on, in one act
    Raise {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
        /// How many tokens it may use in all, those that are used already with them
        #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..))]
        budget: u64,
    },
    /// Take it away; what it used is counted in the goal above
    Clear {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// List the goals of an agent and those below it
    Tree {
        /// The agent; /root if none is given
        #[arg(default_value = "/root", value_name = "PATH")]
        path: String,
        /// Those behind this agent, the `next` of a page
        #[arg(long, value_name = "PATH")]
        after: Option<String>,
        /// How many at the most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
        limit: u16,
    },
}

/// A goal for an agent that is created.
#[derive(Debug, Args)]
pub(crate) struct EndowArguments {
    /// What it is to reach: it goes on by itself until it says that it has
    #[arg(long, value_name = "TEXT")]
    pub(crate) goal: Option<String>,
    /// How many tokens it may use for that, taken from what is left of the nearest goal above that has a budget
    #[arg(long, value_name = "TOKENS", requires = "goal", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) budget: Option<u64>,
}
