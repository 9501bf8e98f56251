//! What a brain is given for one turn.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use understory_paths::AgentPath;
use understory_store::{BrainSettings, Drift, Message, Metadata, Usage};

use super::Seat;
use crate::digest::Digested;
use crate::directory::Site;
use crate::goals::GoalView;
use crate::lifecycle::ClosedReport;
use crate::lock::Lock;
use crate::passes::Pass;
use crate::tools::{ToolError, Tools};
use crate::transcript::History;
use crate::waiting::{Target, Until, Waited};

/// One turn: what came, who is asked, and the agent's tools as methods.
#[derive(Clone)]
pub struct Turn {
    seat: Seat,
    number: u64,
    attempt: u32,
    messages: Arc<[Message]>,
    row: Option<JobRow>,
    instructions: Option<Arc<str>>,
    session: Option<Arc<str>>,
    settings: Option<Arc<BrainSettings>>,
    cancel: CancellationToken,
    cost: Cost,
    site: Option<Site>,
    goal: Option<Arc<GoalView>>,
    tools: Option<Tools>,
}

/// What a turn has cost so far, shared by those who tell it and who put it on record.
#[derive(Clone, Default)]
pub(crate) struct Cost(Arc<Lock<Usage>>);

/// The row a job item's turn works on.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// The job.
    pub job: AgentPath,
    /// The item's id, unique in the job.
    pub item_id: Arc<str>,
    /// The row's number, from 1.
    pub number: u32,
    /// Which run of the row this is, from 1.
    pub run: u32,
    /// The row as a JSON object, in column order.
    pub json: Arc<str>,
    /// The job's template rendered over the row, if it has one.
    pub instruction: Option<Arc<str>>,
    /// The JSON Schema that the result is held to, if there is one.
    pub schema: Option<Arc<str>>,
}

impl Turn {
    /// A turn with no runtime behind it: every tool call is refused. For trying out a brain by itself.
    pub fn detached(seat: Seat, messages: Vec<Message>, row: Option<JobRow>) -> Self {
        Turn {
            seat,
            number: 1,
            attempt: 1,
            messages: messages.into(),
            row,
            instructions: None,
            session: None,
            settings: None,
            cancel: CancellationToken::new(),
            cost: Cost::default(),
            site: None,
            goal: None,
            tools: None,
        }
    }

    pub(crate) fn numbered(mut self, number: u64, attempt: u32) -> Self {
        (self.number, self.attempt) = (number, attempt);
        self
    }

    /// Gives the turn the instructions of a role.
    pub fn instructed(mut self, instructions: Option<Arc<str>>) -> Self {
        self.instructions = instructions;
        self
    }

    pub(crate) fn in_session(mut self, session: Option<Arc<str>>) -> Self {
        self.session = session;
        self
    }

    /// The same turn, whose brain goes on with this model and effort.
    pub(crate) fn set_to(mut self, settings: Option<BrainSettings>) -> Self {
        self.settings = settings.map(Arc::new);
        self
    }

    /// The same turn, which goes on with this message behind those it has.
    pub(crate) fn told(mut self, message: Message) -> Self {
        self.messages = self.messages.iter().cloned().chain([message]).collect();
        self
    }

    pub(crate) fn equipped(mut self, tools: Tools) -> Self {
        self.tools = Some(tools);
        self
    }

    /// Gives the turn the token that ends it.
    pub fn cancelled_by(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// The same turn, whose cost is noted there.
    pub(crate) fn costing(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// The same turn, which runs there.
    pub(crate) fn placed(mut self, site: Option<Site>) -> Self {
        self.site = site;
        self
    }

    pub(crate) fn pursuing(mut self, goal: Option<GoalView>) -> Self {
        self.goal = goal.map(Arc::new);
        self
    }

    pub(crate) fn cost(&self) -> &Cost {
        &self.cost
    }

    /// Who is asked.
    pub fn path(&self) -> &AgentPath {
        &self.seat.path
    }

    /// What it was made for: the name of the agent's role, or of the job's.
    pub fn role(&self) -> &str {
        &self.seat.role
    }

    /// What the agent's role tells its brain, as the role stands now; it is no part of [`Turn::text`].
    pub fn instructions(&self) -> Option<&str> {
        self.instructions.as_deref()
    }

    /// The agent's goal, as it stood when the turn began: what is to be reached, how it stands, what was used and what is left.
    pub fn goal(&self) -> Option<&GoalView> {
        self.goal.as_deref()
    }

    /// The conversation that the brain goes on with: what [`Turn::keep_session`] was last told, by an earlier turn of the agent
    /// or by a run of this row that was cut short. A row that failed is begun anew.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The model that the brain goes on with: what it or an operator said last ([`Turn::keep_settings`]), over what its own
    /// settings say.
    pub fn model(&self) -> Option<&str> {
        self.settings.as_ref()?.model.as_deref()
    }

    /// The effort that the brain goes on with, as [`Turn::model`].
    pub fn effort(&self) -> Option<&str> {
        self.settings.as_ref()?.effort.as_deref()
    }

    /// What the brain is told before it goes on, composed from what was kept: the agent's goal, what is open of its plan, what
    /// it said of its work and what became of that so far, and memories that have to do with the goal and the turn's messages,
    /// if the turn has the tool `recall`. A text of at most [`Limits::briefing`](crate::Limits::briefing) bytes, or nothing if
    /// there is nothing to tell; what does not fit is missing from its end. That a memory is in it is no use of the memory.
    ///
    /// A turn that has no [`Turn::session`] is told all of it. One that goes on with a conversation is told so once it comes
    /// back, by a resume or in another process; until then, of the goal alone. Where the role wants a summary, each briefing
    /// begins with a line that asks for it. A job's row has no briefing.
    ///
    /// # Errors
    /// The store failed.
    pub async fn briefing(&self) -> Result<Option<String>, ToolError> {
        match &self.tools {
            Some(tools) => tools.briefing(self.session.is_some(), self.text()).await,
            None => Ok(None),
        }
    }

    /// Whom the brain was made for.
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// The turn's number, from 1 over the agent's whole life; for a job item, its run.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Which attempt at this turn it is, from 1. Above 1, an earlier one may have done part of its work.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What came, oldest first; the last is the one that started the turn, or joined it before a crash. For a job item,
    /// why the results were refused that it has given so far: mostly none.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// What was attached to the messages that the turn has in hand, those it took while it ran included; each also has its
    /// own. Of two with one key the later holds. Where all are over the bounds of one map, the earlier give way.
    pub fn metadata(&self) -> Metadata {
        match &self.tools {
            Some(tools) => tools.attached(),
            None => Metadata::merged(self.messages.iter().map(|message| &message.metadata)),
        }
    }

    /// The row, for a job item.
    pub fn row(&self) -> Option<&JobRow> {
        self.row.as_ref()
    }

    /// Where it works: the agent's directory, or the job's. It is absolute, and may be gone.
    pub fn directory(&self) -> Option<&Path> {
        self.site.as_ref().map(|site| &*site.directory)
    }

    /// How the directory differs from how it was left when the agent's last turn ended, or when a row of the job last did.
    /// [`Turn::text`] begins with it in words. Nothing where the role ignores it.
    pub fn drift(&self) -> Option<&Drift> {
        self.site.as_ref()?.drift.as_ref()
    }

    /// What is asked, as one text: the messages, a blank line between; for a job item its instruction, or else the row
    /// as one line of JSON, before them. Before all of it, but for a row that is given as JSON, stands how the directory has
    /// drifted, if it has.
    pub fn text(&self) -> String {
        let asked = self.row.as_ref().map(|row| row.instruction.as_deref().unwrap_or(&row.json));
        let is_json = self.row.as_ref().is_some_and(|row| row.instruction.is_none());
        let drift = self.site.as_ref().filter(|_| !is_json).and_then(Site::words);
        let texts = asked.into_iter().chain(self.messages.iter().map(|message| message.text.as_str()));
        drift.as_deref().into_iter().chain(texts).collect::<Vec<_>>().join("\n\n")
    }

    /// The same turn, which attaches this to the messages it sends and to the tasks of those it creates, over what came with
    /// its own messages. That is attached in any case.
    pub fn attaching(mut self, metadata: &Metadata) -> Self {
        self.tools = self.tools.map(|tools| tools.attaching(metadata));
        self
    }

    /// Resolves when the answer is no longer wanted: interrupt, close, deadline, shutdown.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Tells what the turn has cost up to now: a sum over the whole turn, not what was added, so that it may be told after every
    /// tool call, and by several at once. The last word counts, or [`Response::usage`](super::Response::usage) if that says
    /// anything. It is put on record with the end of the turn, however it ends, but for a crash of the process.
    pub fn used(&self, total: Usage) {
        self.cost.tell(total);
    }

    /// The token behind [`Turn::cancelled`].
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// The tools this turn may call, for function-calling models and MCP; each is also a method.
    pub fn tools(&self) -> Result<&Tools, ToolError> {
        self.tools.as_ref().ok_or(ToolError::Detached)
    }

    /// A token by which another process may call this turn's tools ([`System::tools_of`](crate::System::tools_of)): for a brain
    /// that is a program. It is good until it is dropped, the turn is over, or the agent or one above it is closed.
    ///
    /// # Errors
    /// The turn has no runtime behind it, or the system gives no random bytes.
    pub fn pass(&self) -> Result<Pass, ToolError> {
        self.tools()?.pass()
    }

    /// Takes the mail that has come since the turn began, or since this was last called: oldest first, as much as a turn may
    /// have in hand (64 messages and 256 KiB together, those it began with included; a job item's run, so much a call).
    ///
    /// What a brain asks when it has an answer and could go on instead. The messages are part of the turn from then on: they
    /// are consumed with it, and an attempt that follows a crash begins with all of them. What is not taken starts, or waits
    /// for, the next turn; what a job item's run did not take is dropped with it.
    ///
    /// # Errors
    /// The turn is over, or the agent or an ancestor is closed.
    pub async fn take_mail(&self) -> Result<Vec<Message>, ToolError> {
        self.tools()?.take_mail().await
    }

    /// Keeps the name of a conversation that the brain keeps elsewhere, over the one before. It is durable when this returns, and
    /// is there after a crash: a brain tells it as soon as it knows it, before it does anything that costs.
    ///
    /// # Errors
    /// It is over 1 KiB, the turn is over, or the agent or an ancestor is closed.
    pub async fn keep_session(&self, name: &str) -> Result<(), ToolError> {
        self.tools()?.keep_session(name).await
    }

    /// Tells that the other side has lost the conversation that the turn was to go on with. It is kept no longer when this
    /// returns, an event and a line of the transcript say so, and [`Turn::session`] is none from here on: the brain begins a
    /// new one with [`Turn::briefing`], which tells all of it then, and keeps that. Nothing happens if there was none.
    ///
    /// # Errors
    /// The turn is over, or the agent or an ancestor is closed.
    pub async fn lose_session(&mut self) -> Result<(), ToolError> {
        self.tools()?.lose_session().await?;
        self.session = None;
        Ok(())
    }

    /// Keeps the model and effort that the brain has from here on, which later turns find in [`Turn::model`] and
    /// [`Turn::effort`]; what is not said stays. Durable when it returns. A row that failed is begun anew.
    ///
    /// # Errors
    /// One is over 256 bytes or blank, the turn is over, or the agent or an ancestor is closed.
    pub async fn keep_settings(&self, model: Option<&str>, effort: Option<&str>) -> Result<(), ToolError> {
        self.tools()?.keep_settings(model, effort).await
    }

    /// Notes a call of a tool that is the brain's own, and what it was answered, `Err` if it was refused: for the transcript,
    /// which the runtime's own tools are in by themselves. Of a long one the beginning is kept
    /// ([`RESULT_KEPT_MAX`](crate::RESULT_KEPT_MAX)). It goes with the next commit of the turn, its end at the latest; a crash
    /// before that loses it. Nothing is noted of a job's item whose job keeps no transcripts.
    ///
    /// # Errors
    /// So much was noted that it is written at once, and the turn is over.
    pub async fn note_tool(
        &self,
        name: &str,
        arguments: &str,
        answer: &Result<String, String>,
    ) -> Result<(), ToolError> {
        self.tools()?.note_tool(name, arguments, answer).await
    }

    /// The agent's conversation before this turn, as far as `bytes` go (16 MiB at the most; the oldest is left out): what was
    /// said to it and its final answers, with what it was forked from or imported. Tool calls are not in it, nor are turns that
    /// came to nothing, results of other agents and mail that started no turn.
    ///
    /// # Errors
    /// The store failed, or the turn has no runtime behind it.
    pub async fn history(&self, bytes: u64) -> Result<History, ToolError> {
        self.tools()?.history(bytes).await
    }

    /// Creates a child, which starts its first turn if `task` is given. Asked again for the same child by the same turn
    /// it answers that child, so that a turn that is run again does not double it.
    ///
    /// # Errors
    /// The name or role is invalid, a limit is reached, or the path is taken by another's child.
    pub async fn spawn(&self, name: &str, task: Option<&str>) -> Result<AgentPath, ToolError> {
        self.tools()?.spawn(name, task).await
    }

    /// Leaves a message in an agent's inbox, which starts no turn. `to` is an absolute path, one below this
    /// agent, or the nickname of an agent below it.
    ///
    /// # Errors
    /// There is no such agent, it is closed, or its inbox is full.
    pub async fn send(&self, to: &str, text: &str) -> Result<(), ToolError> {
        self.tools()?.send(to, text).await
    }

    /// Leaves a message that starts a turn. The outcome comes back as a message to this agent.
    ///
    /// # Errors
    /// As for [`Turn::send`].
    pub async fn assign(&self, to: &str, text: &str) -> Result<(), ToolError> {
        self.tools()?.assign(to, text).await
    }

    /// Waits until as many of the agents as asked are settled: no turn runs there and no message that would start one lies
    /// there. `within` is held to the limits of a wait, and its end is an answer. A target that was settled before is one now;
    /// [`Target::after`] asks for a newer outcome.
    ///
    /// The turn gives its slot back while it waits, and has one again when this returns. A wait that is dropped takes the slot
    /// again as soon as there is one, while the brain goes on. The results of agents it gave tasks to come as messages, too:
    /// [`Turn::take_mail`] takes them, or else they start the next turn.
    ///
    /// # Errors
    /// An agent is not there or is this one, the wait is too long or for too many, too many wait, or the turn was cancelled.
    pub async fn wait<T: Into<Target>>(
        &self,
        targets: impl IntoIterator<Item = T>,
        until: Until,
        within: Option<Duration>,
    ) -> Result<Waited, ToolError> {
        let targets = targets.into_iter().map(T::into).collect();
        self.tools()?.wait(targets, until, within).await
    }

    /// Waits until mail lies in the inbox that the turn has not taken; false if the deadline came first. Otherwise as
    /// [`Turn::wait`].
    ///
    /// Mail that no longer fits the turn counts as well: it begins the next one.
    ///
    /// # Errors
    /// The wait is too long, too many wait, or the turn was cancelled.
    pub async fn wait_for_mail(&self, within: Option<Duration>) -> Result<bool, ToolError> {
        self.tools()?.wait_for_mail(within).await
    }

    /// Ends the turn of an agent below this one, with `cascade` those of all agents below it too; tells how many. See
    /// [`System::interrupt`](crate::System::interrupt).
    ///
    /// # Errors
    /// There is no such agent below this one, it is closed, or this turn is over.
    pub async fn interrupt(&self, agent: &str, cascade: bool) -> Result<usize, ToolError> {
        self.tools()?.interrupt(agent, cascade).await
    }

    /// Closes an agent below this one with all below it: one mark, durable at once. Then waits for those who run there, no
    /// longer than a cancelled turn has to end; who has not ended by then is killed.
    ///
    /// # Errors
    /// There is no such agent below this one, or this turn is over.
    pub async fn close(&self, agent: &str) -> Result<ClosedReport, ToolError> {
        self.tools()?.close(agent).await
    }

    /// Opens an agent below this one that was closed, or takes away its fault. False if there was nothing to do. See
    /// [`System::resume`](crate::System::resume).
    ///
    /// # Errors
    /// There is no such agent below this one, one between them is closed, a limit is reached, or this turn is over.
    pub async fn resume(&self, agent: &str) -> Result<bool, ToolError> {
        self.tools()?.resume(agent).await
    }

    /// What an agent below this one has done and what came of it, in short; or this one, if none is named.
    ///
    /// # Errors
    /// There is no such agent below this one, or the store failed.
    pub async fn digest(&self, agent: Option<&str>) -> Result<Digested, ToolError> {
        self.tools()?.digest(agent).await
    }

    /// Says in the brain's own words how the agent's work stands, at most 4 KiB. It is kept with the digest, in place of what was
    /// said before, and is in the briefing of who comes back. Secrets are taken out of it. Durable when it returns.
    ///
    /// # Errors
    /// It is blank or too long, the turn is a job row's, or the turn is over.
    pub async fn summarise(&self, text: &str) -> Result<(), ToolError> {
        self.tools()?.summarise(text).await
    }

    /// Reports a job item's result, a JSON object as text; `stop` also cancels the job. Durable when it returns.
    ///
    /// # Errors
    /// Not a job item, not an object, over 256 KiB, or this run is no longer the row's.
    pub async fn report(&self, result: &str, stop: bool) -> Result<(), ToolError> {
        self.tools()?.report(result, stop).await
    }
}

impl Cost {
    pub(crate) fn tell(&self, total: Usage) {
        *self.0.lock() = total;
    }

    pub(crate) fn told(&self) -> Usage {
        *self.0.lock()
    }
}
