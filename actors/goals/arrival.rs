//! Goals that come with a subtree from a file.
//!
//! In the file they hold nothing of a goal outside of it. Where the subtree comes to lie, the budgets that are from no goal in it
//! are from the nearest above that has one: what is left of each is set aside there before the first row is written, and held
//! once the subtree is there.

use std::sync::Arc;

use understory_paths::AgentPath;
use understory_store::{Charge, DecodeError, Goal, GoalRef, ParcelRow, Record, Table, Verbatim};

use super::book::{Book, too_much};
use super::ledger::Ledger;
use crate::error::Error;
use crate::limits::Limits;
use crate::parcel::ParcelError;

/// The goals of a file, as they come to lie.
#[derive(Default)]
pub(crate) struct Estate {
    ledger: Ledger,
    /// The goal that budgets come from which are from none in the file, if there is one.
    above: Option<GoalRef>,
}

/// Goals that are to come, with what is set aside for them until this is dropped.
pub(crate) struct Expected {
    book: Arc<Book>,
    estate: Estate,
    tokens: u64,
    top: AgentPath,
}

/// Goals that come with a commit, in the ledger already. Dropped before they are kept they are gone.
pub(crate) struct Arrival {
    expected: Arc<Expected>,
    kept: bool,
}

impl Estate {
    /// Takes note of a row of the file, if it is of a goal; of no more goals than one over `goals_max`.
    pub(crate) fn meet(&mut self, row: &ParcelRow, goals_max: usize) {
        match Table::of(&row.key) {
            Some(table @ Table::Goal) if self.ledger.len() <= goals_max => {
                if let (Some(path), Ok(goal)) = (table.path_of(&row.key), Goal::decode(&row.value.0)) {
                    self.ledger.put(&path, Some(&goal));
                }
            }
            Some(table @ Table::Charge) => {
                if let (Some(path), Ok(charge)) = (table.path_of(&row.key), Charge::decode(&row.value.0)) {
                    self.ledger.charge(&path, charge.tokens);
                }
            }
            _ => {}
        }
    }

    /// Refuses budgets that are to be from `above` where they would be from another goal.
    fn demand_above(&self, ledger: &Ledger, top: &AgentPath, above: Option<&GoalRef>) -> Result<(), Error> {
        match self.ledger.has_loose() && ledger.source_for(top).as_ref() != above {
            true => Err(ParcelError::GoalsChanged { path: top.clone() }.into()),
            false => Ok(()),
        }
    }
}

impl Book {
    /// Sets aside what the goals of a file hold of the goal above `top`.
    ///
    /// # Errors
    /// There are too many goals, more is held than is left, or a goal above `top` is about to get a budget.
    pub(crate) fn expect(
        self: &Arc<Self>,
        limits: &Limits,
        top: &AgentPath,
        mut estate: Estate,
    ) -> Result<Expected, Error> {
        let tokens = estate.ledger.held_outside();
        estate.above = self.with(|ledger| {
            if ledger.len().saturating_add(estate.ledger.len()) > limits.goals && !estate.ledger.is_empty() {
                return Err(super::book::too_many(limits));
            }
            let above = ledger.budgeted_above(top).map(|(path, account)| GoalRef { path, id: account.id });
            estate.demand_above(ledger, top, above.as_ref())?;
            match &above {
                Some(source) if !ledger.promise(&source.path, tokens) => Err(too_much(ledger, &source.path)),
                _ => Ok(above),
            }
        })?;
        Ok(Expected { book: self.clone(), estate, tokens, top: top.clone() })
    }
}

impl Expected {
    /// A row as it is to be written: a budget is from the goal above, if it is from none in the file.
    ///
    /// # Errors
    /// It is no goal, though it lies where one does.
    pub(crate) fn tied(&self, row: ParcelRow) -> Result<ParcelRow, DecodeError> {
        let path = Table::of(&row.key).filter(|table| *table == Table::Goal).and_then(|table| table.path_of(&row.key));
        let Some(above) =
            self.estate.above.as_ref().filter(|_| path.is_some_and(|path| self.estate.ledger.is_loose(&path)))
        else {
            return Ok(row);
        };
        let goal = Goal { source: Some(above.clone()), ..Goal::decode(&row.value.0)? };
        Ok(ParcelRow { value: Verbatim(goal.encode()), ..row })
    }

    /// Puts the goals into the ledger. Whatever changes above from here on finds them there.
    ///
    /// # Errors
    /// The nearest goal above with a budget is another than the one that their rows name by now, or is about to be.
    pub(crate) fn arrive(self: &Arc<Self>) -> Result<Arrival, Error> {
        let Estate { ledger: goals, above } = &self.estate;
        self.book.with(|ledger| {
            self.estate.demand_above(ledger, &self.top, above.as_ref())?;
            ledger.take_over(goals, above.as_ref());
            Ok(Arrival { expected: self.clone(), kept: false })
        })
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        if let Some(source) = &self.estate.above {
            self.book.with(|ledger| ledger.release(&source.path, self.tokens));
        }
    }
}

impl Arrival {
    /// The commit was applied.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if !self.kept {
            self.expected.book.with(|ledger| ledger.give_back(&self.expected.estate.ledger));
        }
    }
}
