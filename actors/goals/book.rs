//! The ledger as all actors share it: read when a turn begins, charged before the commit that ends an attempt.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use understory_paths::AgentPath;
use understory_store::{AgentId, Charge, Draft, Goal, GoalId, GoalRef, GoalStatus, Store, StoreError, Table, Time};

use super::NewGoal;
use super::ledger::{Ledger, Payer};
use crate::error::Error;
use crate::limits::Limits;
use crate::lock::Lock;

/// How many rows are read at a time.
const PAGE: usize = 512;
/// A log that is as long as this is folded.
const FOLD_AT: usize = 64;

/// The ledger of a process. Nothing in it is lost with it.
#[derive(Default)]
pub(crate) struct Book {
    ledger: Lock<Ledger>,
    read: OnceCell<()>,
}

/// Charges of a commit under way. Dropped before it is paid they are taken back.
#[must_use = "charges that are not paid are taken back"]
pub(crate) struct Bill {
    book: Arc<Book>,
    lines: Vec<(AgentPath, u64)>,
    paid: bool,
}

/// A goal that comes to be with its agent, in the ledger already so that others go by it. Dropped before it is kept it is gone.
pub(crate) struct Claim {
    book: Arc<Book>,
    path: AgentPath,
    pub(crate) goal: Goal,
    kept: bool,
}

/// An active goal, as its agent's actor goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pursued {
    pub(crate) goal: GoalId,
    pub(crate) activation: u32,
}

impl Book {
    /// Reads the goals of the store and their logs, once.
    pub(crate) async fn ready(&self, store: &Store) -> Result<(), StoreError> {
        self.read.get_or_try_init(|| self.read(store)).await.copied()
    }

    /// Whom a turn at `path` is charged to.
    pub(crate) fn payers(&self, path: &AgentPath) -> Vec<Payer> {
        let ledger = self.ledger.lock();
        if ledger.is_empty() { Vec::new() } else { ledger.payers(path) }
    }

    /// The goal whose budget is used up, so that no turn at `path` is started.
    pub(crate) fn spent_for(&self, path: &AgentPath) -> Option<AgentPath> {
        let ledger = self.ledger.lock();
        if ledger.is_empty() {
            return None;
        }
        let (at, account) = ledger.budget_of(path)?;
        (account.left() == Some(0)).then_some(at)
    }

    /// Whether the budget of the goal at `path` is from one at or below `top`.
    pub(crate) fn is_from_within(&self, path: &AgentPath, top: &AgentPath) -> bool {
        self.ledger.lock().source_of(path).is_some_and(|source| top.contains(&source))
    }

    /// What goals below the one at `path` have used of its budget.
    pub(crate) fn used_below(&self, path: &AgentPath) -> u64 {
        self.ledger.lock().used_below(path)
    }

    /// As [`Book::spent_for`], once each of these payers is charged what it owes.
    pub(crate) fn spent_after(&self, path: &AgentPath, owed: &[(Payer, u64)]) -> Option<AgentPath> {
        let mut ledger = self.ledger.lock();
        if ledger.is_empty() {
            return None;
        }
        let lines = owed.iter().filter_map(|(payer, tokens)| Some((ledger.addressed(payer, *tokens)?.0, *tokens)));
        let lines: Vec<(AgentPath, u64)> = lines.collect();
        lines.iter().for_each(|(path, tokens)| ledger.charge(path, *tokens));
        let spent = ledger.budget_of(path).filter(|(_, account)| account.left() == Some(0)).map(|(at, _)| at);
        lines.iter().for_each(|(path, tokens)| ledger.uncharge(path, *tokens, 1));
        spent
    }

    /// The goal of the agent `id` at `path`, if it is active.
    pub(crate) fn pursued(&self, path: &AgentPath, id: AgentId) -> Option<Pursued> {
        let ledger = self.ledger.lock();
        let account = ledger.get(path).filter(|account| account.of == id && account.status == GoalStatus::Active)?;
        Some(Pursued { goal: account.id, activation: account.activation })
    }

    /// Whether somebody below `path` goes on by itself.
    pub(crate) fn is_pursued_below(&self, path: &AgentPath) -> bool {
        let ledger = self.ledger.lock();
        let spent = |at: &AgentPath| ledger.budget_of(at).is_some_and(|(_, account)| account.left() == Some(0));
        let mut below = ledger.below(path).filter(|(at, _)| *at != path);
        below.any(|(at, account)| account.status == GoalStatus::Active && account.clock.is_some() && !spent(at))
    }

    /// How long an agent waits that found others at work for it: `least` at first, then twice as long each time, up to `most`.
    pub(crate) fn lose_patience(&self, path: &AgentPath, least: Duration, most: Duration) -> Duration {
        let waits = self.ledger.lock().lose_patience(path);
        least.saturating_mul(2_u32.saturating_pow(waits)).min(most.max(least))
    }

    /// Has the time of active goals at and below `top` count from now, and tells whose those are.
    pub(crate) fn start_clocks(&self, top: &AgentPath, now: Time) -> Vec<AgentPath> {
        self.ledger.lock().start_clocks(top, now)
    }

    /// Whether the agent `id` at `path` has a goal, however it stands.
    pub(crate) fn has_goal(&self, path: &AgentPath, id: AgentId) -> bool {
        self.ledger.lock().get(path).is_some_and(|account| account.of == id)
    }

    /// Has a commit charge what each of these payers owes. The commit demands that the goals are there; if it is refused
    /// because one is not, this is asked again.
    pub(crate) fn bill(self: &Arc<Self>, owed: &[(Payer, u64)], draft: &mut Draft) -> Bill {
        let mut lines = Vec::new();
        let mut ledger = self.ledger.lock();
        for (payer, tokens) in owed.iter().filter(|(_, tokens)| *tokens > 0) {
            let Some((path, charge)) = ledger.addressed(payer, *tokens) else { continue };
            draft.expect_present(Table::Goal.at(&path));
            draft.append(Table::Charge.below(&path), &charge);
            ledger.charge(&path, *tokens);
            lines.push((path, *tokens));
        }
        Bill { book: self.clone(), lines, paid: false }
    }

    /// Puts the goals of newborns into the ledger, each with its budget taken from the goal above.
    ///
    /// # Errors
    /// There are too many goals, or one would have more than it may.
    pub(crate) fn claim(
        self: &Arc<Self>,
        limits: &Limits,
        path: &AgentPath,
        of: AgentId,
        new: &NewGoal,
        now: Time,
    ) -> Result<Claim, Error> {
        let mut ledger = self.ledger.lock();
        let goal = drawn_up(&ledger, limits, path, of, new, now)?;
        let promised = match (&goal.source, goal.budget) {
            (Some(source), Some(budget)) => match ledger.promise_of(source, budget) {
                Ok(at) => at.map(|at| (at, budget)),
                Err(at) => return Err(too_much(&ledger, &at)),
            },
            _ => None,
        };
        ledger.put(path, Some(&goal));
        if let Some((at, budget)) = promised {
            ledger.release(&at, budget);
        }
        drop(ledger);
        Ok(Claim { book: self.clone(), path: path.clone(), goal, kept: false })
    }

    /// What the ledger holds, for those who change it.
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut Ledger) -> R) -> R {
        look(&mut self.ledger.lock())
    }

    async fn read(&self, store: &Store) -> Result<(), StoreError> {
        let mut goals = store.pages(Table::Goal.all(), PAGE);
        while let Some(rows) = goals.peek::<Goal>().await? {
            let mut ledger = self.ledger.lock();
            for row in &rows {
                if let Some(path) = Table::Goal.path_of(&row.key) {
                    ledger.put(&path, Some(&row.value));
                }
            }
        }
        if self.ledger.lock().is_empty() {
            return Ok(());
        }
        let mut charges = store.pages(Table::Charge.all(), PAGE);
        while let Some(rows) = charges.peek::<Charge>().await? {
            let mut ledger = self.ledger.lock();
            for row in &rows {
                if let Some(path) = Table::Charge.path_of(&row.key) {
                    ledger.charge(&path, row.value.tokens);
                }
            }
        }
        Ok(())
    }
}

impl Bill {
    /// The commit was applied. Gives back the goals whose logs are to be folded now.
    pub(crate) fn paid(mut self) -> Vec<AgentPath> {
        self.paid = true;
        let ledger = self.book.ledger.lock();
        let due = |path: &AgentPath| {
            ledger.get(path).is_some_and(|account| account.charges >= FOLD_AT || account.is_crossed())
        };
        self.lines.iter().map(|(path, _)| path).filter(|path| due(path)).cloned().collect()
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        if !self.paid && !self.lines.is_empty() {
            let mut ledger = self.book.ledger.lock();
            self.lines.iter().for_each(|(path, tokens)| ledger.uncharge(path, *tokens, 1));
        }
    }
}

impl Claim {
    /// The commit with the goal's row was applied.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut ledger = self.book.ledger.lock();
        if !self.kept && ledger.get(&self.path).is_some_and(|account| account.id == self.goal.id) {
            ledger.put(&self.path, None);
        }
    }
}

/// A goal nobody has worked for, with the budget it may have.
pub(super) fn drawn_up(
    ledger: &Ledger,
    limits: &Limits,
    path: &AgentPath,
    of: AgentId,
    new: &NewGoal,
    now: Time,
) -> Result<Goal, Error> {
    if ledger.get(path).is_none() && ledger.len() >= limits.goals {
        return Err(too_many(limits));
    }
    let budget = allowed(ledger, limits, path, new.budget)?;
    Ok(Goal::new(of, new.objective.clone(), budget, source(ledger, path, budget), now))
}

/// The budget that a goal at `path` gets if it is to have this one.
pub(super) fn allowed(
    ledger: &Ledger,
    limits: &Limits,
    path: &AgentPath,
    asked: Option<u64>,
) -> Result<Option<u64>, Error> {
    let refused = |value, remedy| Error::Limit { limit: "goal_budget", value, holder: path.clone(), remedy };
    match (asked, limits.goal_budget) {
        (Some(0), _) => Err(Error::Refused(understory_store::Refusal(format!(
            "a goal of {path} cannot have a budget of 0 tokens: pause it, or clear it"
        )))),
        (Some(asked), Some(most)) if asked > most => Err(refused(most, "ask for less")),
        // Below a goal with a budget it is bounded by that one.
        (None, Some(most)) if ledger.source_for(path).is_none() => Ok(Some(most)),
        (asked, _) => Ok(asked),
    }
}

/// The goal that a budget of a goal at `path` is taken from.
pub(super) fn source(ledger: &Ledger, path: &AgentPath, budget: Option<u64>) -> Option<GoalRef> {
    budget.and_then(|_| ledger.source_for(path))
}

/// The refusal of a goal that would be one too many.
pub(super) fn too_many(limits: &Limits) -> Error {
    Error::Limit {
        limit: "goals",
        value: limits.goals as u64,
        holder: AgentPath::root(),
        remedy: "clear goals that are complete",
    }
}

/// The refusal of a budget that is more than what is left above.
pub(super) fn too_much(ledger: &Ledger, source: &AgentPath) -> Error {
    Error::Limit {
        limit: "goal_budget",
        value: ledger.left_at(source).unwrap_or_default(),
        holder: source.clone(),
        remedy: "ask for no more than that is left of its goal's budget, or raise that",
    }
}
