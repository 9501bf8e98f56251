//! Rows that the process died in again and again: one of them may be what it dies of. They wait until nothing else is to be
//! done, and then run one at a time and alone, so that whichever it is takes no other row along.

use std::collections::VecDeque;

use understory_store::{Item, Node, Row};

use super::actor::Work;

/// Deaths of the process in runs of a row that make it a suspect.
const DEATHS: u32 = 3;

/// Whether this many deaths, with the one that a row was found in, make it a suspect.
fn is_suspect(item: &Item) -> bool {
    item.crashes + u32::from(item.state.is_running()) >= DEATHS
}

impl Work {
    /// Where a row waits that could start: among those that are ready, or behind them all.
    pub(super) fn line_of(&mut self, row: &Row<Node>) -> &mut VecDeque<(u32, Row<Node>)> {
        match &row.value {
            Node::Item(item) if is_suspect(item) => &mut self.suspects,
            _ => &mut self.ready,
        }
    }

    /// Whether a suspect is at work, or about to be: then nothing starts beside it.
    pub(super) fn has_suspect_at_work(&self) -> bool {
        let suspect = |item: &Item| item.state.is_running() && item.crashes >= DEATHS;
        let of_row = |row: &Row<Node>| matches!(&row.value, Node::Item(item) if suspect(item));
        self.running.values().any(of_row) || self.under_way.iter().any(|group| group.moves_any(suspect))
    }

    /// Lets a suspect start if there is nothing else, and nobody else at work.
    pub(super) fn admit_suspect(&mut self) {
        if self.ready.is_empty() && self.running.is_empty() && self.under_way.iter().all(|group| group.starts() == 0) {
            self.ready.extend(self.suspects.pop_front());
        }
    }

    /// Has a suspect that was let in and could not start wait again: other rows may come before it can, and it starts beside
    /// nobody.
    pub(super) fn put_suspects_back(&mut self) {
        while self.ready.front().is_some_and(|(_, row)| matches!(&row.value, Node::Item(item) if is_suspect(item))) {
            let row = self.ready.pop_front().expect("just looked at");
            self.suspects.push_front(row);
        }
    }

    /// Has the suspects be rows like any other: nothing of the job is started any more.
    pub(super) fn absolve(&mut self) {
        self.ready.extend(self.suspects.drain(..));
    }
}
