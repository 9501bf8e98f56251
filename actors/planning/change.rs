//! Nodes added to a plan and changed there, each change one commit with the plan's head.

use std::collections::BTreeMap;

use understory_paths::AgentPath;
use understory_store::{
    CommitError, Draft, Event, Plan, PlanNode, PlanState, PlanStep, PlanWhat, Table, Time, TranscriptEntry, keys,
};

use super::{
    Author, NewPlanNode, PLAN_ADDED_MAX, PLAN_EVIDENCE_MAX, PlanPatch, Planned, PlannedNode, demand_commit,
    demand_evidence, demand_notes, demand_title, leveled, shown,
};
use crate::error::Error;
use crate::limits::Limits;
use crate::system::System;

/// How many nodes that are done by their rows a commit writes down beside what it is about.
const SETTLED: usize = 16;

/// What a commit does to a plan.
pub(super) struct Change {
    pub(super) what: PlanWhat,
    /// The nodes by their numbers as they become; nothing for those that go.
    pub(super) nodes: BTreeMap<u32, Option<PlanNode>>,
}

impl System {
    /// Adds nodes to an agent's plan, at most 100, in one commit; gives back their numbers.
    ///
    /// # Errors
    /// There is no agent at the path, a text is blank or too long, a node would come after one that is not there, a limit is
    /// reached, or the store failed.
    pub async fn plan_add(&self, path: &AgentPath, nodes: &[NewPlanNode]) -> Result<Vec<u32>, Error> {
        self.plan_add_by(path, nodes, None).await
    }

    /// Changes one node of an agent's plan. The node as it is then, and false if it was so before.
    ///
    /// # Errors
    /// There is no such node, a step does not fit where it stands, it would come after itself, a text is blank or too long, or
    /// the store failed.
    pub async fn plan_update(
        &self,
        path: &AgentPath,
        node: u32,
        patch: &PlanPatch,
    ) -> Result<(PlannedNode, bool), Error> {
        self.plan_update_by(path, node, patch, None).await
    }

    pub(crate) async fn plan_add_by(
        &self,
        path: &AgentPath,
        nodes: &[NewPlanNode],
        by: Option<&Author<'_>>,
    ) -> Result<Vec<u32>, Error> {
        for node in nodes {
            demand_title(&node.title)?;
            demand_notes(&node.notes)?;
        }
        self.replan(path, by, |plan, now| plan.adding(&self.limits, nodes, now)).await
    }

    pub(crate) async fn plan_update_by(
        &self,
        path: &AgentPath,
        number: u32,
        patch: &PlanPatch,
        by: Option<&Author<'_>>,
    ) -> Result<(PlannedNode, bool), Error> {
        patch.demand_good()?;
        self.replan(path, by, |plan, now| {
            plan.demand_owned(number, by)?;
            let (before, node) = (plan.node(number)?, plan.patched(&self.limits, number, patch, now)?);
            let what = patch.what(before, &node);
            let changed = *before != node;
            let answer = (plan.with(number, &node), changed);
            Ok((changed.then(|| Change { what, nodes: [(number, Some(node))].into() }), answer))
        })
        .await
    }

    /// Has a plan be as `decide` says, which is asked again whenever somebody else has changed it meanwhile.
    pub(super) async fn replan<T>(
        &self,
        path: &AgentPath,
        by: Option<&Author<'_>>,
        decide: impl Fn(&Planned, Time) -> Result<(Option<Change>, T), Error>,
    ) -> Result<T, Error> {
        loop {
            let plan = self.planned(path).await?;
            let (change, answer) = decide(&plan, self.clock.now())?;
            let Some(change) = change else { return Ok(answer) };
            let mut draft = plan.draft(change);
            self.expect_no_removal(path, &mut draft).await?;
            if let Some(Author { caller, tool, owner_only: _ }) = by {
                caller.fence(&mut draft);
                if let Some(tool) = tool {
                    caller.transcribe(&mut draft, &TranscriptEntry::Tool(tool.clone()));
                }
            }
            match self.store.commit(draft).await {
                Ok(_) => return Ok(answer),
                Err(error @ CommitError::Conflict { .. }) => demand_standing(by, error)?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Refuses to decide again for a turn that is over.
fn demand_standing(by: Option<&Author<'_>>, error: CommitError) -> Result<(), Error> {
    let Some(Author { caller, .. }) = by else { return Ok(()) };
    match caller.explain(error) {
        error @ (Error::Fenced { .. } | Error::BadToken { .. }) => Err(error),
        Error::Closed { path, at } if at.contains(&caller.me().path) => Err(Error::Closed { path, at }),
        _ => Ok(()),
    }
}

impl Planned {
    /// A commit of this change, which demands the plan as it was read.
    pub(super) fn draft(&self, change: Change) -> Draft {
        let Change { what, nodes } = change;
        let mut draft = Draft::new();
        let path = &self.of.path;
        draft.expect_present(Table::Node.at(path));
        let behind = nodes.last_key_value().map_or(0, |(last, _)| last + 1);
        let before = self.head.as_ref().map_or_else(|| Plan::new(self.of.id), |head| head.value.clone());
        let mut head = Plan { next: before.next.max(behind), ..before };
        let numbers: Vec<u32> = nodes.keys().copied().collect();
        let settled = self.settled(&nodes);
        let mut nodes: BTreeMap<u32, Option<PlanNode>> =
            nodes.into_iter().map(|(number, node)| (number, self.kept(number, node, &mut head))).collect();
        for (number, node) in &settled {
            head.take_back(*number);
            nodes.insert(*number, Some(node.clone()));
        }
        match &self.head {
            Some(row) => drop(draft.update(row, &head)),
            None => drop(draft.create(Table::Plan.at(path), &head)),
        }
        for (number, node) in nodes {
            match (self.rows.get(&number), node) {
                (Some(row), Some(node)) => drop(draft.update(row, &node)),
                (Some(row), None) => draft.remove(row),
                (None, Some(node)) => drop(draft.create(keys::plan_node(path, number), &node)),
                (None, None) => {}
            }
        }
        for (nodes, what) in [(settled.into_keys().collect(), PlanWhat::Done), (numbers, what)] {
            if !nodes.is_empty() {
                draft.tell(&Event::PlanChanged { agent: self.of.clone(), nodes, what });
            }
        }
        draft
    }

    /// Nodes that are done by their rows, as many as a commit takes beside what it is about.
    fn settled(&self, about: &BTreeMap<u32, Option<PlanNode>>) -> BTreeMap<u32, PlanNode> {
        let others = self.unsettled().filter(|(number, _)| !about.contains_key(number));
        others.take(SETTLED).map(|(number, node)| (number, node.clone())).collect()
    }

    /// What is kept of a node: of one that a job's row is still about, not what the row says.
    fn kept(&self, number: u32, node: Option<PlanNode>, head: &mut Plan) -> Option<PlanNode> {
        let read = self.readings.get(&number).map(|reading| &reading.node.state);
        match node {
            Some(node) if read == Some(&node.state) && !node.state.is_over() => {
                Some(PlanNode { state: PlanState::Todo, owner: None, ..node })
            }
            node => {
                head.take_back(number);
                node
            }
        }
    }

    /// A node as it would be, among the others.
    pub(super) fn with(&self, number: u32, node: &PlanNode) -> PlannedNode {
        let mut graph = self.graph.clone();
        graph.put(number, node.clone());
        let shown = shown(&graph, number).expect("it was put there just now");
        leveled(&graph, vec![shown]).remove(0)
    }

    /// Answers one that may speak of nothing but what it was given as if nothing else were there.
    fn demand_owned(&self, number: u32, by: Option<&Author<'_>>) -> Result<(), Error> {
        let Some(Author { caller, owner_only: true, .. }) = by else { return Ok(()) };
        let owner = self.graph.nodes().get(&number).and_then(|node| node.owner.as_ref());
        let owned = owner == Some(caller.me());
        if owned { Ok(()) } else { Err(Error::NotFound { path: self.of.path.clone() }) }
    }

    fn adding(&self, limits: &Limits, nodes: &[NewPlanNode], now: Time) -> Result<(Option<Change>, Vec<u32>), Error> {
        let limit = |limit, value: usize, remedy| {
            Err(Error::Limit { limit, value: value as u64, holder: self.of.path.clone(), remedy })
        };
        if nodes.len() > PLAN_ADDED_MAX {
            return limit("plan_added", PLAN_ADDED_MAX, "add them in several calls");
        }
        if self.rows.len() + nodes.len() > limits.plan_nodes {
            return limit("plan_nodes", limits.plan_nodes, "clear what is finished");
        }
        let (mut graph, mut added) = (self.graph.clone(), BTreeMap::new());
        for (number, new) in (self.next()..).zip(nodes) {
            let after = graph.put_after(number, &new.after).map_err(self.refused(number))?;
            self.demand_few(limits, &after)?;
            let node = PlanNode::new(new.title.clone(), new.notes.clone(), after, now);
            graph.put(number, node.clone());
            added.insert(number, Some(node));
        }
        let numbers = added.keys().copied().collect();
        Ok(((!added.is_empty()).then_some(Change { what: PlanWhat::Added, nodes: added }), numbers))
    }

    fn patched(&self, limits: &Limits, number: u32, patch: &PlanPatch, now: Time) -> Result<PlanNode, Error> {
        let PlanPatch { title, notes, after, step, evidence, commit } = patch;
        let before = self.node(number)?;
        let mut node = before.shown_by(evidence);
        if node.evidence.len() > PLAN_EVIDENCE_MAX.max(before.evidence.len()) {
            let (value, holder) = (PLAN_EVIDENCE_MAX as u64, self.of.path.clone());
            return Err(Error::Limit { limit: "plan_evidence", value, holder, remedy: "say it in the notes" });
        }
        node.title.clone_from(title.as_ref().unwrap_or(&before.title));
        node.notes.clone_from(notes.as_ref().unwrap_or(&before.notes));
        node.commit = commit.clone().or(node.commit);
        if let Some(after) = after {
            node.after = self.graph.put_after(number, after).map_err(self.refused(number))?;
            self.demand_few(limits, &node.after)?;
        }
        if let Some(step) = step {
            if matches!((step, &node.state), (PlanStep::Start { .. }, PlanState::Todo)) {
                self.graph.demand_free(&node).map_err(self.refused(number))?;
            }
            node = node.step(step, now).map_err(self.refused(number))?;
        }
        if node != *before {
            node.changed_at = now;
        }
        Ok(node)
    }
}

impl PlanPatch {
    fn demand_good(&self) -> Result<(), Error> {
        self.title.as_deref().map_or(Ok(()), demand_title)?;
        self.notes.as_deref().map_or(Ok(()), demand_notes)?;
        self.commit.as_deref().map_or(Ok(()), demand_commit)?;
        if let Some(PlanStep::Drop { reason: Some(reason) }) = &self.step {
            demand_evidence(reason)?;
        }
        self.evidence.iter().try_for_each(|text| demand_evidence(text))
    }

    /// What is told of it: the step that was taken, if one was.
    fn what(&self, before: &PlanNode, after: &PlanNode) -> PlanWhat {
        match &self.step {
            Some(step) if before.state != after.state => match step {
                PlanStep::Start { .. } => PlanWhat::Started,
                PlanStep::Finish => PlanWhat::Done,
                PlanStep::Drop { .. } => PlanWhat::Dropped,
                PlanStep::Reopen => PlanWhat::Reopened,
            },
            _ => PlanWhat::Edited,
        }
    }
}
