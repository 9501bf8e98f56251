//! Close and resume: one mark, and the counts of open agents above it.

use understory_paths::AgentPath;
use understory_store::{Event, Mark, Node, Phase, Row, StoreError, Table, ToolUse, TranscriptEntry};

use super::Answer;
use super::plan::Plan;
use crate::caller::Caller;
use crate::error::Error;
use crate::parcel::ParcelError;

impl Plan<'_> {
    pub(super) async fn close(&mut self, path: &AgentPath) -> Result<Answer, Error> {
        let node = self.closable(path, "close").await?;
        if self.is_closed(path).await? {
            return Ok(Answer::Done(false));
        }
        self.draft.expect_present(Table::Node.at(path));
        self.mark(path, Some(Mark::Closed));
        let open = self.weight_of(path, &node.value).await?;
        self.shift_counts(path, open, false).await?;
        self.note_standing(path, &node.value, false);
        self.draft.tell(&Event::Closed { path: path.clone() });
        Ok(Answer::Done(true))
    }

    pub(super) async fn resume(&mut self, path: &AgentPath, bounded: bool) -> Result<Answer, Error> {
        let node = self.closable(path, "resume").await?;
        for at in path.ancestors() {
            if self.is_closed(&at).await? {
                return Err(Error::Closed { path: path.clone(), at });
            }
        }
        let faulted = matches!(&node.value, Node::Agent(agent) if matches!(agent.phase, Phase::Faulted { .. }));
        let mark = self.mark_at(path).await?;
        if mark == Some(Mark::Removing) {
            return Err(Error::BeingRemoved { path: path.clone() });
        }
        if let Some(Mark::Importing(_)) = mark {
            return Err(ParcelError::Half { path: path.clone() }.into());
        }
        let closed = mark.is_some();
        if closed {
            let open = self.weight_of(path, &node.value).await?;
            if bounded {
                self.demand_return(path, open).await?;
            }
            self.draft.expect_present(Table::Node.at(path));
            self.mark(path, None);
            // Tokens from before the close stay dead.
            self.draft.put(Table::Reopened.at(path), &());
            self.shift_counts(path, open, true).await?;
            self.note_standing(path, &node.value, true);
        }
        if closed || faulted {
            self.draft.tell(&Event::Resumed { path: path.clone() });
        }
        Ok(Answer::Done(closed || faulted))
    }

    /// Has the commit demand that the turn which asked is still under way, and write its line of the transcript: of a call
    /// that found nothing to do, too.
    pub(super) fn witness(&mut self, by: Option<&(Caller, Option<ToolUse>)>) {
        let Some((caller, tool)) = by else { return };
        caller.fence(&mut self.draft);
        if let Some(tool) = tool {
            caller.transcribe(&mut self.draft, &TranscriptEntry::Tool(tool.clone()));
        }
    }

    pub(super) async fn closable(&mut self, path: &AgentPath, verb: &'static str) -> Result<Row<Node>, Error> {
        let Some(row) = self.node(path).await? else { return Err(self.missing(path).await?) };
        match &row.value {
            Node::Agent(_) if path.is_root() => {
                Err(Error::WrongKind { path: path.clone(), found: "the root of the tree", verb })
            }
            Node::Agent(_) | Node::Job(_) => Ok(row),
            node => Err(Error::wrong_kind(path, node, verb)),
        }
    }

    /// Refuses what would be over the limits of a creation by an agent.
    async fn demand_return(&mut self, path: &AgentPath, open: u64) -> Result<(), Error> {
        if let Some(parent) = path.parent() {
            self.demand_children(&parent, 1).await?;
        }
        let above: Vec<AgentPath> = path.ancestors().collect();
        for ancestor in above.iter().rev() {
            self.demand_agents(ancestor, open, self.limits.agents).await?;
        }
        Ok(())
    }

    pub(super) fn note_standing(&mut self, path: &AgentPath, node: &Node, open: bool) {
        if let (Node::Agent(_), Some(parent)) = (node, path.parent()) {
            self.note_child(&parent, open);
        }
    }

    /// Open agents that a node stands for: itself, if it is one, and those below it.
    pub(super) async fn weight_of(&mut self, path: &AgentPath, node: &Node) -> Result<u64, StoreError> {
        Ok(self.count(path).await? + u64::from(matches!(node, Node::Agent(_))))
    }

    /// Adds to or takes from the counts above `path`, up to and with the nearest closed ancestor: what lies below a closed
    /// node is not counted above it.
    pub(super) async fn shift_counts(&mut self, path: &AgentPath, by: u64, up: bool) -> Result<(), StoreError> {
        if by == 0 {
            return Ok(());
        }
        for ancestor in path.ancestors() {
            let count = self.count(&ancestor).await?;
            self.set_count(&ancestor, if up { count + by } else { count.saturating_sub(by) });
            if self.is_closed(&ancestor).await? {
                break;
            }
        }
        Ok(())
    }
}
