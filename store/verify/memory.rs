//! Memories, how often they were used, and marks of those who read what nobody vouches for.

use understory_paths::AgentPath;

use super::index::next;
use super::lane::{Lane, Stands, look_up};
use super::report::{Report, place};
use crate::error::StoreError;
use crate::keys::{self, Table};
use crate::records::{Memory, MemoryUse, Node, Taint};
use crate::seam::{Backend, Entry};

/// The tables of them.
pub(super) struct Memories<'a> {
    backend: &'a dyn Backend,
    memories: Lane<'a>,
    uses: Lane<'a>,
    taints: Lane<'a>,
}

impl<'a> Memories<'a> {
    pub(super) fn new(backend: &'a dyn Backend) -> Self {
        let lane = |table| Lane::new(backend, table);
        Memories { backend, memories: lane(Table::Memory), uses: lane(Table::MemoryUse), taints: lane(Table::Taint) }
    }

    /// Checks what lies at one path, whose paths come in order; `node` is what it must belong to.
    pub(super) async fn visit(
        &mut self,
        path: &AgentPath,
        node: Option<&Node>,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        while let Some((entry, memory)) = next::<Memory>(&mut self.memories, path, report).await? {
            if let Some(what) = node.and_then(|node| misplaced(path, node, &entry, &memory)) {
                report.problem(place(Table::Memory, &entry.key), what);
            }
        }
        while let Some((entry, _)) = next::<MemoryUse>(&mut self.uses, path, report).await? {
            let id = keys::memory_id(&entry.key);
            let memory = match id {
                Some(id) => look_up::<Memory>(self.backend, keys::memory(path, id)).await?,
                None => Stands::Absent,
            };
            if node.is_some() && memory.is_absent() {
                report.problem(place(Table::MemoryUse, &entry.key), "there is no memory of its name");
            }
        }
        if let (Stands::There(taint), Some(node)) = (self.taints.only_at::<Taint>(path, report).await?, node)
            && taint.of != node.id()
        {
            report.at(Table::Taint, path, "it is another's, which was removed");
        }
        Ok(())
    }

    /// What is left belongs to no node.
    pub(super) async fn end(&mut self, report: &mut Report) -> Result<(), StoreError> {
        for lane in [&mut self.memories, &mut self.uses, &mut self.taints] {
            lane.end(report).await?;
        }
        Ok(())
    }
}

fn misplaced(path: &AgentPath, node: &Node, entry: &Entry, memory: &Memory) -> Option<&'static str> {
    if keys::memory_id(&entry.key).is_none_or(|id| keys::memory(path, id) != entry.key) {
        return Some("its key has no id behind the path");
    }
    if memory.of != node.id() {
        return Some("it is another's, which was removed");
    }
    (memory.scope.is_shared() && *path != AgentPath::root()).then_some("it is for all, and does not lie at the root")
}
