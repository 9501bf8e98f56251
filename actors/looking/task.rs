//! What an agent is about, in a line.

use understory_paths::AgentPath;
use understory_store::{Agent, Message, Node, Phase, Table, TranscriptEntry, keys};

use super::View;
use crate::error::Error;
use crate::system::System;

/// How much of it is told, in characters.
const TASK_MAX: usize = 120;
/// How many rows are read at a time: each may hold 256 KiB.
const PAGE: usize = 4;
/// How far back in a transcript it is looked for: a turn is about 64 messages at the most.
const PAGES_MAX: usize = 32;

impl System {
    /// Says in a view what its agent is about.
    pub(crate) async fn tell_task(&self, view: &mut View) -> Result<(), Error> {
        let Node::Agent(agent) = &view.node else { return Ok(()) };
        let text = match &agent.phase {
            Phase::Running(_) => self.text_in_hand(&view.path, agent).await?,
            _ if view.queued => self.text_in_inbox(&view.path, agent).await?,
            _ => None,
        };
        let text = match text {
            None if agent.turns > 0 => self.text_in_transcript(&view.path).await?,
            text => text,
        };
        view.task = text.as_deref().and_then(first_line);
        Ok(())
    }

    async fn text_in_hand(&self, path: &AgentPath, agent: &Agent) -> Result<Option<String>, Error> {
        let in_hand = agent.running().map(|running| running.in_hand.as_slice()).unwrap_or_default();
        for row in in_hand.iter().rev() {
            let message = self.store.get::<Message>(&keys::inbox(path, *row)).await?;
            if let Some(message) = message.filter(|row| row.value.trigger) {
                return Ok(Some(message.value.text));
            }
        }
        Ok(None)
    }

    async fn text_in_inbox(&self, path: &AgentPath, agent: &Agent) -> Result<Option<String>, Error> {
        let mut pages = self.store.pages(Table::Inbox.rows_of(path), PAGE);
        for _ in 0..PAGES_MAX {
            let Some(rows) = pages.next::<Message>().await? else { break };
            let starts = |row: &Message| row.trigger && row.to == agent.id;
            if let Some(row) = rows.into_iter().find(|row| starts(&row.value)) {
                return Ok(Some(row.value.text));
            }
        }
        Ok(None)
    }

    async fn text_in_transcript(&self, path: &AgentPath) -> Result<Option<String>, Error> {
        let mut pages = self.store.pages(Table::Transcript.rows_of(path), PAGE).backward();
        for _ in 0..PAGES_MAX {
            let Some(rows) = pages.next::<TranscriptEntry>().await? else { break };
            let text = rows.into_iter().find_map(|row| match row.value {
                TranscriptEntry::Message { message, .. } if message.trigger => Some(message.text),
                _ => None,
            });
            if text.is_some() {
                return Ok(text);
            }
        }
        Ok(None)
    }
}

fn first_line(text: &str) -> Option<String> {
    let line = text.trim().lines().next()?.trim_end();
    Some(match line.char_indices().nth(TASK_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_its_first_line_within_bounds() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(first_line(text).as_deref(), expected, "{text:?}");
        check("count them", Some("count them"));
        check("\n\n  count them \r\nall", Some("count them"));
        check(" \n ", None);
        check(&"é".repeat(120), Some("é".repeat(120).as_str()));
        check(&"é".repeat(121), Some(format!("{}…", "é".repeat(120)).as_str()));
    }
}
