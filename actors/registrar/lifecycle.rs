//! Close and resume: one mark, and the counts of open agents above it.

use understory_paths::AgentPath;
use understory_store::{Event, Node, Phase, Row, StoreError, Table};

use super::Answer;
use super::plan::Plan;
use crate::error::Error;

impl Plan<'_> {
    pub(super) async fn close(&mut self, path: &AgentPath) -> Result<Answer, Error> {
        let node = self.closable(path, "close").await?;
        if self.is_closed(path).await? {
            return Ok(Answer::Done(false));
        }
        self.draft.expect_present(Table::Node.at(path));
        self.mark(path, true);
        let open = self.weight_of(path, &node.value).await?;
        self.shift_counts(path, open, false).await?;
        self.draft.tell(&Event::Closed { path: path.clone() });
        Ok(Answer::Done(true))
    }

    pub(super) async fn resume(&mut self, path: &AgentPath) -> Result<Answer, Error> {
        let node = self.closable(path, "resume").await?;
        for at in path.ancestors() {
            if self.is_closed(&at).await? {
                return Err(Error::Closed { path: path.clone(), at });
            }
        }
        let faulted = matches!(&node.value, Node::Agent(agent) if matches!(agent.phase, Phase::Faulted { .. }));
        let closed = self.is_closed(path).await?;
        if closed {
            self.draft.expect_present(Table::Node.at(path));
            self.mark(path, false);
            let open = self.weight_of(path, &node.value).await?;
            self.shift_counts(path, open, true).await?;
        }
        if closed || faulted {
            self.draft.tell(&Event::Resumed { path: path.clone() });
        }
        Ok(Answer::Done(closed || faulted))
    }

    async fn closable(&mut self, path: &AgentPath, verb: &'static str) -> Result<Row<Node>, Error> {
        let row = self.node(path).await?.ok_or_else(|| Error::NotFound { path: path.clone() })?;
        match &row.value {
            Node::Agent(_) if path.is_root() => {
                Err(Error::WrongKind { path: path.clone(), found: "the root of the tree", verb })
            }
            Node::Agent(_) | Node::Job(_) => Ok(row),
            node => Err(Error::wrong_kind(path, node, verb)),
        }
    }

    /// Open agents that a node stands for: itself, if it is one, and those below it.
    async fn weight_of(&mut self, path: &AgentPath, node: &Node) -> Result<u64, StoreError> {
        Ok(self.count(path).await? + u64::from(matches!(node, Node::Agent(_))))
    }

    /// Adds to or takes from the counts above `path`, up to and with the nearest closed ancestor: what lies below a closed
    /// node is not counted above it.
    async fn shift_counts(&mut self, path: &AgentPath, by: u64, up: bool) -> Result<(), StoreError> {
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
