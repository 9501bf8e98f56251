//! What may be said of memories.

use clap::{Args, Subcommand, ValueEnum};
use understory_server::ScopeWord;

/// The verbs of memories.
#[derive(Debug, Subcommand)]
pub(crate) enum MemoryVerb {
    /// List them, the most used first
    List {
        /// Those that lie at this agent and below it; all if none is given, and for an agent those that it sees
        #[arg(value_name = "PATH")]
        path: Option<String>,
        #[command(flatten)]
        which: WhichArguments,
        /// The newest first
        #[arg(long)]
        newest: bool,
        /// Those behind the end of the page before, as it was printed there
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
    },
    /// Look for those that have any of some words, what fits best first
    Search {
        /// The words
        #[arg(value_name = "WORDS")]
        words: String,
        /// Those that lie at this agent and below it; all if none is given, and for an agent those that it sees
        #[arg(value_name = "PATH")]
        path: Option<String>,
        #[command(flatten)]
        which: WhichArguments,
        /// They have all of the words
        #[arg(long)]
        all_words: bool,
    },
    /// Show one, whole
    Show {
        /// Which, as a list names it
        #[arg(value_name = "MEMORY")]
        memory: String,
    },
    /// Note something for agents; secrets are taken out of it first
    Add {
        /// What
        #[arg(value_name = "TEXT")]
        text: String,
        /// For this agent, and those below it unless another scope is said
        #[arg(long = "for", value_name = "PATH")]
        path: Option<String>,
        /// Who sees it
        #[arg(long, value_name = "SCOPE")]
        scope: Option<Seers>,
        /// All of this role see it
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// What it is found by beside its words; may be given again
        #[arg(long, value_name = "TAG")]
        tag: Vec<String>,
    },
    /// Write one anew; what is not said stays
    Edit {
        /// Which, as a list names it
        #[arg(value_name = "MEMORY")]
        memory: String,
        /// What it says
        #[arg(value_name = "TEXT")]
        text: Option<String>,
        /// All its tags; may be given again
        #[arg(long, value_name = "TAG", conflicts_with = "no_tags")]
        tag: Vec<String>,
        /// It has no tags
        #[arg(long)]
        no_tags: bool,
        /// You vouch for it: it is tainted no more
        #[arg(long)]
        trusted: bool,
    },
    /// Forget one, or with --unused or --keep many
    Forget {
        /// Which, as a list names it
        #[arg(value_name = "MEMORY", required_unless_present_any = ["unused", "keep"], conflicts_with_all = ["unused", "keep"])]
        memory: Option<String>,
        /// Those that were neither used nor written for so many days
        #[arg(long, value_name = "DAYS", num_args = 0..=1, default_missing_value = "30")]
        unused: Option<u32>,
        /// All but so many, the most used
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// Of those at and below this agent
        #[arg(long = "in", value_name = "PATH", default_value = "/root")]
        path: String,
        /// Only say what would be forgotten
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Forget all at and below an agent; the agents stay, and so do their marks
    Reset {
        /// The agent; /root if none is given
        #[arg(default_value = "/root", value_name = "PATH")]
        path: String,
        /// Only say what would be forgotten
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// List the agents that have read what nobody vouches for
    Marks {
        /// Those at this agent and below it
        #[arg(default_value = "/root", value_name = "PATH")]
        path: String,
        /// Those behind this path
        #[arg(long, value_name = "PATH")]
        after: Option<String>,
    },
    /// Say that an agent has read what nobody vouches for: what it and those below it note is tainted, and may be kept from others
    Mark {
        /// The agent
        #[arg(value_name = "PATH")]
        path: String,
        /// What it read
        #[arg(value_name = "REASON")]
        reason: String,
    },
    /// Vouch for what an agent has read
    Unmark {
        /// The agent
        #[arg(value_name = "PATH")]
        path: String,
    },
}

/// Which memories.
#[derive(Debug, Args)]
pub(crate) struct WhichArguments {
    /// Those that the agent at PATH sees, instead of those that lie there
    #[arg(long, requires = "path")]
    pub(crate) seen: bool,
    /// Of this scope; may be given again
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<Seers>,
    /// For this role
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Written by this agent or one below it
    #[arg(long, value_name = "PATH")]
    pub(crate) by: Option<String>,
    /// With this tag; may be given again
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// Written then or later, as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Written earlier
    #[arg(long, value_name = "TIME")]
    pub(crate) before: Option<String>,
    /// Written by those who had read what nobody vouches for
    #[arg(long, conflicts_with = "untainted")]
    pub(crate) tainted: bool,
    /// Written by others
    #[arg(long)]
    pub(crate) untainted: bool,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub(crate) limit: u16,
}

/// Who sees a memory.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Seers {
    /// One agent
    Agent,
    /// It and all below it
    Subtree,
    /// All of a role
    Role,
    /// All
    Tree,
}

impl From<Seers> for ScopeWord {
    fn from(seers: Seers) -> Self {
        match seers {
            Seers::Agent => ScopeWord::Agent,
            Seers::Subtree => ScopeWord::Subtree,
            Seers::Role => ScopeWord::Role,
            Seers::Tree => ScopeWord::Tree,
        }
    }
}

impl Seers {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Seers::Agent => "agent",
            Seers::Subtree => "subtree",
            Seers::Role => "role",
            Seers::Tree => "tree",
        }
    }
}
