//! Messages that no turn will take go to the dead letters, where the oldest make room for them.

use understory_paths::AgentPath;
use understory_store::{DeadLetter, Direction, Draft, Event, Message, Row, Table, Time, keys};

use super::AgentActor;
use crate::error::Error;

/// The most writes of one commit that makes room; an event can name so many letters.
const WRITES: usize = 256;

impl AgentActor {
    /// Drops the oldest dead letters until there is room for `more` of them. It has commits of its own: a letter of 256 KiB takes
    /// more writes than the commit behind it may have to spare. False if the record has changed, or a mark forbids it.
    pub(super) async fn make_room_for_dead(&mut self, more: usize) -> Result<bool, Error> {
        let kept = self.system.limits.dead_letters.saturating_sub(more);
        loop {
            // More lie there only if the limit was lowered since.
            let lie = Table::Dead.rows_of(&self.path);
            let stubs = self.system.store.peek_stubs(lie, Direction::Forward, kept + WRITES).await?;
            let over = stubs.len().saturating_sub(kept);
            if over == 0 {
                return Ok(true);
            }
            // As it lies there: what its turn has come to is the next commit's.
            let Some(agent) = self.agent().await?.cloned() else { return Ok(false) };
            let (mut draft, written) = self.draft(&agent);
            draft.expect_open(&self.path);
            let mut rows = Vec::new();
            for stub in stubs.iter().take(over) {
                if !rows.is_empty() && draft.writes() + stub.writes() > WRITES {
                    break;
                }
                draft.discard(stub);
                rows.extend(keys::inbox_key(&stub.key));
            }
            tracing::warn!(path = %self.path, letters = rows.len(), "the oldest dead letters make room for newer ones");
            draft.tell(&Event::DeadDropped { agent: self.me(&agent), rows });
            if self.commit(draft, written, agent).await?.is_none() {
                return Ok(false);
            }
        }
    }
}

/// Moves inbox rows to the dead letters.
pub(super) fn bury(draft: &mut Draft, path: &AgentPath, rows: &[Row<Message>], error: &str, now: Time) {
    for row in rows {
        draft.remove(row);
        let letter = DeadLetter { message: row.value.clone(), error: error.to_owned(), at: now };
        draft.append(Table::Dead.below(path), &letter);
    }
}
