//! Interrupts: a turn under way ends now and on record, and its agent stays usable.
//!
//! ```text
//!   interrupt --slot--> cause noted, token cancelled --> answered: this is all that is waited for
//!                              |
//!                        brain answers, panics, or outlives its grace --> M3: interrupted, mail consumed, result sent on
//! ```
//!
//! The cause lies in the turn's entry, not on disk: a process that dies before M3 has not interrupted the turn, which is run
//! again, charged. So it is with one that is closed before M3: it goes back, and is run again when it is resumed.

use understory_paths::AgentPath;
use understory_store::{Draft, Node, ToolUse, TranscriptEntry};

use crate::agent::{Held, Interruption};
use crate::authority::{Verb, authorise};
use crate::caller::Caller;
use crate::error::Error;
use crate::lasting::Lasting;
use crate::mail::{Accepted, Assignment, Letter};
use crate::system::{System, node_at};

/// How far an interrupt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One agent, or one item of a job.
    Node,
    /// It and every agent below it. Runs of a job's items are left alone unless one is named: each would be charged to its
    /// row, and a job has its own way to stop.
    Subtree,
}

impl System {
    /// Interrupts the turn of an agent, or the run of a job's item, which fails it. Answers at once, without waiting for the
    /// brain, which has its grace; whatever it answers then, the outcome is `interrupted`, goes to the nearest ancestor that
    /// takes results, and what the turn had in hand is consumed. Mail that waits starts the next turn.
    ///
    /// False if no turn is under way in this process: none that waits for a slot or for its back-off is, nor one whose brain has
    /// answered. Not on record before the turn's end is: a crash until then runs the turn again.
    ///
    /// # Errors
    /// Nothing lies at the path, it is closed, or it is a job.
    pub async fn interrupt(&self, path: &AgentPath) -> Result<bool, Error> {
        Ok(!self.interrupt_within(path, Reach::Node, None).await?.is_empty())
    }

    /// Interrupts the turns of an agent and of all agents below it, and tells whose those were, parents first.
    ///
    /// # Errors
    /// As for [`System::interrupt`].
    pub async fn interrupt_subtree(&self, top: &AgentPath) -> Result<Vec<AgentPath>, Error> {
        self.interrupt_within(top, Reach::Subtree, None).await
    }

    /// Whose turns an interrupt would end now, parents first.
    ///
    /// # Errors
    /// As for [`System::interrupt`].
    pub async fn interruptible(&self, path: &AgentPath, reach: Reach) -> Result<Vec<AgentPath>, Error> {
        let mut found = self.reached(path, reach).await?;
        found.retain(|path| self.agents.held(path, |held| held.is_interruptible()) == Some(true) || self.has_run(path));
        Ok(found)
    }

    /// Leaves a message in an agent's inbox and then interrupts its turn, if one is under way that did not begin with it: the
    /// next turn begins with the message, behind mail that came before it. One act: it is done whole once the message is
    /// accepted, even if whoever asked is gone, and the message is on disk before the turn is touched. Tells whether a
    /// turn was interrupted.
    ///
    /// # Errors
    /// As for [`System::send`]; and only an agent can be asked.
    pub async fn send_interrupting(&self, letter: Letter) -> Result<(Accepted, bool), Error> {
        let system = self.clone();
        Lasting::new(async move { system.mail_interrupting(&letter, None, None).await }).await
    }

    /// As [`System::send_interrupting`], with a message that starts a turn: see [`System::assign`].
    ///
    /// # Errors
    /// As for [`System::assign`].
    pub async fn assign_interrupting(&self, letter: Letter) -> Result<(Assignment, bool), Error> {
        let system = self.clone();
        let act = async move {
            let assignment = system.assign(letter).await?;
            let interrupted = system.make_room(assignment.accepted(), None);
            Ok((assignment, interrupted))
        };
        Lasting::new(act).await
    }

    /// A message by a host or a turn, and the interrupt behind it.
    pub(crate) async fn mail_interrupting(
        &self,
        letter: &Letter,
        by: Option<&Caller>,
        tool: Option<ToolUse>,
    ) -> Result<(Accepted, bool), Error> {
        // Mail to an item is dropped with its run.
        if let Some(node @ Node::Item(_)) = node_at(&self.store, &letter.to).await?.map(|row| row.value) {
            return Err(Error::wrong_kind(&letter.to, &node, "take a message that interrupts it"));
        }
        let (accepted, _) = self.mail(letter, by, tool).await?;
        let interrupted = self.make_room(&accepted, by);
        Ok((accepted, interrupted))
    }

    /// An interrupt by a turn: whoever may, with its line of the transcript on disk first.
    pub(crate) async fn interrupt_for(
        &self,
        caller: &Caller,
        path: &AgentPath,
        reach: Reach,
        tool: Option<ToolUse>,
    ) -> Result<Vec<AgentPath>, Error> {
        authorise(caller, Verb::Interrupt, path)?;
        self.reached(path, reach).await?;
        // Without a line it still is what proves that the turn which asks is not over.
        let mut draft = Draft::new();
        caller.fence(&mut draft);
        if let Some(tool) = tool {
            caller.transcribe(&mut draft, &TranscriptEntry::Tool(tool));
        }
        self.store.commit(draft).await.map_err(|error| caller.explain(error))?;
        self.interrupt_within(path, reach, Some(caller)).await
    }

    async fn interrupt_within(
        &self,
        path: &AgentPath,
        reach: Reach,
        by: Option<&Caller>,
    ) -> Result<Vec<AgentPath>, Error> {
        let mut found = self.reached(path, reach).await?;
        let interruption = Interruption { words: words(by), before: None };
        found.retain(|path| self.cut(path, &interruption) || self.interrupt_run(path, &interruption.words));
        Ok(found)
    }

    /// Whom an interrupt would look at: those resident, parents first.
    async fn reached(&self, path: &AgentPath, reach: Reach) -> Result<Vec<AgentPath>, Error> {
        let Some(row) = node_at(&self.store, path).await? else { return Err(self.missing(path).await) };
        if let Node::Job(_) = &row.value {
            return Err(Error::wrong_kind(path, &row.value, "be interrupted"));
        }
        self.demand_open(path).await?;
        let mut found = match reach {
            Reach::Node => Vec::new(),
            Reach::Subtree => self.agents.residents(path),
        };
        if !found.contains(path) {
            found.push(path.clone());
        }
        found.sort();
        Ok(found)
    }

    /// Ends the turn that a message was sent in place of. What the turn has taken of it stays for the next.
    pub(crate) fn make_room(&self, accepted: &Accepted, by: Option<&Caller>) -> bool {
        self.cut(&accepted.to.path, &Interruption { words: words(by), before: Some(accepted.row) })
    }

    fn cut(&self, path: &AgentPath, interruption: &Interruption) -> bool {
        self.agents.held(path, |held: &mut Held| held.interrupt(interruption)) == Some(true)
    }
}

fn words(by: Option<&Caller>) -> String {
    match by {
        Some(caller) => format!("interrupted by {}", caller.me().path),
        None => "interrupted by the operator".to_owned(),
    }
}
