//! Plans: what an agent means to do, as a graph of nodes that is kept with it.
//!
//! A plan's head and nodes are rewritten as read by whoever changes them, an operator or a turn: each change rewrites the head,
//! so that of two at once the later one is decided again by what the earlier left, and no two of them make a cycle. What is
//! ready is derived. Nobody acts on a plan by itself: a node that was given to an agent is done when somebody says so.

mod change;
mod clear;
mod give;
mod job;

use std::collections::BTreeMap;

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, Direction, Node, Plan, PlanGraph, PlanNode, PlanState, PlanStep, Row, Table, ToolUse, keys,
};

use crate::caller::Caller;
use crate::error::Error;
use crate::labelling::{TITLE_MAX, demand_text};
use crate::limits::Limits;
use crate::system::System;

pub use give::PlanTask;
use job::Reading;

/// The longest notes of a plan's node, in bytes.
pub const PLAN_NOTES_MAX: usize = 4 << 10;
/// The most texts that show that a plan's node is done.
pub const PLAN_EVIDENCE_MAX: usize = 16;
/// The longest of those, in bytes.
pub const PLAN_EVIDENCE_BYTES: usize = 1 << 10;
/// The most nodes that are added to a plan at once.
pub const PLAN_ADDED_MAX: usize = 100;

/// The shortest and the longest name of a commit: an abbreviated hash, and a SHA-256.
const COMMIT_NAME: std::ops::RangeInclusive<usize> = 7..=64;

/// A node to be added to a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPlanNode {
    /// What is to be done, in a line of at most 200 bytes.
    pub title: String,
    /// What else there is to say of it.
    pub notes: String,
    /// The numbers of nodes it comes after. Those added with it are numbered on from the plan's last one, from 1 in a new plan.
    pub after: Vec<u32>,
}

/// A change of one node of a plan: what it does not name stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanPatch {
    /// Its title.
    pub title: Option<String>,
    /// Its notes.
    pub notes: Option<String>,
    /// The nodes it comes after, all of them.
    pub after: Option<Vec<u32>>,
    /// What happens to it.
    pub step: Option<PlanStep>,
    /// More that shows that it is done; what it has already is not added again.
    pub evidence: Vec<String>,
    /// The commit of a repository that it came to.
    pub commit: Option<String>,
}

/// A plan as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanView {
    /// Whose it is.
    pub of: AgentRef,
    /// Its nodes by their numbers.
    pub nodes: Vec<PlannedNode>,
}

/// A node of a plan, with what is derived from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedNode {
    /// Its number, from 1.
    pub number: u32,
    /// Its record.
    pub node: PlanNode,
    /// Whether somebody may begin with it.
    pub ready: bool,
    /// The nodes it comes after that are neither done nor dropped.
    pub waits_for: Vec<u32>,
    /// How many nodes lie one behind the other before it.
    pub level: usize,
    /// Why the job's row that works on it will come to no end by itself.
    pub trouble: Option<String>,
}

/// What is left of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenPlan {
    /// How many of its nodes are done.
    pub done: usize,
    /// How many shall not be done.
    pub dropped: usize,
    /// How many are neither.
    pub open: usize,
    /// The first of these.
    pub nodes: Vec<PlannedNode>,
}

/// A turn that changes a plan, and what it leaves in its transcript.
pub(crate) struct Author<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) tool: Option<ToolUse>,
    /// It may change a node only if that was given to it.
    pub(crate) owner_only: bool,
}

/// A plan as it was read, to be written over.
struct Planned {
    of: AgentRef,
    head: Option<Row<Plan>>,
    rows: BTreeMap<u32, Row<PlanNode>>,
    /// What rows of jobs make of nodes.
    readings: BTreeMap<u32, Reading>,
    /// The nodes as they stand, by their records and by those readings.
    graph: PlanGraph,
}

impl System {
    /// An agent's plan; one without nodes if it has none.
    ///
    /// # Errors
    /// There is no agent at the path, or the store failed.
    pub async fn plan(&self, path: &AgentPath) -> Result<PlanView, Error> {
        Ok(self.planned(path).await?.view())
    }

    /// What is left of an agent's plan: at most `limit` nodes that are neither done nor dropped, those that are ready first, then
    /// those being done, then those that wait, each in the order of their numbers; and how many nodes there are of each kind.
    ///
    /// # Errors
    /// As for [`System::plan`].
    pub async fn open_plan(&self, path: &AgentPath, limit: usize) -> Result<OpenPlan, Error> {
        Ok(OpenPlan::of(self.plan(path).await?.nodes, limit))
    }

    /// Reads a plan whole, as one commit left it.
    async fn planned(&self, path: &AgentPath) -> Result<Planned, Error> {
        let key = Table::Plan.at(path);
        loop {
            let of = match self.store.get::<Node>(&Table::Node.at(path)).await?.map(|row| row.value) {
                Some(Node::Agent(agent)) => AgentRef::new(path.clone(), agent.id),
                Some(node) => return Err(Error::wrong_kind(path, &node, "keep a plan")),
                None => return Err(self.missing(path).await),
            };
            let head = self.store.get::<Plan>(&key).await?;
            // No more nodes than numbers were ever given.
            let most = head.as_ref().map_or(0, |head| head.value.next as usize);
            let rows = match most {
                0 => Vec::new(),
                _ => self.store.page(Table::PlanNode.rows_of(path), None, Direction::Forward, most).await?,
            };
            let now = self.store.versions(vec![key.clone()]).await?.pop().flatten();
            if now == head.as_ref().map(|head| head.version) {
                let numbered = |row: Row<PlanNode>| Some((keys::plan_number(&row.key)?, row));
                let rows = rows.into_iter().filter_map(numbered).collect();
                let readings = match &head {
                    Some(head) => self.read_rows(&head.value, &rows).await?,
                    None => BTreeMap::new(),
                };
                return Ok(Planned::new(of, head, rows, readings));
            }
        }
    }
}

impl OpenPlan {
    /// What is left of a plan with these nodes, which are in the order of their numbers.
    pub(crate) fn of(mut nodes: Vec<PlannedNode>, limit: usize) -> Self {
        let (mut done, mut dropped) = (0, 0);
        for planned in &nodes {
            done += usize::from(matches!(planned.node.state, PlanState::Done { .. }));
            dropped += usize::from(matches!(planned.node.state, PlanState::Dropped { .. }));
        }
        nodes.retain(|planned| !planned.node.state.is_over());
        nodes.sort_by_key(|planned| (!planned.ready, planned.node.state == PlanState::Todo));
        let open = nodes.len();
        nodes.truncate(limit);
        OpenPlan { done, dropped, open, nodes }
    }
}

impl Planned {
    fn new(
        of: AgentRef,
        head: Option<Row<Plan>>,
        rows: BTreeMap<u32, Row<PlanNode>>,
        readings: BTreeMap<u32, Reading>,
    ) -> Self {
        let mut graph = PlanGraph::new(rows.iter().map(|(number, row)| (*number, row.value.clone())));
        for (number, reading) in &readings {
            graph.put(*number, reading.node.clone());
        }
        Planned { of, head, rows, readings, graph }
    }

    fn view(&self) -> PlanView {
        let numbers = self.rows.keys().copied();
        let nodes = numbers.filter_map(|number| shown(&self.graph, number)).collect();
        let mut nodes = leveled(&self.graph, nodes);
        for node in &mut nodes {
            node.trouble = self.readings.get(&node.number).and_then(|reading| reading.trouble.clone());
        }
        PlanView { of: self.of.clone(), nodes }
    }

    /// The number of the next node.
    fn next(&self) -> u32 {
        self.head.as_ref().map_or(1, |head| head.value.next)
    }

    fn node(&self, number: u32) -> Result<&PlanNode, Error> {
        let missing = || Error::NoPlanNode { path: self.of.path.clone(), node: number };
        self.graph.nodes().get(&number).ok_or_else(missing)
    }

    /// A refusal of a rule, about one of its nodes.
    fn refused(&self, node: u32) -> impl Fn(understory_store::Refusal) -> Error {
        move |refusal| Error::PlanRefused { path: self.of.path.clone(), node, refusal }
    }

    /// Demands that a node comes after no more others than it may.
    fn demand_few(&self, limits: &Limits, after: &[u32]) -> Result<(), Error> {
        if after.len() <= limits.plan_after {
            return Ok(());
        }
        let (value, holder) = (limits.plan_after as u64, self.of.path.clone());
        Err(Error::Limit {
            limit: "plan_after",
            value,
            holder,
            remedy: "have it come after one that comes after those",
        })
    }
}

/// A node with what the others make of it; its level is not known.
fn shown(graph: &PlanGraph, number: u32) -> Option<PlannedNode> {
    let node = graph.nodes().get(&number)?.clone();
    let (ready, waits_for) = (graph.is_ready(&node), graph.waits_for(&node));
    Some(PlannedNode { number, node, ready, waits_for, level: 0, trouble: None })
}

fn leveled(graph: &PlanGraph, mut nodes: Vec<PlannedNode>) -> Vec<PlannedNode> {
    // A damaged plan may have a cycle, and is shown all the same.
    let levels = graph.levels().unwrap_or_default();
    for node in &mut nodes {
        node.level = levels.get(&node.number).copied().unwrap_or_default();
    }
    nodes
}

fn demand_title(title: &str) -> Result<(), Error> {
    demand_text("title", title, TITLE_MAX)
}

fn demand_notes(notes: &str) -> Result<(), Error> {
    let (bytes, max) = (notes.len(), PLAN_NOTES_MAX);
    if bytes > max { Err(Error::TooLong { what: "notes", bytes, max }) } else { Ok(()) }
}

fn demand_evidence(text: &str) -> Result<(), Error> {
    let (bytes, max) = (text.len(), PLAN_EVIDENCE_BYTES);
    match text {
        _ if bytes > max => Err(Error::TooLong { what: "evidence", bytes, max }),
        _ if text.trim().is_empty() => Err(Error::BadLabel { what: format!("evidence {text:?}"), rule: "is blank" }),
        _ => Ok(()),
    }
}

fn demand_commit(commit: &str) -> Result<(), Error> {
    let plain = commit.chars().all(|c| c.is_ascii_alphanumeric());
    if plain && COMMIT_NAME.contains(&commit.len()) {
        return Ok(());
    }
    let rule = "must be 7 to 64 letters and digits, as a repository names it";
    Err(Error::BadLabel { what: format!("commit {commit:?}"), rule })
}
