//! The ready nodes of a plan as the rows of a job.
//!
//! The job is created in one commit with the plan's head, which names the node of each row from then on. How such a node stands is
//! read off its row, and written down with the next change of the plan, or before the job is removed: a crash loses nothing,
//! whenever it comes.

use std::collections::BTreeMap;

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, CommitError, Draft, Event, ItemState, Job, Node, Plan, PlanJob, PlanNode, PlanState, PlanWhat, Refusal,
    Row, Table, keys,
};

use super::change::Change;
use super::{PLAN_EVIDENCE_BYTES, Planned};
use crate::error::Error;
use crate::job::{JobRequest, JobStarted};
use crate::system::System;

/// The most nodes of one job; of more that are ready the first.
const ROWS: usize = 500;

/// What a row of a job makes of the node it is about.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) node: PlanNode,
    /// Why it will come to no end by itself.
    pub(super) trouble: Option<String>,
}

/// A row of such a job.
#[derive(serde::Serialize)]
struct NodeRow {
    node: u32,
    title: String,
    notes: String,
}

impl System {
    /// Starts a job whose rows are the ready nodes of an agent's plan, in the order of their numbers, with the columns `node`,
    /// `title` and `notes`. A node is done when its row is completed, with the result as evidence; one whose row failed is
    /// being done until somebody says otherwise. The job lies below the agent and is always a new one; without a template
    /// its workers are told title and notes.
    ///
    /// # Errors
    /// No node is ready, or as for [`System::start_job_of`].
    pub async fn plan_start_job(&self, path: &AgentPath, request: JobRequest) -> Result<JobStarted, Error> {
        let told = format!("{{title}}\n\n{{notes}}\n\n(node {{node}} of the plan of {path})");
        let request = JobRequest {
            owner: path.clone(),
            id_column: request.id_column.or(Some("node".to_owned())),
            template: request.template.or(Some(told)),
            fresh: true,
            ..request
        };
        loop {
            let plan = self.planned(path).await?;
            let ready: Vec<u32> = plan.ready().take(ROWS).collect();
            if ready.is_empty() {
                return Err(Refusal(format!("no node of the plan of {path} is ready")).into());
            }
            let row = |number: &u32| {
                let PlanNode { title, notes, .. } = plan.graph.nodes()[number].clone();
                NodeRow { node: *number, title, notes }
            };
            let rows: Vec<NodeRow> = ready.iter().map(row).collect();
            let beside = |job: &AgentRef| plan.handing(job, &ready);
            match self.start_job_beside(request.clone(), rows, &beside).await {
                // The plan was changed meanwhile.
                Err(Error::Commit(CommitError::Conflict { .. })) => {}
                Ok(started) => {
                    self.settle_behind(path.clone(), started.job.path.clone());
                    return Ok(started);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Has a plan written down when a job of it is over. Where this process is not there then, the next change does it.
    fn settle_behind(&self, of: AgentPath, job: AgentPath) {
        let system = self.clone();
        self.tasks.spawn(async move {
            // One that is closed or whose output cannot be written is not over.
            if system.job_finished(&job).await.is_ok()
                && let Err(error) = system.plan_settle(&of).await
            {
                tracing::warn!(%of, %job, error = %error, "what a job made of a plan is not written down yet");
            }
        });
    }

    /// Writes down what the rows of jobs have made of an agent's plan, before the rows go.
    pub(crate) async fn plan_settle(&self, path: &AgentPath) -> Result<(), Error> {
        if self.store.peek::<Plan>(&Table::Plan.at(path)).await?.is_none_or(|head| head.value.jobs.is_empty()) {
            return Ok(());
        }
        loop {
            let left = self.replan(path, None, |plan, _| {
                let left = plan.unsettled().count();
                let change = Change { what: PlanWhat::Done, nodes: BTreeMap::new() };
                Ok(((left > 0).then_some(change), left))
            });
            if left.await? == 0 {
                return Ok(());
            }
        }
    }

    /// What the rows of jobs make of the nodes that they are about.
    pub(super) async fn read_rows(
        &self,
        head: &Plan,
        nodes: &BTreeMap<u32, Row<PlanNode>>,
    ) -> Result<BTreeMap<u32, Reading>, Error> {
        let mut readings = BTreeMap::new();
        for PlanJob { job: of, nodes: given } in &head.jobs {
            let row = self.store.get::<Node>(&Table::Node.at(&of.path)).await?.map(|row| row.value);
            let job = match row {
                Some(Node::Job(job)) if job.id == of.id => Some(job),
                _ => None,
            };
            for (number, row) in given.iter().zip(1..) {
                let Some(node) = nodes.get(number) else { continue };
                readings.insert(*number, self.read_row(of, job.as_ref(), row, &node.value).await?);
            }
        }
        Ok(readings)
    }

    async fn read_row(&self, of: &AgentRef, job: Option<&Job>, row: u32, node: &PlanNode) -> Result<Reading, Error> {
        let since = job.map_or(node.changed_at, |job| job.created_at);
        let doing =
            |owner: AgentRef| PlanNode { state: PlanState::Doing { since }, owner: Some(owner), ..node.clone() };
        let Some(job) = job else {
            return Ok(Reading {
                node: doing(of.clone()),
                trouble: Some(format!("{} is not there any more", of.path)),
            });
        };
        let Some((view, result)) = self.item_with_result(of, job, row).await? else {
            let reason = job.state.reason().map(|reason| format!("{} {}: {reason}", of.path, job.state.as_str()));
            return Ok(Reading { node: doing(of.clone()), trouble: reason });
        };
        let owner = AgentRef::new(keys::item_path(&of.path, row)?, view.item.id);
        let trouble = match view.status {
            "failed" | "skipped" | "cancelled" => {
                let error = view.item.last_error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
                Some(format!("{} {}{error}", owner.path, view.status))
            }
            _ => None,
        };
        let ItemState::Completed { at, .. } = view.item.state else {
            return Ok(Reading { node: doing(owner), trouble });
        };
        let shown = node.shown_by(&result.map(cut).into_iter().collect::<Vec<_>>());
        let node = PlanNode { state: PlanState::Done { at }, owner: Some(owner), changed_at: at, ..shown };
        Ok(Reading { node, trouble: None })
    }
}

impl Planned {
    fn ready(&self) -> impl Iterator<Item = u32> {
        self.graph.nodes().iter().filter(|(_, node)| self.graph.is_ready(node)).map(|(number, _)| *number)
    }

    /// The nodes that are done by their rows and not yet in their own records.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = (u32, &PlanNode)> {
        let done = self.readings.iter().filter(|(_, reading)| reading.node.state.is_over());
        done.map(|(number, reading)| (*number, &reading.node))
    }

    /// The head with which a job has these nodes, and what demands that nobody changed the plan meanwhile.
    fn handing(&self, job: &AgentRef, nodes: &[u32]) -> Draft {
        let mut draft = Draft::new();
        let mut head = self.head.as_ref().map_or_else(|| Plan::new(self.of.id), |head| head.value.clone());
        head.jobs.push(PlanJob { job: job.clone(), nodes: nodes.to_vec() });
        match &self.head {
            Some(row) => drop(draft.update(row, &head)),
            None => drop(draft.create(Table::Plan.at(&self.of.path), &head)),
        }
        let what = PlanWhat::Assigned { to: job.clone() };
        draft.tell(&Event::PlanChanged { agent: self.of.clone(), nodes: nodes.to_vec(), what });
        draft
    }
}

/// A result as far as evidence takes it.
fn cut(mut result: String) -> String {
    const CUT: &str = " [cut]";
    if result.len() > PLAN_EVIDENCE_BYTES {
        result.truncate(result.floor_char_boundary(PLAN_EVIDENCE_BYTES - CUT.len()));
        result.push_str(CUT);
    }
    result
}
