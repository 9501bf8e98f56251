//! One commit of the accountant: rows as they were read, as they are to be, and the charges that go into them.

use std::collections::{BTreeMap, BTreeSet};

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, Charge, CommitError, Draft, Event, Goal, GoalStanding, GoalStatus, Message, MessageKind, Metadata, Row,
    Sender, Share, StoreError, Table, Time,
};

use super::ledger::Ledger;
use crate::inboxes::Change;
use crate::system::System;

/// How many charges of one log a commit takes: with what else it writes it stays under 512 writes.
pub(super) const FOLD_MAX: usize = 256;
/// The most of a reason that an event carries, in characters.
const WHY_MAX: usize = 200;

/// A commit in the making.
pub(super) struct Sheet<'a> {
    system: &'a System,
    pub(super) draft: Draft,
    lines: BTreeMap<AgentPath, Line>,
    pub(super) now: Time,
}

/// One goal in it.
#[derive(Default)]
struct Line {
    row: Option<Row<Goal>>,
    next: Option<Goal>,
    tokens: u64,
    charges: usize,
    /// Up to when its time is counted by this commit.
    through: Option<Time>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(system: &'a System) -> Self {
        Sheet { system, draft: Draft::new(), lines: BTreeMap::new(), now: system.clock.now() }
    }

    /// The goal at a path as this commit leaves it, up to here.
    pub(super) async fn goal(&mut self, path: &AgentPath) -> Result<Option<Goal>, StoreError> {
        self.take_up(path).await?;
        Ok(self.lines.get(path).and_then(|line| line.next.clone()))
    }

    /// Leaves a goal so; nothing: it is cleared.
    pub(super) async fn leave(&mut self, path: &AgentPath, goal: Option<Goal>) -> Result<(), StoreError> {
        self.take_up(path).await?;
        self.lines.entry(path.clone()).or_default().next = goal;
        Ok(())
    }

    /// Counts charges of a goal's log in it, and in the goal above what is for that one. True if there are more.
    pub(super) async fn fold(&mut self, path: &AgentPath) -> Result<bool, StoreError> {
        let rows = self.system.store.peek_page::<Charge>(Table::Charge.rows_of(path), None, FOLD_MAX).await?;
        let was_limited = self.goal(path).await?.is_none_or(|goal| goal.status == GoalStatus::BudgetLimited);
        for row in &rows {
            self.draft.remove(row);
            let line = self.lines.entry(path.clone()).or_default();
            line.tokens = line.tokens.saturating_add(row.value.tokens);
            line.charges += 1;
            let Some(goal) = &line.next else { continue };
            let (next, apart) = goal.fold(&row.value, self.now);
            line.next = Some(next);
            if let (Some(source), true) = (&row.value.source, apart > 0)
                && let Some(above) = self.system.goals.with(|ledger| ledger.standing_for(source))
            {
                self.charge_above(&above, apart).await?;
            }
        }
        if let Some(line) = self.lines.get_mut(path)
            && let Some(goal) = line.next.as_mut().filter(|goal| !was_limited && !goal.warned)
        {
            goal.warned = goal.status == GoalStatus::BudgetLimited;
        }
        Ok(rows.len() == FOLD_MAX)
    }

    /// Has a goal count tokens of one below that is gone, or has no budget any more.
    pub(super) async fn charge_above(&mut self, path: &AgentPath, tokens: u64) -> Result<(), StoreError> {
        self.take_up(path).await?;
        if let Some(line) = self.lines.get_mut(path)
            && let Some(goal) = &line.next
        {
            line.next = Some(goal.charge(tokens, Share::Below, self.now));
        }
        Ok(())
    }

    /// How many writes it makes at the most.
    pub(super) fn writes(&self) -> usize {
        // A long objective lies in parts.
        self.draft.writes() + 10 * self.lines.len()
    }

    /// Commits it. The ledger says so when this returns.
    pub(super) async fn commit(mut self) -> Result<(), CommitError> {
        let changes = self.write();
        if self.draft.is_empty() {
            return Ok(());
        }
        let (system, draft) = (self.system, std::mem::take(&mut self.draft));
        system.inboxes.commit(&system.store, draft, changes).await?;
        system.rouse(self.enter());
        Ok(())
    }

    /// Those of its goals, and of the ones above that hold something for them, whose budgets are used up.
    fn spent(&self, ledger: &Ledger) -> Vec<AgentPath> {
        let up =
            |path: &AgentPath| std::iter::successors(Some(path.clone()), |at| ledger.source_of(at)).collect::<Vec<_>>();
        let all: BTreeSet<AgentPath> = self.lines.keys().flat_map(up).collect();
        all.into_iter().filter(|path| ledger.get(path).is_some_and(|account| account.left() == Some(0))).collect()
    }

    fn write(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (path, line) in &self.lines {
            match (&line.row, &line.next) {
                (Some(row), Some(goal)) if row.value == *goal => continue,
                (Some(row), Some(goal)) => drop(self.draft.update(row, goal)),
                (None, Some(goal)) => drop(self.draft.create(Table::Goal.at(path), goal)),
                (Some(row), None) => {
                    self.draft.expect(row);
                    self.draft.remove(row);
                }
                (None, None) => continue,
            }
            self.draft.tell(&told(path, line));
            let warned = line.row.as_ref().is_some_and(|row| row.value.warned);
            if let Some(goal) = line.next.as_ref().filter(|goal| goal.warned && !warned) {
                changes.push(warn(self.system, &mut self.draft, path, goal, self.now));
            }
        }
        changes
    }

    /// Tells the ledger, and whose budgets were used up until then: who came to wait for one while this was committed is among
    /// those who wait for it.
    fn enter(&self) -> Vec<AgentPath> {
        let running: Vec<&AgentPath> = self.lines.keys().filter(|path| self.system.active.contains(path)).collect();
        self.system.goals.with(|ledger| {
            let spent = self.spent(ledger);
            for (path, line) in &self.lines {
                ledger.uncharge(path, line.tokens, line.charges);
                ledger.put(path, line.next.as_ref());
                let starts = Some(self.now).filter(|_| running.contains(&path));
                ledger.count_time(path, line.through.or(starts));
            }
            spent
        })
    }

    /// Reads the row, with the time for which it was active since that was last counted.
    async fn take_up(&mut self, path: &AgentPath) -> Result<(), StoreError> {
        if self.lines.contains_key(path) {
            return Ok(());
        }
        let row = self.system.store.peek::<Goal>(&Table::Goal.at(path)).await?;
        let clock = self.system.goals.with(|ledger| ledger.get(path).and_then(|account| account.clock));
        let seconds = clock.map_or(0, |clock| clock.until(self.now).as_secs());
        let through = clock.map(|clock| clock.after(std::time::Duration::from_secs(seconds)));
        let next = row.as_ref().map(|row| row.value.last(seconds));
        self.lines.insert(path.clone(), Line { row, next, through, ..Line::default() });
        Ok(())
    }
}

fn told(path: &AgentPath, line: &Line) -> Event {
    let goal = line.next.as_ref().or(line.row.as_ref().map(|row| &row.value)).expect("a goal is set or cleared");
    let status = line.next.as_ref().map(|goal| goal.status);
    let why = goal.why.chars().take(WHY_MAX).collect();
    let standing = GoalStanding { id: goal.id, status, used: goal.used(), budget: goal.budget, why };
    Event::GoalChanged { agent: AgentRef::new(path.clone(), goal.of), goal: standing }
}

/// Tells the agent, once for each goal, that its budget is used up: with the next turn, or when the one under way takes mail.
fn warn(system: &System, draft: &mut Draft, path: &AgentPath, goal: &Goal, now: Time) -> Change {
    let budget = goal.budget.unwrap_or_default();
    let text = format!(
        "The budget of your goal is used up: {} of {budget} tokens. Begin nothing new for it. Say what is done, what is left \
         and what comes next; no further turn starts until the budget is raised.",
        goal.used()
    );
    let message = Message {
        to: goal.of,
        from: Sender::Operator,
        kind: MessageKind::Said,
        trigger: false,
        text,
        at: now,
        message_id: None,
        metadata: Metadata::default(),
    };
    draft.append(Table::Inbox.below(path), &message);
    let to = AgentRef::new(path.clone(), goal.of);
    draft.tell(&Event::Mailed { to, trigger: false, metadata: Metadata::default() });
    system.inboxes.exempt(path, message.bytes())
}
