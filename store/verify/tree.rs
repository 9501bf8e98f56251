//! The nodes in path order, with what lies beside each, and the recount of what is open below them.

use understory_paths::AgentPath;

use super::goal::Goals;
use super::index::Indexes;
use super::item::Tally;
use super::lane::{Found, Lane, Stands, look_up};
use super::memory::Memories;
use super::plan::Plans;
use super::report::{Report, place};
use crate::error::StoreError;
use crate::keys::{self, Table};
use crate::records::{
    Agent, BrainSettings, Card, Credential, Digest, Directory, Grant, Job, JobSpec, Mark, Node, Pointer, Session,
};
use crate::seam::{Backend, Entry};

/// The tables that are read beside the nodes.
pub(super) struct Tree<'a> {
    backend: &'a dyn Backend,
    nodes: Lane<'a>,
    closed: Lane<'a>,
    counts: Lane<'a>,
    specs: Lane<'a>,
    unfinished: Lane<'a>,
    rows: Lane<'a>,
    results: Lane<'a>,
    grants: Lane<'a>,
    cards: Lane<'a>,
    credentials: Lane<'a>,
    reopened: Lane<'a>,
    sessions: Lane<'a>,
    directories: Lane<'a>,
    settings: Lane<'a>,
    digests: Lane<'a>,
    indexes: Indexes<'a>,
    memories: Memories<'a>,
    goals: Goals<'a>,
    plans: Plans<'a>,
    /// The nodes from the root to the one that was read last.
    way: Vec<Step>,
}

/// A node on the way.
struct Step {
    path: AgentPath,
    kind: Kind,
    closed: bool,
    /// It or a node above it is being removed: what is left of it need not fit.
    removing: bool,
    /// What `count` says.
    counted: Stands<u64>,
    /// Open agents met below it.
    open: u64,
    /// Unset when a node below it cannot be read, so that nobody knows what it was.
    sure: bool,
}

/// What a node on the way is, with what is gathered of those below it.
enum Kind {
    Agent,
    Job(Box<Tally>),
    Item,
    Unknown,
}

impl<'a> Tree<'a> {
    pub(super) fn new(backend: &'a dyn Backend) -> Self {
        let lane = |table| Lane::new(backend, table);
        Tree {
            backend,
            nodes: lane(Table::Node),
            closed: lane(Table::Closed),
            counts: lane(Table::Count),
            specs: lane(Table::Spec),
            unfinished: lane(Table::Unfinished),
            rows: lane(Table::Row),
            results: lane(Table::Result),
            grants: lane(Table::Grant),
            cards: lane(Table::Card),
            credentials: lane(Table::Credential),
            reopened: lane(Table::Reopened),
            sessions: lane(Table::Session),
            directories: lane(Table::Directory),
            settings: lane(Table::BrainSettings),
            digests: lane(Table::Digest),
            indexes: Indexes::new(backend),
            memories: Memories::new(backend),
            goals: Goals::new(backend),
            plans: Plans::new(backend),
            way: Vec::new(),
        }
    }

    /// Reads all of them, once.
    pub(super) async fn walk(mut self, report: &mut Report) -> Result<(), StoreError> {
        while let Some((path, found)) = self.nodes.next(report).await? {
            self.come_to(&path, report);
            if self.way.last().is_some_and(|step| step.path == path) {
                if let Found::Row(entry) = &found {
                    report.problem(place(Table::Node, &entry.key), "its key has something behind the path");
                }
                continue;
            }
            let node = match found {
                Found::Row(entry) => self.node(&path, &entry, report).await?,
                Found::Damaged => None,
            };
            self.visit(path, node, report).await?;
        }
        while let Some(step) = self.way.pop() {
            self.leave(step, report);
        }
        for lane in [&mut self.closed, &mut self.counts, &mut self.specs, &mut self.unfinished] {
            lane.end(report).await?;
        }
        self.rows.end(report).await?;
        self.results.end(report).await?;
        self.grants.end(report).await?;
        self.cards.end(report).await?;
        self.credentials.end(report).await?;
        self.reopened.end(report).await?;
        self.sessions.end(report).await?;
        self.directories.end(report).await?;
        self.settings.end(report).await?;
        self.memories.end(report).await?;
        self.goals.end(report).await?;
        self.plans.end(report).await?;
        self.digests.end(report).await?;
        self.indexes.end(report).await
    }

    async fn node(&self, path: &AgentPath, entry: &Entry, report: &mut Report) -> Result<Option<Node>, StoreError> {
        if entry.key != Table::Node.at(path) {
            report.problem(place(Table::Node, &entry.key), "its key has something behind the path");
            return Ok(None);
        }
        Ok(match self.nodes.value::<Node>(entry, report).await? {
            Stands::There(node) => Some(node),
            _ => None,
        })
    }

    /// Leaves the nodes that `path` is not below.
    fn come_to(&mut self, path: &AgentPath, report: &mut Report) {
        while let Some(step) = self.way.pop_if(|step| !step.path.contains(path)) {
            self.leave(step, report);
        }
    }

    async fn visit(&mut self, path: AgentPath, node: Option<Node>, report: &mut Report) -> Result<(), StoreError> {
        if let Some(node) = &node {
            self.check_parent(&path, node, report);
        }
        let mark = self.closed.only_at::<Mark>(&path, report).await?;
        let closed = !mark.is_absent();
        let removing = matches!(mark, Stands::There(Mark::Removing | Mark::Importing(_)))
            || self.way.last().is_some_and(|above| above.removing);
        let counted = self.counts.only_at::<u64>(&path, report).await?;
        self.agents_own(&path, node.as_ref(), report).await?;
        self.card(&path, node.as_ref(), removing, report).await?;
        self.directory(&path, node.as_ref(), removing, report).await?;
        self.digest(&path, node.as_ref(), removing, report).await?;
        let kind = match &node {
            None => {
                self.pass_beside(&path, report).await?;
                Kind::Unknown
            }
            Some(node) if removing => {
                self.pass_beside(&path, report).await?;
                match node {
                    Node::Agent(_) => report.agent(),
                    Node::Job(_) => report.job(),
                    Node::Item(_) => report.item(),
                }
                Kind::Unknown
            }
            Some(Node::Agent(agent)) => {
                report.agent();
                self.agent(&path, agent, report).await?;
                Kind::Agent
            }
            Some(Node::Job(job)) => {
                report.job();
                self.job(&path, job, report).await?;
                Kind::Job(Box::new(Tally::new(job.clone())))
            }
            Some(Node::Item(item)) => {
                report.item();
                self.no_job(&path, report).await?;
                let beside = (
                    !self.rows.only_at::<String>(&path, report).await?.is_absent(),
                    !self.results.only_at::<String>(&path, report).await?.is_absent(),
                );
                let above = match self.way.last_mut().map(|step| &mut step.kind) {
                    Some(Kind::Job(tally)) => Some(tally.as_mut()),
                    _ => None,
                };
                super::item::check(self.backend, &path, item, beside, above, report).await?;
                Kind::Item
            }
        };
        self.indexes.visit(&path, node.as_ref(), removing, report).await?;
        self.memories.visit(&path, node.as_ref().filter(|_| !removing), report).await?;
        self.goals.visit(&path, node.as_ref(), removing, report).await?;
        self.plans.visit(&path, node.as_ref(), removing, report).await?;
        let sure = node.is_some() && !removing;
        self.way.push(Step { path, sure, kind, closed, removing, counted, open: 0 });
        Ok(())
    }

    /// Checks what lies beside a node that must be an agent.
    async fn agents_own(
        &mut self,
        path: &AgentPath,
        node: Option<&Node>,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let granted = !self.grants.only_at::<Grant>(path, report).await?.is_absent();
        let has_token = !self.credentials.only_at::<Credential>(path, report).await?.is_absent();
        let in_session = !self.sessions.only_at::<Session>(path, report).await?.is_absent();
        let is_set = !self.settings.only_at::<BrainSettings>(path, report).await?.is_absent();
        for (there, table) in [(in_session, Table::Session), (is_set, Table::BrainSettings)] {
            if there && matches!(node, Some(Node::Job(_))) {
                report.at(table, path, "it lies at a job, which has no brain of its own");
            }
        }
        let reopened = !self.reopened.only_at::<()>(path, report).await?.is_absent();
        for (there, table) in [(granted, Table::Grant), (has_token, Table::Credential)] {
            if there && matches!(node, Some(Node::Job(_) | Node::Item(_))) {
                report.at(table, path, "there is no agent at its path");
            }
        }
        if reopened && matches!(node, Some(Node::Item(_))) {
            report.at(Table::Reopened, path, "an item is never closed by itself");
        }
        Ok(())
    }

    fn check_parent(&self, path: &AgentPath, node: &Node, report: &mut Report) {
        let Some(parent) = path.parent() else { return };
        let above = self.way.last().filter(|step| step.path == parent);
        let what = match (node, above.map(|step| &step.kind)) {
            (_, None) => "it has no parent",
            (_, Some(Kind::Unknown)) => return,
            (Node::Item(_), Some(Kind::Job(_))) if keys::item_number(path).is_some() => return,
            (Node::Agent(_), Some(Kind::Agent | Kind::Item)) | (Node::Job(_), Some(Kind::Agent)) => return,
            (Node::Item(_), Some(Kind::Job(_))) => "it is an item, and its name is not a row's",
            (Node::Agent(_), _) => "it is an agent below a job",
            (Node::Job(_), _) => "it is a job below something that is no agent",
            (Node::Item(_), _) => "it is an item below something that is no job",
        };
        report.at(Table::Node, path, what);
    }

    async fn agent(&mut self, path: &AgentPath, agent: &Agent, report: &mut Report) -> Result<(), StoreError> {
        self.no_job(path, report).await?;
        self.no_item(path, report).await?;
        if let Some(running) = agent.running() {
            for row in &running.in_hand {
                let key = keys::inbox(path, *row);
                if look_up::<crate::records::Message>(self.backend, key).await?.is_absent() {
                    let (sequence, n) = (row.sequence, row.n);
                    report.at(
                        Table::Node,
                        path,
                        format!("its turn has message ({sequence}, {n}) in hand, which is not in its inbox"),
                    );
                }
            }
        }
        let (Some(nickname), Some(parent)) = (&agent.nickname, path.parent()) else { return Ok(()) };
        let key = Table::Nickname.named(&parent, nickname.to_lowercase().as_bytes());
        match look_up::<Pointer>(self.backend, key).await? {
            Stands::There(pointer) if pointer.0 == *path => {}
            Stands::There(Pointer(other)) => {
                report.at(Table::Node, path, format!("its nickname {nickname:?} is another's: it leads to {other}"));
            }
            Stands::Absent => report.at(Table::Node, path, format!("its nickname {nickname:?} leads nowhere")),
            Stands::Damaged => {}
        }
        Ok(())
    }

    async fn job(&mut self, path: &AgentPath, job: &Job, report: &mut Report) -> Result<(), StoreError> {
        self.no_item(path, report).await?;
        match (self.unfinished.only_at::<()>(path, report).await?, job.unfinished()) {
            (Stands::Absent, true) => report.at(Table::Node, path, "it is unfinished, and not among the unfinished"),
            (Stands::There(()), false) => report.at(Table::Unfinished, path, "its job is finished"),
            _ => {}
        }
        let spec: JobSpec = match self.specs.only_at(path, report).await? {
            Stands::There(spec) => spec,
            Stands::Absent => {
                report.at(Table::Node, path, "nothing says what the job was asked for");
                return Ok(());
            }
            Stands::Damaged => return Ok(()),
        };
        let Some(owner) = path.parent() else { return Ok(()) };
        let key = Table::Fingerprint.named(&owner, &spec.fingerprint);
        if look_up::<Pointer>(self.backend, key).await?.is_absent() {
            report.at(Table::Spec, path, "its fingerprint leads nowhere");
        }
        Ok(())
    }

    async fn card(
        &mut self,
        path: &AgentPath,
        node: Option<&Node>,
        removing: bool,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let card = self.cards.only_at::<Card>(path, report).await?;
        if let (Stands::There(card), Some(node), false) = (card, node, removing)
            && card.of != node.id()
        {
            report.at(Table::Card, path, "it is another's, which was removed");
        }
        Ok(())
    }

    async fn directory(
        &mut self,
        path: &AgentPath,
        node: Option<&Node>,
        removing: bool,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let directory = self.directories.only_at::<Directory>(path, report).await?;
        let (Stands::There(directory), Some(node), false) = (directory, node, removing) else { return Ok(()) };
        if matches!(node, Node::Item(_)) {
            report.at(Table::Directory, path, "an item works where its job does");
        } else if directory.of != node.id() {
            report.at(Table::Directory, path, "it is another's, which was removed");
        }
        Ok(())
    }

    async fn digest(
        &mut self,
        path: &AgentPath,
        node: Option<&Node>,
        removing: bool,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let digest = self.digests.only_at::<Digest>(path, report).await?;
        match (digest, node) {
            (Stands::There(_), Some(Node::Job(_) | Node::Item(_))) => {
                report.at(Table::Digest, path, "there is no agent at its path");
            }
            (Stands::There(digest), Some(node)) if !removing && digest.of != node.id() => {
                report.at(Table::Digest, path, "it is another's, which was removed");
            }
            _ => {}
        }
        Ok(())
    }

    async fn no_job(&mut self, path: &AgentPath, report: &mut Report) -> Result<(), StoreError> {
        if !self.specs.only_at::<JobSpec>(path, report).await?.is_absent() {
            report.at(Table::Spec, path, "there is no job at its path");
        }
        if !self.unfinished.only_at::<()>(path, report).await?.is_absent() {
            report.at(Table::Unfinished, path, "there is no job at its path");
        }
        Ok(())
    }

    async fn no_item(&mut self, path: &AgentPath, report: &mut Report) -> Result<(), StoreError> {
        if !self.rows.only_at::<String>(path, report).await?.is_absent() {
            report.at(Table::Row, path, "there is no item at its path");
        }
        if !self.results.only_at::<String>(path, report).await?.is_absent() {
            report.at(Table::Result, path, "there is no item at its path");
        }
        Ok(())
    }

    /// Takes what lies beside a node that cannot be read, as it may well belong there.
    async fn pass_beside(&mut self, path: &AgentPath, report: &mut Report) -> Result<(), StoreError> {
        self.specs.only_at::<JobSpec>(path, report).await?;
        self.unfinished.only_at::<()>(path, report).await?;
        self.rows.only_at::<String>(path, report).await?;
        self.results.only_at::<String>(path, report).await?;
        Ok(())
    }

    /// Compares what was gathered below a node with what is on record, and hands its count to the one above.
    fn leave(&mut self, step: Step, report: &mut Report) {
        let Step { path, kind, closed, removing, counted, open, sure } = step;
        match counted {
            Stands::There(0) => report.at(Table::Count, &path, "it is 0, which is told by no row"),
            Stands::There(count) if sure && count != open => {
                report.at(Table::Count, &path, format!("it is {count}, and {open} are open"));
            }
            Stands::Absent if sure && open > 0 => {
                report.at(Table::Count, &path, format!("it is missing, and {open} are open"))
            }
            _ => {}
        }
        let agent = matches!(kind, Kind::Agent);
        if let Kind::Job(tally) = kind {
            tally.check(&path, sure, report);
        }
        if let Some(above) = self.way.last_mut() {
            // A closed node stands for nothing above it, whatever is left below.
            above.sure &= sure || removing;
            if !closed {
                above.open += open + u64::from(agent);
            }
        }
    }
}
