//! What every goal has used and what is set aside for it, in memory: the rows and logs of the store, added up.
//!
//! A goal's budget is a claim on the goal above that it was taken from. What the goals below hold of one is nowhere on
//! record: it follows from their own rows, and is kept up here with every change.

use std::collections::BTreeMap;

use understory_paths::AgentPath;
use understory_store::{AgentId, Charge, Goal, GoalId, GoalRef, GoalStatus, Share, Time};

use super::coming::Coming;

/// Every goal of a store.
#[derive(Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<AgentPath, Account>,
    pub(super) coming: Option<Coming>,
}

/// What is known of one goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) of: AgentId,
    pub(super) id: GoalId,
    pub(super) status: GoalStatus,
    pub(super) activation: u32,
    pub(super) budget: Option<u64>,
    pub(super) source: Option<GoalRef>,
    shared: u64,
    /// Tokens that its row says were used.
    used: u64,
    /// Tokens that lie in its log, or are about to.
    pending: u64,
    /// How many charges those are.
    pub(super) charges: usize,
    /// What goals below hold of its budget.
    pub(super) held: u64,
    /// What it holds itself of the goal that its budget is from.
    holds: u64,
    /// What a change under way will hold of it.
    promised: u64,
    /// Up to when the time for which it is active is counted; nothing while it is not.
    pub(super) clock: Option<Time>,
    /// How often in a row its agent found others at work for it.
    waits: u32,
}

/// Whom a turn is charged to, as the goals stood when it began, or when one of its own was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payer {
    /// Whose goal.
    pub(crate) path: AgentPath,
    pub(crate) goal: GoalId,
    pub(crate) share: Share,
    pub(crate) source: Option<GoalRef>,
}

impl Account {
    fn of(goal: &Goal) -> Account {
        Account {
            of: goal.of,
            id: goal.id,
            status: goal.status,
            activation: goal.activations,
            budget: goal.budget,
            source: goal.source.clone(),
            shared: goal.shared,
            used: goal.used(),
            pending: 0,
            charges: 0,
            held: 0,
            holds: 0,
            promised: 0,
            clock: None,
            waits: 0,
        }
    }

    /// Tokens used, those of its log with them.
    pub(super) fn used(&self) -> u64 {
        self.used.saturating_add(self.pending)
    }

    /// What is left of its budget, if it has one.
    pub(super) fn left(&self) -> Option<u64> {
        let taken = self.committed().saturating_add(self.promised);
        self.budget.map(|budget| budget.saturating_sub(taken))
    }

    /// Whether its log holds more than its row should wait for.
    pub(super) fn is_crossed(&self) -> bool {
        let limited = matches!(self.status, GoalStatus::BudgetLimited | GoalStatus::Complete);
        self.budget.is_some_and(|budget| !limited && self.used() >= budget)
    }

    fn committed(&self) -> u64 {
        self.used().saturating_add(self.held)
    }

    fn is_complete(&self) -> bool {
        self.status == GoalStatus::Complete
    }

    /// What the goal that its budget is from sets aside for it.
    pub(super) fn hold(&self) -> u64 {
        let least = self.budget.filter(|_| !self.is_complete()).unwrap_or(0);
        self.committed().max(least).saturating_sub(self.shared)
    }
}

impl Ledger {
    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    pub(super) fn get(&self, path: &AgentPath) -> Option<&Account> {
        self.accounts.get(path)
    }

    /// The goals at and below a path, parents first.
    pub(super) fn below(&self, top: &AgentPath) -> impl Iterator<Item = (&AgentPath, &Account)> {
        self.accounts.range(top.clone()..).take_while(|(path, _)| top.contains(path))
    }

    /// The nearest goal at or above a path that is not complete.
    pub(super) fn nearest(&self, path: &AgentPath) -> Option<(AgentPath, &Account)> {
        let goes_on = |path: AgentPath| Some((path.clone(), self.accounts.get(&path)?));
        let mut at = std::iter::once(path.clone()).chain(path.ancestors()).filter_map(goes_on);
        at.find(|(_, account)| !account.is_complete())
    }

    /// The nearest goal above a path that has a budget and is not complete.
    pub(super) fn budgeted_above(&self, path: &AgentPath) -> Option<(AgentPath, &Account)> {
        let goes_on = |path: AgentPath| Some((path.clone(), self.accounts.get(&path)?));
        path.ancestors().filter_map(goes_on).find(|(_, account)| account.budget.is_some() && !account.is_complete())
    }

    /// Whom a turn at a path is charged to, the nearest goal first.
    pub(super) fn payers(&self, path: &AgentPath) -> Vec<Payer> {
        let Some((at, account)) = self.nearest(path) else { return Vec::new() };
        if account.budget.is_some() {
            let source = account.source.clone();
            return vec![Payer { path: at, goal: account.id, share: Share::Whole, source }];
        }
        match self.budgeted_above(&at) {
            None => vec![Payer { path: at, goal: account.id, share: Share::Whole, source: None }],
            Some((above, budgeted)) => vec![
                Payer { path: at, goal: account.id, share: Share::Counted, source: None },
                Payer { path: above, goal: budgeted.id, share: Share::Below, source: budgeted.source.clone() },
            ],
        }
    }

    /// The goal whose budget turns at a path come out of.
    pub(super) fn budget_of(&self, path: &AgentPath) -> Option<(AgentPath, &Account)> {
        let (at, account) = self.nearest(path)?;
        if account.budget.is_some() { Some((at, account)) } else { self.budgeted_above(&at) }
    }

    /// Whose log a payer's tokens go to now, and as what: its goal may be gone, and then the one above takes them that its
    /// budget came from.
    pub(super) fn addressed(&self, payer: &Payer, tokens: u64) -> Option<(AgentPath, Charge)> {
        let Payer { path, goal, share, source } = payer.clone();
        if self.accounts.contains_key(&path) {
            return Some((path, Charge { goal, tokens, share, source }));
        }
        let (above, account) = self.budgeted_above(&path).filter(|_| share != Share::Counted)?;
        let source = account.source.clone();
        Some((above, Charge { goal: account.id, tokens, share: Share::Below, source }))
    }

    /// A charge lies in a log, or is about to.
    pub(super) fn charge(&mut self, path: &AgentPath, tokens: u64) {
        self.with(path, |account| {
            account.pending = account.pending.saturating_add(tokens);
            account.charges += 1;
            account.waits = 0;
        });
    }

    /// Charges left a log: they are counted in the row, or never came to lie there.
    pub(super) fn uncharge(&mut self, path: &AgentPath, tokens: u64, charges: usize) {
        self.with(path, |account| {
            account.pending = account.pending.saturating_sub(tokens);
            account.charges = account.charges.saturating_sub(charges);
        });
    }

    /// A row was written: the goal there is as it says. Who has its budget from another now than before is moved.
    pub(super) fn put(&mut self, path: &AgentPath, goal: Option<&Goal>) {
        let same = |account: &Account, goal: &Goal| {
            let (complete, budgeted) = (account.is_complete(), account.budget.is_some());
            (account.id, complete, budgeted) == (goal.id, goal.is_complete(), goal.budget.is_some())
        };
        let stays = self.accounts.get(path).zip(goal).is_some_and(|(account, goal)| same(account, goal));
        let sources = if stays { Vec::new() } else { self.sources(path) };
        if let Some(before) = self.source_of(path)
            && let Some(holds) = self.accounts.get(path).map(|account| account.holds)
        {
            self.with(&before, |account| account.held = account.held.saturating_sub(holds));
        }
        let earlier = self.accounts.remove(path);
        if let Some(goal) = goal {
            let mut account = Account::of(goal);
            if let Some(earlier) = &earlier {
                (account.pending, account.charges) = (earlier.pending, earlier.charges);
                (account.promised, account.held) = (earlier.promised, earlier.held);
                account.clock = earlier.clock.filter(|_| account.status == GoalStatus::Active);
            }
            self.accounts.insert(path.clone(), account);
        }
        for (below, before) in sources {
            if self.source_of(&below) == before {
                continue;
            }
            let holds = self.accounts.get_mut(&below).map_or(0, |account| std::mem::take(&mut account.holds));
            if let Some(before) = before {
                self.with(&before, |account| account.held = account.held.saturating_sub(holds));
            }
            // Now it holds of the other one what it holds, if there is one.
            self.with(&below, |_| {});
        }
        // It holds nothing yet, as far as its source knows.
        self.with(path, |_| {});
    }

    /// Takes so much of what is left of a goal's budget for a change under way. False if there is not so much.
    pub(super) fn promise(&mut self, path: &AgentPath, tokens: u64) -> bool {
        let Some(account) = self.accounts.get_mut(path) else { return true };
        let fits = account.left().is_none_or(|left| tokens <= left);
        if fits {
            account.promised = account.promised.saturating_add(tokens);
        }
        fits
    }

    /// A change under way is over.
    pub(super) fn release(&mut self, path: &AgentPath, tokens: u64) {
        if let Some(account) = self.accounts.get_mut(path) {
            account.promised = account.promised.saturating_sub(tokens);
        }
    }

    /// Has the time of active goals at and below a path count from `now`, where it does not yet; tells whose those are.
    pub(super) fn start_clocks(&mut self, top: &AgentPath, now: Time) -> Vec<AgentPath> {
        let below = self.accounts.range_mut(top.clone()..).take_while(|(path, _)| top.contains(path));
        let active = below.filter(|(_, account)| account.status == GoalStatus::Active);
        active
            .map(|(path, account)| {
                account.clock.get_or_insert(now);
                path.clone()
            })
            .collect()
    }

    /// How often in a row an agent found others at work, before this time.
    pub(super) fn lose_patience(&mut self, path: &AgentPath) -> u32 {
        let Some(account) = self.accounts.get_mut(path) else { return 0 };
        let waits = account.waits;
        account.waits = waits.saturating_add(1);
        waits
    }

    /// Time up to here is counted.
    pub(super) fn count_time(&mut self, path: &AgentPath, through: Option<Time>) {
        if let Some(account) = self.accounts.get_mut(path) {
            account.clock = through.filter(|_| account.status == GoalStatus::Active);
        }
    }

    /// Whether the budget of the goal at a path is from no other, and none above it has one.
    pub(super) fn is_loose(&self, path: &AgentPath) -> bool {
        let Some(account) = self.accounts.get(path) else { return false };
        account.budget.is_some() && account.source.is_none() && self.budgeted_above(path).is_none()
    }

    /// Whether the budget of one of its goals is from no other of them.
    pub(super) fn has_loose(&self) -> bool {
        self.accounts.keys().any(|path| self.is_loose(path))
    }

    /// What its goals hold, where that is of none of them.
    pub(super) fn held_outside(&self) -> u64 {
        let loose = self.accounts.iter().filter(|(path, _)| self.is_loose(path));
        loose.fold(0, |sum, (_, account)| sum.saturating_add(account.hold()))
    }

    /// What goals whose budgets are from the one at `path`, or from one that is so, have used and it has not counted itself.
    pub(super) fn used_below(&self, path: &AgentPath) -> u64 {
        let up = |at: &AgentPath| std::iter::successors(self.source_of(at), |above| self.source_of(above));
        let below = self.below(path).filter(|(at, _)| *at != path && up(at).any(|above| above == *path));
        below.fold(0, |sum, (_, account)| sum.saturating_add(account.used().saturating_sub(account.shared)))
    }

    /// Takes the goals of another ledger over, which lie where none does; those that are loose hold what they do of `above`.
    pub(super) fn take_over(&mut self, other: &Ledger, above: Option<&GoalRef>) {
        for (path, account) in &other.accounts {
            let source = if other.is_loose(path) { above.cloned() } else { account.source.clone() };
            let (held, holds, promised) = (0, 0, 0);
            self.accounts.insert(path.clone(), Account { source, held, holds, promised, ..account.clone() });
            self.with(path, |_| {});
        }
    }

    /// Forgets goals that were taken over.
    pub(super) fn give_back(&mut self, other: &Ledger) {
        for (path, account) in other.accounts.iter().rev() {
            if self.accounts.get(path).is_some_and(|there| there.id == account.id) {
                self.put(path, None);
            }
        }
    }

    /// The goal that holds what is set aside for the one at `path`: that which its budget is from, or if that is gone the nearest
    /// above it with one.
    pub(super) fn source_of(&self, path: &AgentPath) -> Option<AgentPath> {
        let source = self.accounts.get(path)?.source.as_ref()?;
        self.standing_for(source)
    }

    /// The goal that is meant, while it has a budget, or the nearest above it that has one.
    pub(super) fn standing_for(&self, source: &GoalRef) -> Option<AgentPath> {
        match self.accounts.get(&source.path) {
            Some(account) if account.id == source.id && account.budget.is_some() => Some(source.path.clone()),
            _ => self.budgeted_above(&source.path).map(|(path, _)| path),
        }
    }

    fn sources(&self, top: &AgentPath) -> Vec<(AgentPath, Option<AgentPath>)> {
        let below = self.below(top).filter(|(path, account)| *path != top && account.source.is_some());
        below.map(|(path, _)| (path.clone(), self.source_of(path))).collect()
    }

    /// Changes an account, and what is held above for it.
    fn with(&mut self, path: &AgentPath, change: impl FnOnce(&mut Account)) {
        let Some(account) = self.accounts.get_mut(path) else { return };
        change(account);
        let mut at = path.clone();
        while let Some(above) = self.source_of(&at) {
            let Some(account) = self.accounts.get_mut(&at) else { return };
            let (before, now) = (account.holds, account.hold());
            account.holds = now;
            let Some(account) = self.accounts.get_mut(&above).filter(|_| before != now) else { return };
            account.held = account.held.saturating_sub(before).saturating_add(now);
            at = above;
        }
    }
}
