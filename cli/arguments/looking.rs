//! The arguments of `list`, `label` and `watch`.

use clap::{Args, ValueEnum};
use understory_server::{KindWord, OrderWord};

/// What is to be listed.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// At and below which agent; /root if none is given
    #[arg(default_value = "/root", value_name = "PATH")]
    pub(crate) path: String,
    /// Only those that stand so, any of several: closed, faulted, waiting, running, queued, completed, errored,
    /// interrupted or idle; a job also importing, cancelling, cancelled or failed, a row pending
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<String>,
    /// Only agents of this role
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Only so many levels below
    #[arg(long, value_name = "LEVELS")]
    pub(crate) depth: Option<usize>,
    /// Only those whose path, nickname, title, labels or task have this text, whatever its case
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Only these kinds, any of several; without it agents and jobs, and no job's rows and what lies below them
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_enum)]
    pub(crate) kind: Vec<Kind>,
    /// In which order; the newest first, but for paths
    #[arg(long, value_name = "ORDER", value_enum, default_value_t)]
    pub(crate) order: Order,
    /// The page behind this place, the `next` of a page
    #[arg(long, value_name = "CURSOR", conflicts_with = "before")]
    pub(crate) after: Option<String>,
    /// The page before this place, the `previous` of a page
    #[arg(long, value_name = "CURSOR")]
    pub(crate) before: Option<String>,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) limit: u16,
}

/// What is to be written on a node.
#[derive(Debug, Args)]
pub(crate) struct LabelArguments {
    /// Which agent or job
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Its title, at most 200 bytes
    #[arg(long, value_name = "TITLE")]
    pub(crate) title: Option<String>,
    /// Take its title away
    #[arg(long, conflicts_with = "title")]
    pub(crate) no_title: bool,
    /// A label, the value at most 128 bytes; may be given again, a node has at most 16
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) label: Vec<String>,
    /// Take a label away; may be given again
    #[arg(long, value_name = "KEY")]
    pub(crate) no_label: Vec<String>,
}

/// Which events are to be followed.
#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    /// Of which node and what lies below it, whether it is there yet or not; /root if none is given
    #[arg(default_value = "/root", value_name = "PATH")]
    pub(crate) path: String,
    /// From behind this event on, as it was printed before; from now on without it, 0.0 is before the first
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<String>,
}

/// A kind of node.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    Agent,
    Job,
    Item,
}

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Order {
    #[default]
    Path,
    Created,
    Active,
}

impl From<Kind> for KindWord {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Agent => KindWord::Agent,
            Kind::Job => KindWord::Job,
            Kind::Item => KindWord::Item,
        }
    }
}

impl From<Order> for OrderWord {
    fn from(order: Order) -> Self {
        match order {
            Order::Path => OrderWord::Path,
            Order::Created => OrderWord::Created,
            Order::Active => OrderWord::Active,
        }
    }
}
