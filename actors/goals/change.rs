//! Setting, changing and clearing goals: one commit each, with what is taken from and returned to the goal above.

use understory_paths::AgentPath;
use understory_store::{
    AgentId, CommitError, Goal, GoalId, GoalRef, GoalStatus, Mark, Node, Table, ToolUse, TranscriptEntry,
};

use super::accountant::{Accountant, Errand};
use super::book::{allowed, drawn_up, source, too_much};
use super::late::Claims;
use super::ledger::Ledger;
use super::sheet::Sheet;
use super::{GoalPatch, NewGoal};
use crate::agent::AgentSignal;
use crate::caller::Caller;
use crate::dispatcher;
use crate::error::Error;
use crate::parcel::ParcelError;
use crate::system::{System, half_at, node_at};

/// What becomes of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Budget {
    /// It stays.
    #[default]
    Keep,
    /// There is none any more, or the most that a goal may have.
    Unlimited,
    /// So many tokens.
    Tokens(u64),
}

/// A change, and who asks for it.
pub(crate) struct Ask {
    pub(crate) path: AgentPath,
    pub(crate) what: What,
    /// The turn that asks, with its line of the transcript.
    pub(crate) by: Option<(Caller, Option<ToolUse>)>,
}

/// What is to be done.
pub(crate) enum What {
    /// Set a goal where none is, or a complete one.
    Create(NewGoal),
    /// Change the goal, or with an objective set one where none is or a complete one.
    Patch(GoalPatch),
    /// Change the goal that there is.
    Turn(GoalPatch),
    /// Clear it, if it is this one.
    Clear(Option<GoalId>),
}

/// A claim on a goal above for a change under way.
struct Promise {
    source: AgentPath,
    tokens: u64,
}

impl Accountant {
    /// Changes a goal; false if it was so already.
    pub(super) async fn change(&self, ask: Ask) -> Result<bool, Error> {
        let changed = self.carry_out(ask).await;
        self.system.goals.with(Ledger::withdraw);
        changed
    }

    async fn carry_out(&self, ask: Ask) -> Result<bool, Error> {
        let system = &self.system;
        system.goals.ready(&system.store).await?;
        let of = self.owner(&ask.path).await?;
        let mut sheet = Sheet::new(system);
        // What is used up to now comes before what is asked, in commits of its own but for the last part.
        while sheet.fold(&ask.path).await? {
            sheet.commit().await?;
            sheet = Sheet::new(system);
        }
        let before = sheet.goal(&ask.path).await?.filter(|goal| goal.of == of);
        let after = self.decide(&ask, of, before.as_ref(), &sheet)?;
        if before == after && ask.by.is_none() {
            return Ok(false);
        }
        let claims = self.claims_on(&ask.path, before.as_ref(), after.as_ref()).await?;
        let promise = self.claim(&ask.path, before.as_ref(), after.as_ref(), &claims)?;
        let told = match &after {
            Some(goal) => self.tell_claims(&claims, &GoalRef { path: ask.path.clone(), id: goal.id }).await,
            None => Ok(()),
        };
        let committed = match told {
            Ok(()) => self.commit(sheet, &ask, before.as_ref(), after.as_ref()).await,
            Err(error) => Err(error),
        };
        if let Some(Promise { source, tokens }) = &promise {
            system.goals.with(|ledger| ledger.release(source, *tokens));
        }
        committed?;
        self.tell(&ask.path, before.as_ref(), after.as_ref());
        Ok(before != after)
    }

    /// Clears the goals at and below a path, the deepest first, some in each commit.
    pub(super) async fn settle(&self, top: &AgentPath) -> Result<(), Error> {
        self.system.goals.ready(&self.system.store).await?;
        let below = |ledger: &mut Ledger| ledger.below(top).map(|(path, _)| path.clone()).collect();
        let mut left: Vec<AgentPath> = self.system.goals.with(below);
        while let Some(path) = left.pop() {
            let mut sheet = Sheet::new(&self.system);
            while sheet.fold(&path).await? {
                sheet.commit().await?;
                sheet = Sheet::new(&self.system);
            }
            if let Some(goal) = sheet.goal(&path).await? {
                self.hand_over(&mut sheet, &path, &goal).await?;
                sheet.leave(&path, None).await?;
            }
            sheet.commit().await?;
        }
        Ok(())
    }

    fn decide(&self, ask: &Ask, of: AgentId, before: Option<&Goal>, sheet: &Sheet<'_>) -> Result<Option<Goal>, Error> {
        let none = || Error::NoGoal { path: ask.path.clone() };
        let unfinished = before.filter(|goal| !goal.is_complete());
        let expects = |expected: Option<GoalId>| match (expected, before) {
            (Some(expected), Some(goal)) if goal.id != expected => Err(Error::GoalReplaced { path: ask.path.clone() }),
            _ => Ok(()),
        };
        match &ask.what {
            What::Create(new) => match unfinished {
                Some(goal) => Err(Error::GoalExists { path: ask.path.clone(), status: goal.status.as_str() }),
                None => self.draw_up(ask, of, new, sheet).map(Some),
            },
            What::Patch(patch @ GoalPatch { objective: Some(objective), budget, .. }) if unfinished.is_none() => {
                let budget = if let Budget::Tokens(tokens) = budget { Some(*tokens) } else { None };
                let goal = self.draw_up(ask, of, &NewGoal { objective: objective.clone(), budget }, sheet)?;
                ask.turned(&goal, patch, sheet).map(Some)
            }
            What::Patch(patch) | What::Turn(patch) => {
                expects(patch.expected)?;
                self.patched(ask, before.ok_or_else(none)?, patch, sheet).map(Some)
            }
            What::Clear(expected) => {
                expects(*expected)?;
                before.ok_or_else(none).map(|_| None)
            }
        }
    }

    fn draw_up(&self, ask: &Ask, of: AgentId, new: &NewGoal, sheet: &Sheet<'_>) -> Result<Goal, Error> {
        let limits = &self.system.limits;
        self.system.goals.with(|ledger| drawn_up(ledger, limits, &ask.path, of, new, sheet.now))
    }

    fn patched(&self, ask: &Ask, goal: &Goal, patch: &GoalPatch, sheet: &Sheet<'_>) -> Result<Goal, Error> {
        let (path, now) = (&ask.path, sheet.now);
        let mut next = goal.clone();
        if let Some(objective) = patch.objective.as_ref().filter(|objective| **objective != goal.objective) {
            next = next.reword(objective.clone(), now);
        }
        let asked = match patch.budget {
            Budget::Keep => goal.budget,
            Budget::Unlimited => None,
            Budget::Tokens(tokens) => Some(tokens),
        };
        if patch.budget != Budget::Keep {
            let limits = &self.system.limits;
            let allow = |ledger: &mut Ledger| {
                let budget = allowed(ledger, limits, path, asked)?;
                let from = match goal.budget {
                    Some(_) if budget.is_some() => goal.source.clone(),
                    _ => source(ledger, path, budget),
                };
                Ok::<_, Error>((budget, from))
            };
            let (budget, from) = self.system.goals.with(allow)?;
            if budget != goal.budget {
                next = next.allow(budget, from, now);
            }
        }
        ask.turned(&next, patch, sheet)
    }

    /// Takes from the goal above what the change needs more of it.
    fn claim(
        &self,
        path: &AgentPath,
        before: Option<&Goal>,
        after: Option<&Goal>,
        claims: &Claims,
    ) -> Result<Option<Promise>, Error> {
        let Some(goal) = after else { return Ok(None) };
        let earlier = before.filter(|before| before.id == goal.id && before.source.is_some());
        let claim = |ledger: &mut Ledger| {
            let above = goal.source.as_ref().and_then(|source| ledger.standing_for(source));
            let Some(source) = above else { return Ok(None) };
            let committed = earlier.and(ledger.get(path)).map_or(goal.used(), |account| goal.used() + account.held);
            let held = earlier.map_or(0, |before| before.hold(committed));
            // What goals below held of it already goes with the new budget.
            let wanted = goal.hold(committed.saturating_add(claims.tokens));
            let tokens = wanted.saturating_sub(held).saturating_sub(claims.from_above);
            match ledger.promise(&source, tokens) {
                true => Ok(Some(Promise { source, tokens })),
                false => Err(too_much(ledger, &source)),
            }
        };
        self.system.goals.with(claim)
    }

    async fn commit(
        &self,
        mut sheet: Sheet<'_>,
        ask: &Ask,
        before: Option<&Goal>,
        after: Option<&Goal>,
    ) -> Result<(), Error> {
        let path = &ask.path;
        let ends = before.filter(|before| after.is_none_or(|after| after.id != before.id));
        if let Some(goal) = ends {
            self.hand_over(&mut sheet, path, goal).await?;
        }
        let mut after = after.cloned();
        if let (Some(before), Some(next)) = (before, &mut after)
            && before.id == next.id
            && before.budget.is_some()
            && next.budget.is_none()
        {
            // From now on the goal above counts what this one uses; up to now that was what it held.
            self.hand_over(&mut sheet, path, before).await?;
            next.shared = next.used();
        }
        sheet.leave(path, after.clone()).await?;
        sheet.draft.expect_present(Table::Node.at(path));
        if before.is_none() {
            sheet.draft.expect_open(path);
        }
        let Some((caller, tool)) = &ask.by else {
            return sheet.commit().await.map_err(|error| closed(path, error));
        };
        caller.fence(&mut sheet.draft);
        if let Some(tool) = tool {
            caller.transcribe(&mut sheet.draft, &TranscriptEntry::Tool(tool.clone()));
        }
        sheet.commit().await.map_err(|error| caller.explain(error))
    }

    /// Has the goal above count what one used that holds nothing of it any more.
    async fn hand_over(&self, sheet: &mut Sheet<'_>, path: &AgentPath, goal: &Goal) -> Result<(), Error> {
        let source = self.system.goals.with(|ledger| ledger.source_of(path));
        let used = goal.used().saturating_sub(goal.shared);
        if let Some(source) = source.filter(|_| used > 0) {
            sheet.charge_above(&source, used).await?;
        }
        Ok(())
    }

    /// Whose goal it would be.
    async fn owner(&self, path: &AgentPath) -> Result<AgentId, Error> {
        let agent = match node_at(&self.system.store, path).await?.map(|row| row.value) {
            Some(Node::Agent(agent)) => agent,
            Some(node) => return Err(Error::wrong_kind(path, &node, "have a goal")),
            None => return Err(self.system.missing(path).await),
        };
        match half_at(&self.system.store, path).await? {
            None => Ok(agent.id),
            // The end of it puts its goals into the ledger as they are in the file.
            Some((at, Mark::Importing(_))) => Err(ParcelError::Half { path: at }.into()),
            Some(_) => Err(Error::BeingRemoved { path: path.clone() }),
        }
    }

    /// Has the turn under way be charged to the goal that is new, and the agent look whether it goes on by itself.
    fn tell(&self, path: &AgentPath, before: Option<&Goal>, after: Option<&Goal>) {
        let system = &self.system;
        let Some(goal) = after else { return };
        if before.is_none_or(|before| before.id != goal.id) {
            let payers = system.goals.payers(path);
            system.agents.held(path, |held| held.charged_to(payers));
        }
        // To go on, or to put away what it has said to itself.
        if before.is_none_or(|before| before.status != goal.status) && system.active.contains(path) {
            system.agents.deliver(system, path, AgentSignal::Wake);
        }
    }
}

impl Ask {
    /// The goal as it is to stand. Where nobody says why it stops, who asked for that is why.
    fn turned(&self, goal: &Goal, patch: &GoalPatch, sheet: &Sheet<'_>) -> Result<Goal, Error> {
        let Some(status) = patch.status else { return Ok(goal.clone()) };
        let why = match patch.why.trim() {
            "" => self.who_did(status),
            why => why.to_owned(),
        };
        let refused = |source| Error::GoalRefused { path: self.path.clone(), source };
        goal.turn_to(status, &why, sheet.now).map_err(refused)
    }

    fn who_did(&self, status: GoalStatus) -> String {
        let who = match &self.by {
            None => "an operator".to_owned(),
            Some((caller, _)) if caller.me().path == self.path => "its agent".to_owned(),
            Some((caller, _)) => caller.me().path.to_string(),
        };
        match status {
            GoalStatus::Active => format!("{who} activated it"),
            GoalStatus::Paused => format!("{who} paused it"),
            GoalStatus::Blocked => format!("{who} said that it is blocked"),
            GoalStatus::UsageLimited => format!("{who} said that a quota is used up"),
            GoalStatus::BudgetLimited => format!("{who} said that its budget is used up"),
            GoalStatus::Complete => format!("{who} said that it is complete"),
        }
    }
}

impl System {
    /// Wakes those who waited for the budgets of these goals, where something is left of them now.
    pub(crate) fn rouse(&self, spent: Vec<AgentPath>) {
        let freed = self.goals.with(|ledger| {
            let is_spent = |path: &AgentPath| ledger.get(path).is_some_and(|account| account.left() == Some(0));
            spent.into_iter().filter(|path| !is_spent(path)).collect::<Vec<_>>()
        });
        for path in freed {
            let system = self.clone();
            self.tasks.spawn(async move {
                for top in system.active.tops() {
                    let within = if top.contains(&path) { &path } else { &top };
                    if (top.contains(&path) || path.contains(&top))
                        && let Err(error) = dispatcher::activate(&system, within).await
                    {
                        tracing::warn!(%path, %error, "those who waited for a budget were not woken");
                    }
                }
            });
        }
    }

    pub(crate) async fn change_goal(&self, ask: Ask) -> Result<bool, Error> {
        self.account(|reply| Errand::Change { ask: Box::new(ask), reply }).await
    }
}

fn closed(path: &AgentPath, error: CommitError) -> Error {
    match &error {
        CommitError::Conflict { key, .. } => match Table::Closed.path_of(key) {
            Some(at) => Error::Closed { path: path.clone(), at },
            None => error.into(),
        },
        _ => error.into(),
    }
}
