//! The arguments of `plan`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{BrainArguments, MetaArguments};

/// The verbs of plans.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanVerb {
    /// Show an agent's plan, or one node of it with its notes and evidence
    Show {
        /// Whose; /root if none is given
        #[arg(default_value = "/root", value_name = "PATH")]
        path: String,
        /// Which node
        #[arg(value_name = "NODE")]
        node: Option<u32>,
        /// Only those that are ready to be begun
        #[arg(long, conflicts_with = "node")]
        ready: bool,
    },
    /// Draw an agent's plan: what comes after what
    Graph {
        /// Whose; /root if none is given
        #[arg(default_value = "/root", value_name = "PATH")]
        path: String,
        /// As a Mermaid flowchart
        #[arg(long)]
        mermaid: bool,
    },
    /// Add a node
    Add {
        /// To whose plan
        #[arg(value_name = "PATH")]
        path: String,
        /// What is to be done, in a line of at most 200 bytes
        #[arg(value_name = "TITLE")]
        title: String,
        /// What else there is to say of it
        #[arg(long, value_name = "TEXT")]
        notes: Option<String>,
        /// The nodes it comes after, with commas between
        #[arg(long, value_name = "NODES", value_delimiter = ',')]
        after: Vec<u32>,
    },
    /// Change what a node says or comes after; what is not named stays
    Edit {
        #[command(flatten)]
        node: NodeArguments,
        /// Its title
        #[arg(long, value_name = "TITLE")]
        title: Option<String>,
        /// Its notes
        #[arg(long, value_name = "TEXT")]
        notes: Option<String>,
        /// All the nodes it comes after, with commas between
        #[arg(long, value_name = "NODES", value_delimiter = ',', conflicts_with = "first")]
        after: Option<Vec<u32>>,
        /// It comes after none
        #[arg(long)]
        first: bool,
    },
    /// Say that somebody has begun with a node
    Start(NodeArguments),
    /// Say that a node is done
    Done {
        #[command(flatten)]
        node: NodeArguments,
        /// What shows it; may be given again
        #[arg(long, value_name = "TEXT")]
        evidence: Vec<String>,
        /// The commit it came to
        #[arg(long, value_name = "HASH")]
        commit: Option<String>,
    },
    /// Say that a node shall not be done; what comes after it waits for it no longer
    Drop {
        #[command(flatten)]
        node: NodeArguments,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Have a node done again, as if nobody had begun
    Reopen(NodeArguments),
    /// Give a ready node to an agent as its task, and wait for the outcome
    Assign(PlanAssignArguments),
    /// Run the ready nodes as the rows of a job, with the columns node, title and notes; one whose row is completed is done
    Job(Box<PlanJobArguments>),
    /// Take nodes out of a plan; their numbers are not given again
    Clear {
        /// Of whose plan
        #[arg(value_name = "PATH")]
        path: String,
        /// Only those that are done or dropped
        #[arg(long)]
        finished: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// A node of a plan.
#[derive(Debug, Args)]
pub(crate) struct NodeArguments {
    /// Whose plan
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Which node, by its number
    #[arg(value_name = "NODE")]
    pub(crate) node: u32,
}

/// A node to be given to an agent.
#[derive(Debug, Args)]
pub(crate) struct PlanAssignArguments {
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Who shall do it
    #[arg(value_name = "AGENT")]
    pub(crate) to: String,
    /// What it is told beside the node's title and notes
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) meta: MetaArguments,
    /// Create the agent if it is not there
    #[arg(long)]
    pub(crate) spawn: bool,
    /// The role of one that is created
    #[arg(long, value_name = "ROLE", requires = "spawn")]
    pub(crate) role: Option<String>,
    /// Do not wait for the outcome
    #[arg(long)]
    pub(crate) detach: bool,
}

/// A job to be made of a plan.
#[derive(Debug, Args)]
pub(crate) struct PlanJobArguments {
    /// Whose plan
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// The job's name below the agent
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) brain: BrainArguments,
    /// The workers' role
    #[arg(long, value_name = "ROLE", default_value = understory::DEFAULT_ROLE)]
    pub(crate) role: String,
    /// What each worker is asked, with {node}, {title} and {notes}; title and notes without it
    #[arg(long, value_name = "TEXT")]
    pub(crate) instruction: Option<String>,
    /// How many nodes are worked on at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrency: u32,
    /// How often a node is tried before its row is failed
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempts: u32,
    /// For how long at most one try may take
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: u32,
    /// Where the output goes; there is none without it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
