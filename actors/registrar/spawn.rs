//! Creation of agents and jobs.

use std::collections::{BTreeMap, HashSet};

use understory_paths::AgentPath;
use understory_store::{
    Agent, AgentId, AgentRef, BrainChoice, BrainSettings, Creation, Event, InboxKey, Job, JobLimits, JobSpec, Message,
    MessageKind, Metadata, Node, Phase, Row, Sender, Table, Time, ToolUse, TranscriptEntry, Usage,
};

use super::naming::Called;
use super::plan::{Plan, WRITES_MAX};
use super::{Answer, Request};
use crate::caller::Caller;
use crate::directory::Place;
use crate::error::Error;
use crate::goals::NewGoal;
use crate::nickname::{Nickname, NicknamePool, demand_nickname};

/// An agent to be created.
#[derive(Clone, Debug)]
pub(crate) struct Birth {
    pub(crate) path: AgentPath,
    pub(crate) role: String,
    pub(crate) brain: Option<BrainChoice>,
    pub(crate) nickname: Nickname,
    /// What a nickname is picked from, if not the built-in pool.
    pub(crate) pool: Option<NicknamePool>,
    pub(crate) first: Option<FirstMessage>,
    pub(crate) goal: Option<NewGoal>,
    /// What its transcript begins with.
    pub(crate) history: Vec<TranscriptEntry>,
    /// An agent that is there already is the answer, not an error.
    pub(crate) or_existing: bool,
    /// Where it works.
    pub(crate) place: Option<Place>,
    /// The model and the effort that its brain begins with.
    pub(crate) settings: (Option<String>, Option<String>),
    /// When it began to be, if that was before it is created here.
    pub(crate) created_at: Option<Time>,
}

/// A message that is in the inbox from the first moment.
#[derive(Clone, Debug)]
pub(crate) struct FirstMessage {
    pub(crate) text: String,
    pub(crate) trigger: bool,
    pub(crate) metadata: Metadata,
}

/// An agent that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Newborn {
    pub(crate) agent: AgentRef,
    pub(crate) nickname: Option<String>,
    /// False: it was there already, and its first message was not sent.
    pub(crate) created: bool,
    /// Its standing is closed: it was made by an earlier run of the same item, which ended.
    pub(crate) dormant: bool,
}

/// What a birth comes to.
pub(super) enum Verdict {
    New(AgentId),
    Known(Newborn),
}

impl Request {
    /// How many writes and payload bytes it makes at the most, counts of ancestors aside.
    pub(super) fn weight(&self) -> (usize, usize) {
        match self {
            Request::Spawn { births, by, .. } => {
                let lines = by.as_ref().map_or((0, 0), Caller::weight);
                births.iter().map(Birth::weight).fold((1 + lines.0, 512 + lines.1), |a, b| (a.0 + b.0, a.1 + b.1))
            }
            Request::CreateJob { spec, beside, .. } => {
                let bytes =
                    spec.headers.iter().map(String::len).sum::<usize>() + spec.template.as_ref().map_or(0, String::len);
                let beside = beside.as_ref().map_or((0, 0), |beside| (beside.writes(), beside.bytes()));
                (8 + bytes / 4096 + beside.0, 4096 + bytes + beside.1)
            }
            Request::Close { by, .. } | Request::Resume { by, .. } => {
                let lines = by.as_ref().map_or((0, 0), |(caller, _)| caller.weight());
                (4 + lines.0, 8192 + lines.1)
            }
            Request::Remove { .. } => (4, 8192),
            // It takes what a drain takes.
            Request::RemoveBatch { .. }
            | Request::Import { .. }
            | Request::ImportRows { .. }
            | Request::ImportEnd { .. } => (WRITES_MAX, 0),
        }
    }
}

impl Birth {
    fn weight(&self) -> (usize, usize) {
        // What is attached is told of, too.
        let text = self.first.as_ref().map_or(0, |first| first.text.len() + 2 * first.metadata.bytes());
        let place = self.place.as_ref().map_or(0, |place| 512 + place.path.len());
        // An objective of 4,000 characters may be 16,000 bytes.
        let goal = if self.goal.is_some() { (6, 16 << 10) } else { (0, 0) };
        let entries = self.history.iter().map(|entry| entry.bytes() as usize);
        let (writes, bytes) = entries.fold(goal, |all, entry| (all.0 + 2 + entry / 4096, all.1 + 64 + entry));
        (6 + text / 4096 + self.path.depth() + writes, 1024 + place + text + bytes)
    }
}

impl Plan<'_> {
    pub(super) async fn spawn(
        &mut self,
        births: &[Birth],
        by: Option<&Caller>,
        tool: Option<&ToolUse>,
    ) -> Result<Answer, Error> {
        let mut verdicts = Vec::with_capacity(births.len());
        let (mut named, mut called) = (HashSet::with_capacity(births.len()), Called::new());
        for birth in births {
            if !named.insert(&birth.path) {
                return Err(Error::Exists { path: birth.path.clone() });
            }
            verdicts.push(self.judge(birth, by, &named).await?);
            if let (Some(Verdict::New(_)), Some(nickname), Some(parent)) =
                (verdicts.last(), birth.nickname.given(), birth.path.parent())
                && !called.insert((parent.clone(), nickname.to_lowercase()))
            {
                return Err(Error::NicknameTaken { nickname: nickname.clone(), parent });
            }
        }
        let claims = self.claim_goals(births, &verdicts)?;
        self.demand_room(births, &verdicts, by).await?;
        self.left.goals.extend(claims);
        let mut nicknames = Vec::with_capacity(births.len());
        for (birth, verdict) in births.iter().zip(&verdicts) {
            nicknames.push(match verdict {
                Verdict::Known(_) => None,
                Verdict::New(_) => self.nickname(birth, &mut called).await?,
            });
        }
        let mut newborns = Vec::with_capacity(births.len());
        for ((birth, verdict), nickname) in births.iter().zip(verdicts).zip(nicknames) {
            newborns.push(match verdict {
                Verdict::Known(newborn) => newborn,
                Verdict::New(id) => {
                    self.unearth(&birth.path).await?;
                    self.bear(birth, id, nickname, by)
                }
            });
        }
        if let Some(caller) = by.filter(|_| newborns.iter().any(|newborn| newborn.created)) {
            caller.fence(&mut self.draft);
            if let Some(tool) = tool {
                caller.transcribe(&mut self.draft, &TranscriptEntry::Tool(tool.clone()));
            }
        }
        Ok(Answer::Spawned(newborns))
    }

    pub(super) async fn create_job(
        &mut self,
        path: &AgentPath,
        job: &AgentRef,
        spec: &JobSpec,
        limits: JobLimits,
        fresh: bool,
    ) -> Result<Answer, Error> {
        self.demand_parent(path, "start a job").await?;
        let owner = path.parent().expect("a job's path has a parent");
        let command = Table::Fingerprint.named(&owner, &spec.fingerprint);
        if !fresh && self.made_by(&command).await?.is_some() {
            return Ok(Answer::Done(false));
        }
        if self.node(path).await?.is_some() {
            return Err(Error::Exists { path: path.clone() });
        }
        self.unearth(path).await?;
        let node = Node::Job(Job::new(job.id, self.now, limits));
        let written = self.draft.create(Table::Node.at(path), &node);
        self.written(path, Row::written(written, node, 0));
        let _ = self.draft.create(Table::Spec.at(path), spec);
        self.draft.put(Table::Unfinished.at(path), &());
        self.note_command(command, path);
        self.draft.tell(&Event::JobCreated { job: job.clone() });
        Ok(Answer::Done(true))
    }

    /// Whether a birth may be; `named` are those of its batch that come before it, its parent among them perhaps.
    async fn judge(
        &mut self,
        birth: &Birth,
        by: Option<&Caller>,
        named: &HashSet<&AgentPath>,
    ) -> Result<Verdict, Error> {
        let path = &birth.path;
        if let Some(row) = self.node(path).await? {
            return self.recognise(birth, by, &row).await;
        }
        match path.parent().filter(|parent| named.contains(parent)) {
            Some(parent) => self.demand_open(&parent).await?,
            None => self.demand_parent(path, "spawn").await?,
        }
        if let Some(nickname) = birth.nickname.given() {
            demand_nickname(nickname)?;
            let parent = path.parent().expect("checked with the parent");
            if self.has_nickname(&parent, nickname).await? {
                return Err(Error::NicknameTaken { nickname: nickname.clone(), parent });
            }
        }
        Ok(Verdict::New(AgentId::new()))
    }

    /// What is there already is the answer to whoever made it, asking again.
    async fn recognise(&mut self, birth: &Birth, by: Option<&Caller>, row: &Row<Node>) -> Result<Verdict, Error> {
        let exists = || Error::Exists { path: birth.path.clone() };
        let Node::Agent(agent) = &row.value else { return Err(exists()) };
        let mine = match (&agent.creation, by) {
            (Creation::By { creator, turn }, Some(caller)) => creator == caller.me() && *turn == caller.turn(),
            _ => false,
        };
        if !mine && !birth.or_existing {
            return Err(exists());
        }
        // What a close by somebody else ended stays closed for a turn that is run again.
        let of_item = by.is_some_and(|caller| caller.run().is_some());
        let dormant = mine && of_item && self.is_closed(&birth.path).await?;
        let (nickname, agent) = (agent.nickname.clone(), AgentRef::new(birth.path.clone(), agent.id));
        Ok(Verdict::Known(Newborn { agent, nickname, created: false, dormant }))
    }

    pub(super) async fn demand_parent(&mut self, path: &AgentPath, verb: &'static str) -> Result<(), Error> {
        let parent = path.parent().ok_or_else(|| Error::Exists { path: path.clone() })?;
        match self.node(&parent).await?.map(|row| row.value) {
            None => return Err(self.missing(&parent).await?),
            Some(Node::Agent(_)) => {}
            Some(Node::Item(_)) if verb == "spawn" => {}
            Some(node) => return Err(Error::wrong_kind(&parent, &node, verb)),
        }
        self.demand_open(&parent).await
    }

    /// Refuses what is over a limit, and notes what is not.
    async fn demand_room(&mut self, births: &[Birth], verdicts: &[Verdict], by: Option<&Caller>) -> Result<(), Error> {
        let born = births.iter().zip(verdicts).filter(|(_, verdict)| matches!(verdict, Verdict::New(_)));
        let born: Vec<&Birth> = born.map(|(birth, _)| birth).collect();
        if let Some(caller) = by {
            self.demand_bounds(&born, caller).await?;
        }
        let value = if by.is_some() { self.limits.agents } else { self.limits.agents_by_host };
        let newcomers: Vec<&AgentPath> = born.iter().map(|birth| &birth.path).collect();
        let mut grown = BTreeMap::<AgentPath, u64>::new();
        for ancestor in born.iter().flat_map(|birth| birth.path.ancestors()) {
            *grown.entry(ancestor).or_default() += 1;
        }
        if by.is_some() {
            self.demand_role_room(&newcomers, &grown).await?;
        }
        for (ancestor, more) in &grown {
            self.demand_agents(ancestor, *more, value).await?;
        }
        for (ancestor, more) in grown {
            let count = self.count(&ancestor).await? + more;
            self.set_count(&ancestor, count);
        }
        self.note_births(&born, by);
        Ok(())
    }

    /// Refuses when a node would hold more open agents than it may.
    pub(super) async fn demand_agents(&mut self, holder: &AgentPath, more: u64, value: u64) -> Result<(), Error> {
        match self.count(holder).await? + more > value {
            true => Err(Error::Limit {
                limit: "agents",
                value,
                holder: holder.clone(),
                remedy: "close agents below it, or raise the limit",
            }),
            false => Ok(()),
        }
    }

    fn bear(&mut self, birth: &Birth, id: AgentId, nickname: Option<String>, by: Option<&Caller>) -> Newborn {
        let creation = match by {
            None => Creation::Host,
            Some(caller) => Creation::By { creator: caller.me().clone(), turn: caller.turn() },
        };
        let agent = Agent {
            id,
            created_at: birth.created_at.map_or(self.now, |at| at.min(self.now)),
            creation,
            role: birth.role.clone(),
            brain: birth.brain.clone(),
            nickname: nickname.clone(),
            turns: 0,
            phase: Phase::IDLE,
            outcome: None,
            faults: Vec::new(),
            used: Usage::default(),
            heard: InboxKey::FIRST,
        };
        let node = Node::Agent(agent);
        let written = self.draft.create(Table::Node.at(&birth.path), &node);
        // The version is not known before the commit; nobody writes over the node within the drain.
        self.written(&birth.path, Row::written(written, node, 0));
        if let Some(place) = &birth.place {
            let _ = self.draft.create(Table::Directory.at(&birth.path), &place.record(id, self.now));
        }
        if let (model, effort) = birth.settings.clone()
            && (model.is_some() || effort.is_some())
        {
            let settings = BrainSettings { of: id, failures: 0, model, effort, at: self.now };
            let _ = self.draft.create(Table::BrainSettings.at(&birth.path), &settings);
        }
        for entry in &birth.history {
            self.draft.append(Table::Transcript.below(&birth.path), entry);
        }
        let to = AgentRef::new(birth.path.clone(), id);
        self.draft.tell(&Event::Spawned { agent: to.clone() });
        self.write_goal(&to);
        if let (Some(nickname), Some(parent)) = (&nickname, birth.path.parent()) {
            self.take_nickname(&parent, nickname, &birth.path);
        }
        if let Some(first) = &birth.first {
            let message = Message {
                to: id,
                from: by.map_or(Sender::Operator, |caller| Sender::Agent(caller.me().clone())),
                kind: MessageKind::Said,
                trigger: first.trigger,
                text: first.text.clone(),
                at: self.now,
                message_id: None,
                metadata: first.metadata.clone(),
            };
            self.draft.append(Table::Inbox.below(&birth.path), &message);
            let metadata = first.metadata.clone();
            self.draft.tell(&Event::Mailed { to: to.clone(), trigger: first.trigger, metadata });
        }
        Newborn { agent: to, nickname, created: true, dormant: false }
    }
}
