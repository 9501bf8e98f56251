//! What is in a row, and what becomes of it where its subtree comes to lie elsewhere.
//!
//! Every value is decoded as the record it must be. Whoever is named by path and lies in the subtree is named where he comes
//! to be; texts are not touched.

use understory_paths::{AgentPath, PathError};

use super::{ParcelRow, Verbatim};
use crate::keys::Table;
use crate::records::{
    AgentRef, BrainSettings, Card, Charge, Creation, DeadLetter, DecodeError, Digest, Directory, Drive, Goal, GoalRef,
    Grant, ImportState, JobSpec, Mark, Memory, MemoryUse, Message, Node, Plan, PlanNode, Pointer, Record, Sender,
    Session, Taint, TranscriptEntry,
};
use crate::seam::{KEY_MAX, Key};

/// Why a row cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("is of no table whose rows travel")]
    Table,
    #[error("is not of the subtree")]
    Path,
    #[error("is too long")]
    Size,
    #[error("is not in its place")]
    Order,
    #[error("marks what is not there for good")]
    Mark,
    #[error("has its budget from a goal that is not of the subtree")]
    Budget,
    #[error("would lie too deep or too long: {0}")]
    Long(#[from] PathError),
    #[error("cannot be read: {0}")]
    Damaged(#[from] DecodeError),
}

/// Where a subtree was, and where it comes to lie.
struct Move<'a> {
    from: &'a AgentPath,
    to: &'a AgentPath,
}

/// The row as it is written where the subtree comes to lie.
pub(super) fn moved(row: &ParcelRow, from: &AgentPath, to: &AgentPath) -> Result<ParcelRow, Unfit> {
    let ParcelRow { key, value } = row;
    let table = Table::of(key).ok_or(Unfit::Table)?;
    let by = Move { from, to };
    let rewritten = by.value(table, &value.0)?;
    if from == to {
        return Ok(row.clone());
    }
    Ok(ParcelRow { key: by.key(table, key)?, value: Verbatim(rewritten) })
}

impl Move<'_> {
    /// The value with everybody named where he comes to be. Whoever adds a table says here whom its rows name.
    fn value(&self, table: Table, value: &[u8]) -> Result<Vec<u8>, Unfit> {
        match table {
            Table::Node => Ok(self.node(Node::decode(value)?)?.encode()),
            Table::Inbox => Ok(self.message(Message::decode(value)?)?.encode()),
            Table::Transcript => Ok(self.entry(TranscriptEntry::decode(value)?)?.encode()),
            Table::Dead => Ok(self.letter(DeadLetter::decode(value)?)?.encode()),
            Table::Nickname | Table::Fingerprint => Ok(Pointer(self.path(&Pointer::decode(value)?.0)?).encode()),
            Table::Goal => Ok(self.goal(Goal::decode(value)?)?.encode()),
            Table::Charge => Ok(self.charge(Charge::decode(value)?)?.encode()),
            Table::Memory => Ok(self.memory(Memory::decode(value)?)?.encode()),
            Table::ImportState => Ok(self.import(ImportState::decode(value)?)?.encode()),
            Table::Plan => Ok(self.plan(Plan::decode(value)?)?.encode()),
            Table::PlanNode => Ok(self.plan_node(PlanNode::decode(value)?)?.encode()),
            // These name nobody by path.
            Table::Closed => kept::<Mark>(value),
            Table::Count | Table::ItemId | Table::Seen => kept::<u64>(value),
            Table::Spec => kept::<JobSpec>(value),
            Table::Row | Table::Result => kept::<String>(value),
            Table::Unfinished => kept::<()>(value),
            Table::Grant => kept::<Grant>(value),
            Table::Card => kept::<Card>(value),
            Table::Session => kept::<Session>(value),
            Table::BrainSettings => kept::<BrainSettings>(value),
            Table::Directory => kept::<Directory>(value),
            Table::Drive => kept::<Drive>(value),
            Table::MemoryUse => kept::<MemoryUse>(value),
            Table::Taint => kept::<Taint>(value),
            // It calls children what their parent calls them.
            Table::Digest => kept::<Digest>(value),
            Table::Chunk | Table::Tombstone | Table::Burial | Table::Credential | Table::Reopened => Err(Unfit::Table),
        }
    }

    fn node(&self, mut node: Node) -> Result<Node, Unfit> {
        if let Node::Agent(agent) = &mut node
            && let Creation::By { creator, .. } = &mut agent.creation
        {
            self.rename([creator])?;
        }
        Ok(node)
    }

    fn message(&self, mut message: Message) -> Result<Message, Unfit> {
        if let Sender::Agent(agent) = &mut message.from {
            self.rename([agent])?;
        }
        Ok(message)
    }

    fn entry(&self, entry: TranscriptEntry) -> Result<TranscriptEntry, Unfit> {
        Ok(match entry {
            TranscriptEntry::Message { turn, message } => {
                TranscriptEntry::Message { turn, message: self.message(message)? }
            }
            other => other,
        })
    }

    fn letter(&self, letter: DeadLetter) -> Result<DeadLetter, Unfit> {
        Ok(DeadLetter { message: self.message(letter.message)?, ..letter })
    }

    fn goal(&self, goal: Goal) -> Result<Goal, Unfit> {
        Ok(Goal { source: self.source(goal.source)?, ..goal })
    }

    fn charge(&self, charge: Charge) -> Result<Charge, Unfit> {
        Ok(Charge { source: self.source(charge.source)?, ..charge })
    }

    fn memory(&self, mut memory: Memory) -> Result<Memory, Unfit> {
        self.rename(memory.author.as_mut())?;
        Ok(memory)
    }

    fn import(&self, mut state: ImportState) -> Result<ImportState, Unfit> {
        if let ImportState::Thread(thread) = &mut state {
            self.rename([&mut thread.agent])?;
        }
        Ok(state)
    }

    fn plan(&self, mut plan: Plan) -> Result<Plan, Unfit> {
        self.rename(plan.jobs.iter_mut().map(|job| &mut job.job))?;
        Ok(plan)
    }

    fn plan_node(&self, mut node: PlanNode) -> Result<PlanNode, Unfit> {
        self.rename(node.owner.as_mut())?;
        Ok(node)
    }

    /// The goal that a budget is from, which must be of the subtree: what is left of one outside is not known there.
    fn source(&self, source: Option<GoalRef>) -> Result<Option<GoalRef>, Unfit> {
        let Some(GoalRef { path, id }) = source else { return Ok(None) };
        if !self.from.contains(&path) {
            return Err(Unfit::Budget);
        }
        Ok(Some(GoalRef { path: self.path(&path)?, id }))
    }

    fn rename<'r>(&self, named: impl IntoIterator<Item = &'r mut AgentRef>) -> Result<(), Unfit> {
        named.into_iter().try_for_each(|agent| {
            agent.path = self.path(&agent.path)?;
            Ok(())
        })
    }

    fn key(&self, table: Table, key: &Key) -> Result<Key, Unfit> {
        let path = table.path_of(key).ok_or(Unfit::Path)?;
        let to = self.path(&path)?;
        let rest = &key.as_bytes()[1 + path.as_str().len()..];
        let key = Key::new([table.at(&to).as_bytes(), rest].concat());
        if key.as_bytes().len() > KEY_MAX { Err(Unfit::Size) } else { Ok(key) }
    }

    fn path(&self, path: &AgentPath) -> Result<AgentPath, PathError> {
        match path.as_str().strip_prefix(self.from.as_str()) {
            Some(below) if self.from.contains(path) => format!("{}{below}", self.to).parse(),
            _ => Ok(path.clone()),
        }
    }
}

/// The value of a record that names nobody by path.
fn kept<R: Record>(value: &[u8]) -> Result<Vec<u8>, Unfit> {
    R::decode(value)?;
    Ok(value.to_vec())
}
