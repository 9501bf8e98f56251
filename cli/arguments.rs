//! What may be written on the command line. Agent paths are text here: a bad one has an exit code of its own.

mod directory;
mod goal;
mod import;
mod job;
mod looking;
mod memory;
mod output;
mod planning;
mod session;
mod transcript;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use directory::DirVerb;
pub(crate) use goal::{EndowArguments, GoalVerb};
pub(crate) use import::{ImportArguments, ImportVerb, SubtreeFileArguments};
pub(crate) use job::{
    JobBoundsArguments, JobExportArguments, JobItemsArguments, JobRetryArguments, JobRunArguments, JobSetArguments,
    JobVerb,
};
pub(crate) use looking::{LabelArguments, ListArguments, WatchArguments};
pub(crate) use planning::{NodeArguments, PlanAssignArguments, PlanJobArguments, PlanVerb};
pub(crate) use session::SessionVerb;
pub(crate) use transcript::{EntriesArguments, PruneArguments, TranscriptArguments, TranscriptVerb, UsageArguments};

pub(crate) use memory::{MemoryVerb, WhichArguments};
/// What the help ends with.
const BEHIND: &str = "\
With UNDERSTORY_TOKEN and UNDERSTORY_PATH in the environment a command acts as that agent, through the process that runs it, \
and may do what the agent may. The brain `shell` sets them for its programs.

Exit codes:
  0    it is done; every row of the job has a result
  1    something failed; a job was cancelled, or is paused
  2    the command line is no good
  3    what is named is not there, or was removed
  4    it is there already, closed, in use, changed meanwhile, or at a limit
  5    a path, table or text is no good; a store is damaged, or of a newer version
  6    rows of the job failed or were skipped; files of an import failed
  124  a deadline came first
  130  it was interrupted (Ctrl-C)
  143  it was terminated";

/// Durable swarms of agents: every agent has a path, survives a crash, and goes on where it was.
///
/// An agent that is there is named by its path, absolute or below /root, or by a nickname that one agent alone has (@NAME if a
/// path reads the same).
#[derive(Debug, Parser)]
#[command(name = "understory", version, disable_help_subcommand = true, arg_required_else_help = true, after_help = BEHIND)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) general: General,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct General {
    /// Where agents and jobs are kept
    #[arg(long, global = true, env = "UNDERSTORY_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Print results as JSON on stdout, and errors, warnings and the progress of jobs as JSON on stderr, a line each
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no progress and no notes
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// How often the progress of a job is told where stderr is no terminal, and with --json
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) progress: u32,
    /// What is logged: error, warn, info, debug, trace, or a filter such as `understory_actors=debug`
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log: String,
    /// Where the log goes, instead of stderr
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run what has work pending at and below an agent
    Run {
        /// The agent; /root if none is given
        #[arg(default_value = "/root", value_name = "PATH")]
        path: String,
        /// End when nothing is left to do, instead of at a signal
        #[arg(long)]
        until_idle: bool,
    },
    /// Run one worker agent for each row of a table
    #[command(subcommand)]
    Job(JobVerb),
    /// Create an agent
    Spawn(SpawnArguments),
    /// Leave a message, which an agent reads with its next turn
    Send {
        #[command(flatten)]
        letter: LetterArguments,
        #[command(flatten)]
        to: SubtreeArguments,
    },
    /// Give an agent something to do, and wait for the outcome
    Assign {
        #[command(flatten)]
        letter: LetterArguments,
        /// Do not wait for the outcome
        #[arg(long)]
        detach: bool,
    },
    /// Give an agent something to do, and wait for the outcome until a deadline; the message stays in any case
    Ask {
        #[command(flatten)]
        letter: LetterArguments,
        /// For how long at most
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        timeout: u32,
    },
    /// Run agents until they have nothing left to do
    Wait(WaitArguments),
    /// Show what lies below an agent
    Tree {
        /// The agent; /root if none is given
        #[arg(default_value = "/root", value_name = "PATH")]
        path: String,
        /// How many children of one agent are listed
        #[arg(long, value_name = "N", default_value_t = 20)]
        children: usize,
    },
    /// List agents and jobs by what holds of them, a page at a time
    List(ListArguments),
    /// Give an agent or job a title and labels, or take them away; what is not named stays
    Label(LabelArguments),
    /// Follow what happens, an event in a line; without a process that runs agents, only what has happened since --after
    Watch(WatchArguments),
    /// Show one agent, job or item, or with --all an agent and everything below it as a project
    Show {
        /// Which
        #[arg(value_name = "PATH")]
        path: String,
        /// What is done there, what remains and what is in the way: goals, plans, jobs, usage, digests, directories
        #[arg(long)]
        all: bool,
    },
    /// Stop an agent or job and everything below it, until it is resumed
    Close {
        /// Which
        #[arg(value_name = "PATH")]
        path: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// End the turn that an agent is at; it stays, and takes its next message. The run of a job's item fails
    Interrupt {
        /// Whose
        #[arg(value_name = "PATH")]
        path: String,
        /// Those of all agents below it, too; a job's rows go on
        #[arg(long)]
        cascade: bool,
        /// Say which turns would end, and end none
        #[arg(long)]
        dry_run: bool,
    },
    /// Open what was closed, or let a faulted agent try again
    Resume {
        /// Which
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Show in short what an agent has done, what came of it, and what its children did
    Digest {
        /// The agent
        path: String,
        /// Keep it as well, as a close does: what the transcript loses later stays told
        #[arg(long)]
        refresh: bool,
    },
    /// Remove a closed agent or a finished job with everything below it, for good
    Remove {
        /// Which
        #[arg(value_name = "PATH")]
        path: String,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// See what roles there are; a file in the home's folder `roles` says more of one, or makes another
    #[command(subcommand)]
    Role(RoleVerb),
    /// Give an agent a token, printed this once: whoever has it acts as the agent. The one before is dead
    Token {
        /// The agent
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Call a tool, as a program that is an agent's brain
    #[command(subcommand)]
    Tool(ToolVerb),
    /// Report the result of the row that this program works on, once
    Report {
        /// The result, a JSON object
        #[arg(value_name = "JSON")]
        result: String,
        /// Start no more rows of the job
        #[arg(long)]
        stop: bool,
    },
    /// Give agents goals, which they go on with by themselves, and budgets for them
    #[command(subcommand)]
    Goal(GoalVerb),
    /// See and change what an agent means to do: nodes of which some come after others
    #[command(subcommand)]
    Plan(PlanVerb),
    /// Show what an agent was told, did and answered, the newest entries last, or do something else with transcripts
    Transcript(TranscriptArguments),
    /// Show what work has cost: an agent, those below it, and all together
    Usage(UsageArguments),
    /// Look after messages that no turn will take
    #[command(subcommand)]
    Dead(DeadVerb),
    /// See or say in which directory an agent or job works
    #[command(subcommand)]
    Dir(DirVerb),
    /// See or say with which conversation, model and effort a brain goes on
    #[command(subcommand)]
    Session(SessionVerb),
    /// Take in what `export` wrote, or with `codex` what another program keeps
    ///
    /// What `export` wrote arrives closed, with all that it had; a resume starts it. A budget in it is taken from the nearest goal
    /// above. A file that is called like a command is written ./codex.
    Import(ImportArguments),
    /// Look after what agents noted for later, and what you note for them
    #[command(subcommand)]
    Memory(MemoryVerb),
    /// Write a closed agent or job with everything below it, and all they keep, into a new file; tokens are not in it
    Export {
        /// Which
        #[arg(value_name = "PATH")]
        path: String,
        /// Into which file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Look after the store
    #[command(subcommand)]
    Store(StoreVerb),
}

/// The verbs of roles.
#[derive(Debug, Subcommand)]
pub(crate) enum RoleVerb {
    /// List all roles
    List,
    /// Show what a role comes to
    Show {
        /// Which
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Check role files, and change nothing
    Check {
        /// Which file; all of the home's if none is given
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// The verbs of tools.
#[derive(Debug, Subcommand)]
pub(crate) enum ToolVerb {
    /// List the tools that the agent has, with their parameters
    List,
    /// Call one, and print what it answers
    Call {
        /// Which
        #[arg(value_name = "NAME")]
        name: String,
        /// With what, a JSON object
        #[arg(value_name = "JSON", default_value = "{}")]
        arguments: String,
    },
}

/// The verbs of dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadVerb {
    /// List them, with what went wrong
    List {
        /// Those of this agent and below it; /root if none is given
        #[arg(default_value = "/root", value_name = "PATH")]
        path: String,
        /// Those behind this one, as a list before names it
        #[arg(long, value_name = "LETTER")]
        after: Option<String>,
        /// How many at the most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=100))]
        limit: u16,
    },
    /// Show one, whole
    Show {
        /// Which, as a list names it
        #[arg(value_name = "LETTER")]
        letter: String,
    },
    /// Make one a message again, which an agent takes with its next turn
    Retry {
        /// Which, as a list names it
        #[arg(value_name = "LETTER")]
        letter: String,
    },
    /// Delete one
    Drop {
        /// Which, as a list names it
        #[arg(value_name = "LETTER")]
        letter: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// The verbs of the store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreVerb {
    /// Read everything and say what does not fit together; what others write meanwhile may be among it
    Verify,
    /// Write all of it into a new file, while agents go on; role files and what jobs read and write are not in it
    Backup {
        /// Which
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make the store of a home that has none of a backup
    Restore {
        /// Which
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Give back the room on the disk that the store does not need; no other process may have it open
    Compact,
}

/// Which brain.
#[derive(Debug, Args)]
pub(crate) struct BrainArguments {
    /// What answers: `shell` runs --command for each turn, `scripted` reads its answers from --script
    #[arg(long, value_name = "NAME")]
    pub(crate) brain: Option<String>,
    /// The program of the brain `shell` and its arguments, as words; no shell reads them
    #[arg(long, value_name = "WORDS", conflicts_with = "script")]
    pub(crate) command: Option<String>,
    /// The answers of the brain `scripted`, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
}

/// An agent to create.
#[derive(Debug, Args)]
pub(crate) struct SpawnArguments {
    /// Where; below /root unless it begins with /root
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// A first message; waits for its outcome
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) meta: MetaArguments,
    #[command(flatten)]
    pub(crate) endow: EndowArguments,
    /// Its role; `understory role list` tells which there are
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    #[command(flatten)]
    pub(crate) brain: BrainArguments,
    /// What people call it, instead of the next free name of its role's pool
    #[arg(long, value_name = "NAME")]
    pub(crate) nickname: Option<String>,
    /// Call it nothing but its path
    #[arg(long, conflicts_with = "nickname")]
    pub(crate) no_nickname: bool,
    /// How much of its parent's conversation it begins with: none, all, or that of so many last turns
    #[arg(long, value_name = "none|all|N")]
    pub(crate) fork: Option<String>,
    /// An agent that is there already will do; the message is not sent to it
    #[arg(long)]
    pub(crate) or_existing: bool,
    /// The directory it works in, instead of its parent's
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) dir: Option<PathBuf>,
    /// The model that its brain begins with
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// The effort that its brain begins with
    #[arg(long, value_name = "EFFORT")]
    pub(crate) effort: Option<String>,
    /// Do not wait for the outcome
    #[arg(long)]
    pub(crate) detach: bool,
}

/// A message.
#[derive(Debug, Args)]
pub(crate) struct LetterArguments {
    /// To whom
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// What it says
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// End the turn that the agent is at; the next one begins with the message
    #[arg(long)]
    pub(crate) interrupt: bool,
    #[command(flatten)]
    pub(crate) meta: MetaArguments,
}

/// Whether all below get it, too.
#[derive(Debug, Args)]
pub(crate) struct SubtreeArguments {
    /// Send it to every open agent below, too; jobs and their items get none
    #[arg(long, conflicts_with = "interrupt")]
    pub(crate) subtree: bool,
    /// An id of yours: given again with it within a day, nobody gets the message twice
    #[arg(long, value_name = "ID", requires = "subtree")]
    pub(crate) id: Option<String>,
    /// Only say whom it would reach
    #[arg(long, requires = "subtree")]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short, requires = "subtree")]
    pub(crate) yes: bool,
}

/// What is attached to a message.
#[derive(Debug, Args)]
pub(crate) struct MetaArguments {
    /// Attach this to the message, and to what comes of it; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) meta: Vec<String>,
}

/// Agents to wait for.
#[derive(Debug, Args)]
pub(crate) struct WaitArguments {
    /// Which
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<String>,
    /// Until the first is done
    #[arg(long, conflicts_with_all = ["all", "count"])]
    pub(crate) any: bool,
    /// Until all are done, which is so anyway
    #[arg(long, conflicts_with = "count")]
    pub(crate) all: bool,
    /// Until this many are done
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) count: Option<u16>,
    /// Until each has an outcome of a turn newer than this one
    #[arg(long, value_name = "TURN")]
    pub(crate) after: Option<u64>,
    /// For how long at most
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u32>,
}
