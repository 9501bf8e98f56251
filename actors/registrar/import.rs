//! An import, as it is begun, filled and ended.
//!
//! ```text
//!   nothing --Import--> importing --ImportRows--> ... --ImportEnd--> closed
//! ```
//!
//! The mark names the import, so that what another one or a removal has taken over is not added to.

use std::sync::Arc;

use understory_store::{AgentId, AgentRef, Event, JobSpec, Mark, Node, ParcelRow, Row, Table, Version};

use super::Answer;
use super::plan::Plan;
use crate::error::Error;
use crate::goals::Expected;
use crate::parcel::ParcelError;

/// An import that is under way.
pub(crate) struct Import {
    /// What becomes of the top of the file.
    pub(crate) top: AgentRef,
    /// Which import it is.
    pub(crate) id: AgentId,
    /// The goals that come with it.
    pub(crate) goals: Arc<Expected>,
}

impl Plan<'_> {
    /// Puts the top where it is to lie, shut, if it may lie there. `open` are the agents below it that a resume of it
    /// opens, for which there must be room.
    pub(super) async fn import(
        &mut self,
        import: &Import,
        node: &Node,
        open: u64,
        newest: Version,
    ) -> Result<Answer, Error> {
        let path = &import.top.path;
        self.demand_parent(path, "take an import").await?;
        if self.node(path).await?.is_some() {
            return Err(Error::Exists { path: path.clone() });
        }
        let open = open + u64::from(matches!(node, Node::Agent(_)));
        let above: Vec<_> = path.ancestors().collect();
        for ancestor in above.iter().rev() {
            self.demand_agents(ancestor, open, self.limits.agents_by_host).await?;
        }
        let parent = path.parent().expect("checked with the parent");
        if let Node::Agent(agent) = node
            && let Some(nickname) = &agent.nickname
        {
            if self.has_nickname(&parent, nickname).await? {
                return Err(
                    ParcelError::NicknameTaken { path: path.clone(), nickname: nickname.clone(), parent }.into()
                );
            }
            self.take_nickname(&parent, nickname, path);
        }
        self.unearth(path).await?;
        let written = self.draft.create(Table::Node.at(path), node);
        self.written(path, Row::written(written, node.clone(), 0));
        self.draft.expect_absent(Table::Closed.at(path));
        self.mark(path, Some(Mark::Importing(import.id)));
        self.draft.number_above(newest);
        self.note_removal(None);
        Ok(Answer::Done(true))
    }

    /// Puts rows of the file where they are to lie.
    pub(super) async fn import_rows(&mut self, import: &Import, rows: &[ParcelRow]) -> Result<Answer, Error> {
        self.demand_import(import).await?;
        let top = Table::Node.at(&import.top.path);
        let mut stones = Vec::new();
        for row in rows.iter().filter(|row| row.key != top) {
            if let Some(path) = Table::Node.path_of(&row.key) {
                stones.push(Table::Tombstone.at(&path));
            }
            self.draft.add(row.key.clone(), &row.value);
        }
        let there = self.store.versions(stones.clone()).await?;
        for (stone, _) in stones.into_iter().zip(there).filter(|(_, stone)| stone.is_some()) {
            self.draft.delete(stone);
        }
        self.note_removal(None);
        Ok(Answer::Done(true))
    }

    /// Lets it be a closed node like any other.
    pub(super) async fn import_end(&mut self, import: &Import) -> Result<Answer, Error> {
        self.demand_import(import).await?;
        let path = &import.top.path;
        let arrival = import.goals.arrive()?;
        let spec = self.store.peek::<JobSpec>(&Table::Spec.at(path)).await?;
        if let (Some(spec), Some(owner)) = (spec, path.parent()) {
            let command = Table::Fingerprint.named(&owner, &spec.value.fingerprint);
            if self.made_by(&command).await?.is_none() {
                self.note_command(command, path);
            }
        }
        self.mark(path, Some(Mark::Closed));
        self.draft.tell(&Event::Imported { node: import.top.clone() });
        self.left.arrivals.push(arrival);
        self.note_removal(Some(path));
        Ok(Answer::Done(true))
    }

    async fn demand_import(&mut self, import: &Import) -> Result<(), Error> {
        let (path, mark) = (&import.top.path, Mark::Importing(import.id));
        if self.mark_at(path).await? != Some(mark) {
            return Err(ParcelError::GivenUp { path: path.clone() }.into());
        }
        self.draft.expect_held(Table::Closed.at(path), &mark);
        Ok(())
    }
}
