//! What a digest tells beside its agent's turns: read where it lies, within bounds.

use std::ops::Bound;

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, Below, Child, Counts, DIGEST_CHILD_MAX, DIGEST_CHILDREN, DIGEST_NODES, DIGEST_TITLE_MAX, Digest,
    Direction, Directory, Goal, GoalInShort, Node, NodeLeft, PlanLeft, Revision, Row, Shortlist, Table, Time, Usage,
    Work, in_short,
};

use crate::children::Walk;
use crate::error::Error;
use crate::looking::View;
use crate::planning::{OpenPlan, PlannedNode};
use crate::system::System;

/// How far children are counted.
const CHILDREN_COUNTED: usize = 1_000;
/// How many nodes below an agent are looked at for what they used.
const BELOW_MAX: usize = 1_000;
/// How many of them are read at a time.
const PAGE: usize = 256;

impl System {
    /// The digest of an agent whose record and work were read.
    pub(super) async fn gather(&self, me: &AgentRef, used: Usage, row: Row<Node>, work: Work) -> Result<Digest, Error> {
        let view = self.as_recorded(row).await?;
        let goal = self.goal_in_short(me).await?;
        let (plan, replanned) = self.plan_left(&me.path).await?.unzip();
        let (children, newest) = self.children_in_short(&me.path).await?;
        let below = self.below(&me.path).await?;
        let commits = self.commits_since_spawn(me).await?;
        let (goal, changed) = goal.unzip();
        let at =
            [view.active(), Some(work.at), newest, changed, replanned].into_iter().flatten().max().unwrap_or_default();
        let (of, status) = (me.id, view.status().to_owned());
        Ok(Digest { of, at, status, goal, plan, work, used, children, below, commits, summary: None })
    }

    /// The view of one node, as the records have it: what a turn waits for only its process knows.
    async fn as_recorded(&self, row: Row<Node>) -> Result<View, Error> {
        let view = self.views(vec![row]).await?.pop().expect("a node has a view");
        Ok(View { waits: None, ..view })
    }

    /// The goal, and when it changed last.
    async fn goal_in_short(&self, me: &AgentRef) -> Result<Option<(GoalInShort, Time)>, Error> {
        let goal = self.store.get::<Goal>(&Table::Goal.at(&me.path)).await?.map(|row| row.value);
        let goal = goal.filter(|goal| goal.of == me.id);
        Ok(goal.map(|goal| (GoalInShort::from(&goal), goal.updated_at)))
    }

    /// The commits that the agent's directory got since it was given to it, up to the end of the last turn.
    async fn commits_since_spawn(&self, me: &AgentRef) -> Result<Shortlist<Revision>, Error> {
        let directory = self.store.peek::<Directory>(&Table::Directory.at(&me.path)).await?.map(|row| row.value);
        match directory.filter(|directory| directory.of == me.id) {
            Some(directory) => Ok(self.revisions(&directory).await),
            None => Ok(Shortlist::default()),
        }
    }

    /// What is left of the plan, and when it changed last.
    async fn plan_left(&self, path: &AgentPath) -> Result<Option<(PlanLeft, Time)>, Error> {
        let nodes = self.plan(path).await?.nodes;
        let changed = nodes.iter().map(|planned| planned.node.changed_at).max();
        let left = |changed| {
            let OpenPlan { done, dropped, open, nodes } = OpenPlan::of(nodes, DIGEST_NODES);
            let first: Vec<NodeLeft> = nodes.iter().map(node_left).collect();
            let more = (open - first.len()) as u64;
            let open = Shortlist { first, more, counted: true };
            (PlanLeft { done: done as u64, dropped: dropped as u64, open }, changed)
        };
        Ok(changed.map(left))
    }

    /// The first children, and when something last happened to one of them.
    async fn children_in_short(&self, path: &AgentPath) -> Result<(Shortlist<Child>, Option<Time>), Error> {
        let (mut walk, mut paths, mut counted) = (Walk::over(path), Vec::new(), true);
        while let Some(page) = walk.next(&self.store).await? {
            paths.extend(page);
            if paths.len() > CHILDREN_COUNTED {
                paths.truncate(CHILDREN_COUNTED);
                counted = false;
                break;
            }
        }
        let (mut first, mut newest) = (Vec::new(), None);
        for path in paths.iter().take(DIGEST_CHILDREN) {
            // It may have been removed since its key was read.
            let Some(row) = self.store.get::<Node>(&Table::Node.at(path)).await? else { continue };
            let view = self.as_recorded(row).await?;
            newest = newest.max(view.active());
            first.push(child(&view));
        }
        let more = paths.len().saturating_sub(DIGEST_CHILDREN) as u64;
        Ok((Shortlist { first, more, counted }, newest))
    }

    /// What was done and used below an agent. What lies below a job is its rows, whose cost the job has counted.
    async fn below(&self, path: &AgentPath) -> Result<Below, Error> {
        let (mut below, mut left) = (Below { all: true, ..Below::default() }, BELOW_MAX);
        let (mut range, mut job) = (Table::Node.beneath(path), None::<AgentPath>);
        while left > 0 {
            let size = PAGE.min(left);
            let rows = self.store.page::<Node>(range.clone(), None, Direction::Forward, size).await?;
            let full = rows.len() == size;
            for row in rows {
                let Some(path) = Table::Node.path_of(&row.key) else { continue };
                range.start = Bound::Excluded(row.key);
                if job.as_ref().is_some_and(|job| job.contains(&path)) {
                    continue;
                }
                add(&mut below, &row.value);
                left -= 1;
                job = matches!(row.value, Node::Job(_)).then_some(path);
            }
            if !full {
                return Ok(below);
            }
            if let Some(job) = &job {
                range.start = Bound::Included(Table::Node.behind_subtree(job));
            }
        }
        below.all = self.store.peek_keys(range, None, 1).await?.is_empty();
        Ok(below)
    }
}

fn add(below: &mut Below, node: &Node) {
    match node {
        Node::Agent(agent) => {
            below.agents += 1;
            below.turns += agent.turns;
            below.tokens += agent.used.tokens();
        }
        Node::Job(job) => {
            below.jobs += 1;
            below.turns += job.spent.turns;
            below.tokens += job.spent.tokens;
        }
        _ => {}
    }
}

fn node_left(planned: &PlannedNode) -> NodeLeft {
    NodeLeft {
        number: planned.number,
        title: in_short(&planned.node.title, DIGEST_TITLE_MAX),
        status: planned.node.state.as_str().to_owned(),
        ready: planned.ready,
    }
}

fn child(view: &View) -> Child {
    let outcome = match &view.node {
        Node::Agent(agent) => agent.outcome.as_ref().map(|outcome| outcome.content.clone()).unwrap_or_default(),
        Node::Job(job) => rows(job.counts),
        _ => String::new(),
    };
    Child {
        name: view.path.name().to_owned(),
        status: view.status().to_owned(),
        outcome: in_short(&outcome, DIGEST_CHILD_MAX),
    }
}

/// Where a job's rows stand; what is none is left out.
fn rows(counts: Counts) -> String {
    let parts = [
        (counts.completed, "completed"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.running, "running"),
        (counts.pending, "pending"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    format!("rows: {}", parts.collect::<Vec<_>>().join(", "))
}
