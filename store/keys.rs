//! Where each kind of row lies: a table's tag, then the path it belongs to, so that a subtree is one range of a table.

use sha2::{Digest, Sha256};
use understory_paths::AgentPath;

use crate::records::{InboxKey, MemoryId};
use crate::seam::{Key, KeyRange, Prefix};

/// The longest item id that is a key as it is, in bytes; a longer one is cut and hashed.
const ITEM_ID_MAX: usize = 200;
const ITEM_ID_CUT: usize = 160;
const ITEM_ID_HASH: usize = 16;
/// How much of the hash of a file's name is its key.
const FILE_HASH: usize = 16;

/// A kind of row. The numbers are on disk: they are never given to another kind. A backend keeps `00` and `0e` for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The node at a path. Deleted by the registrar with its subtree. Written by the registrar at creation, then by the node's
    /// own actor.
    Node = 0x01,
    /// Present: closed, or being removed ([`Mark`](crate::Mark)). Written by the registrar.
    Closed = 0x02,
    /// Open agents below a path, where there are any. Written by the registrar.
    Count = 0x03,
    /// Messages to an agent. Appended by anyone, deleted by the agent's actor.
    Inbox = 0x04,
    /// What an agent did. Appended by its actor and its tools.
    Transcript = 0x05,
    /// What a job was asked for. Written once.
    Spec = 0x06,
    /// An item's row, when it does not fit its record.
    Row = 0x07,
    /// An item's result, when it does not fit its record.
    Result = 0x08,
    /// A job's items by their ids.
    ItemId = 0x09,
    /// Jobs that are not final or not exported. Written with the job's record.
    Unfinished = 0x0a,
    /// The newest job of a command, by its fingerprint, below its owner.
    Fingerprint = 0x0b,
    /// Messages that no turn will take. Appended by the agent's actor, never rewritten, and taken away by whoever retries
    /// or drops one.
    Dead = 0x0c,
    /// Nicknames below their parent.
    Nickname = 0x0d,
    /// Parts of payloads over 4 KiB.
    Chunk = 0x0f,
    /// Message ids that were accepted, below the recipient.
    Seen = 0x10,
    /// What was removed at a path, for a while. Written by the registrar.
    Tombstone = 0x16,
    /// Removals in their order, by which tombstones are swept. Written by the registrar.
    Burial = 0x17,
    /// What an agent's role gave it. Written by its actor with the start of a turn.
    Grant = 0x18,
    /// A node's title and labels. Written by whoever patches them, as read; nobody acts on them.
    Card = 0x19,
    /// What is kept of the token that an agent was given. Written by whoever mints one; the newest is good.
    Credential = 0x1c,
    /// Where something was closed and resumed: tokens at and below it that are older are dead. Written by the registrar.
    Reopened = 0x1d,
    /// Where a brain goes on with a conversation of its own. Written by the turn or run that is under way.
    Session = 0x1e,
    /// Where an agent or job works. Written at its creation, by its actor as it is left, and by whoever sets or accepts it.
    Directory = 0x32,
    /// The model and effort that a brain goes on with. Written by the turn or run that is under way, and by whoever sets them.
    BrainSettings = 0x34,
    /// Memories, by their ids, at the path that their scope puts them at. Written by their authors and by operators.
    Memory = 0x24,
    /// How often a memory was recalled. Written by those who recall it, as read.
    MemoryUse = 0x25,
    /// Present: an agent read what nobody vouches for. Written by the agent's turns, taken away by an operator.
    Taint = 0x26,
    /// What an agent is to reach. Written by the registrar with the agent, then by the accountant.
    Goal = 0x20,
    /// What turns have used for a goal and is not counted there yet. Appended by agents' actors, deleted by the accountant.
    Charge = 0x21,
    /// How far an agent has gone on by itself. Written by its actor.
    Drive = 0x22,
    /// The head of an agent's plan. Written by whoever changes the plan, as read.
    Plan = 0x2c,
    /// The nodes of an agent's plan by their numbers. Written with its head.
    PlanNode = 0x2d,
    /// What an import has taken, at the agent that all of it lies below. Written by the import.
    ImportState = 0x29,
    /// What an agent's work came to, in short. Written by whoever closes it or asks for it, as read; nobody acts on it.
    Digest = 0x30,
}

impl Table {
    /// Every table, in key order.
    pub const ALL: [Table; 34] = [
        Table::Node,
        Table::Closed,
        Table::Count,
        Table::Inbox,
        Table::Transcript,
        Table::Spec,
        Table::Row,
        Table::Result,
        Table::ItemId,
        Table::Unfinished,
        Table::Fingerprint,
        Table::Dead,
        Table::Nickname,
        Table::Chunk,
        Table::Seen,
        Table::Tombstone,
        Table::Burial,
        Table::Grant,
        Table::Card,
        Table::Credential,
        Table::Reopened,
        Table::Session,
        Table::Goal,
        Table::Charge,
        Table::Drive,
        Table::Memory,
        Table::MemoryUse,
        Table::Taint,
        Table::ImportState,
        Table::Plan,
        Table::PlanNode,
        Table::Digest,
        Table::Directory,
        Table::BrainSettings,
    ];

    /// The table of a key; nothing if it is of none.
    pub fn of(key: &Key) -> Option<Table> {
        let tag = *key.as_bytes().first()?;
        Table::ALL.into_iter().find(|table| *table as u8 == tag)
    }

    /// The row of `path`.
    pub fn at(self, path: &AgentPath) -> Key {
        Key::new(self.head(path))
    }

    /// The row of `path` called `name`.
    pub fn named(self, path: &AgentPath, name: &[u8]) -> Key {
        let mut key = self.head(path);
        key.push(0);
        key.extend_from_slice(name);
        Key::new(key)
    }

    /// Where rows of `path` are appended.
    pub fn below(self, path: &AgentPath) -> Prefix {
        Prefix::new(self.head(path))
    }

    /// Every row of `path` that has a name or was appended.
    pub fn rows_of(self, path: &AgentPath) -> KeyRange {
        KeyRange::between(self.behind(path), self.behind_rows(path))
    }

    /// Every row of `path` and what lies below it, parents first.
    pub fn subtree(self, path: &AgentPath) -> KeyRange {
        KeyRange::between(self.at(path), self.behind_subtree(path))
    }

    /// Every row of what lies below `path`, without `path` itself.
    pub fn beneath(self, path: &AgentPath) -> KeyRange {
        KeyRange::between(self.followed(path, b'/'), self.behind_subtree(path))
    }

    /// Every row of the paths from `first` to `last`, without what lies below `last`.
    pub fn span(self, first: &AgentPath, last: &AgentPath) -> KeyRange {
        KeyRange::between(self.at(first), self.behind_rows(last))
    }

    /// The first key behind the row of `path` that has no name.
    pub fn behind(self, path: &AgentPath) -> Key {
        self.followed(path, 0)
    }

    /// The first key behind every row of `path` itself.
    pub fn behind_rows(self, path: &AgentPath) -> Key {
        self.followed(path, 1)
    }

    /// The first key behind every row of `path` and what lies below it.
    pub fn behind_subtree(self, path: &AgentPath) -> Key {
        self.followed(path, b'/' + 1)
    }

    /// Every row of the table.
    pub fn all(self) -> KeyRange {
        KeyRange::prefix(&[self as u8])
    }

    /// The path in a key of this table.
    pub fn path_of(self, key: &Key) -> Option<AgentPath> {
        let rest = key.as_bytes().strip_prefix(&[self as u8])?;
        let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
        std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
    }

    fn followed(self, path: &AgentPath, byte: u8) -> Key {
        let mut key = self.head(path);
        key.push(byte);
        Key::new(key)
    }

    fn head(self, path: &AgentPath) -> Vec<u8> {
        let path = path.as_str().as_bytes();
        let mut key = Vec::with_capacity(path.len() + 16);
        key.push(self as u8);
        key.extend_from_slice(path);
        key
    }
}

/// The key of one row of an inbox.
pub fn inbox(path: &AgentPath, row: InboxKey) -> Key {
    Table::Inbox.below(path).key(row.sequence, row.n)
}

/// Which row of its inbox a key names.
pub fn inbox_key(key: &Key) -> Option<InboxKey> {
    let bytes = key.as_bytes();
    let tail = bytes.get(bytes.len().checked_sub(11)?..)?;
    let (sequence, n) = tail.strip_prefix(&[0])?.split_at_checked(8)?;
    Some(InboxKey {
        sequence: u64::from_be_bytes(sequence.try_into().ok()?),
        n: u16::from_be_bytes(n.try_into().ok()?),
    })
}

/// The key of a removal by its number.
pub fn burial(number: u64) -> Key {
    Table::Burial.named(&AgentPath::root(), &number.to_be_bytes())
}

/// Which removal a key names.
pub fn burial_number(key: &Key) -> Option<u64> {
    Some(u64::from_be_bytes(*key.as_bytes().last_chunk()?))
}

/// The key of a plan's node.
pub fn plan_node(path: &AgentPath, number: u32) -> Key {
    Table::PlanNode.named(path, &number.to_be_bytes())
}

/// Which node of its plan a key names.
pub fn plan_number(key: &Key) -> Option<u32> {
    Some(u32::from_be_bytes(*key.as_bytes().last_chunk()?))
}

/// The key of a job's item by its id. One over 200 bytes is known by its first 160 and 16 bytes of its hash.
pub fn item_id(job: &AgentPath, id: &str) -> Key {
    if id.len() <= ITEM_ID_MAX {
        return Table::ItemId.named(job, id.as_bytes());
    }
    let mut name = id.as_bytes()[..ITEM_ID_CUT].to_vec();
    name.extend_from_slice(&Sha256::digest(id)[..ITEM_ID_HASH]);
    Table::ItemId.named(job, &name)
}

/// The key of a memory.
pub fn memory(place: &AgentPath, id: MemoryId) -> Key {
    Table::Memory.named(place, id.as_bytes())
}

/// The key of what a memory was used.
pub fn memory_use(place: &AgentPath, id: MemoryId) -> Key {
    Table::MemoryUse.named(place, id.as_bytes())
}

/// Which memory the key of one, or of its uses, names.
pub fn memory_id(key: &Key) -> Option<MemoryId> {
    let (head, id) = key.as_bytes().split_last_chunk()?;
    head.ends_with(&[0]).then(|| MemoryId::from_u128(u128::from_be_bytes(*id)))
}

/// The key of a conversation that was imported below `top`, by its name.
pub fn imported_thread(top: &AgentPath, name: &str) -> Key {
    Table::ImportState.named(top, format!("t{name}").as_bytes())
}

/// Every row of an import below `top` that is of a file.
pub fn imported_files(top: &AgentPath) -> KeyRange {
    KeyRange::between(Table::ImportState.named(top, b"f"), Table::ImportState.named(top, b"g"))
}

/// The key of a file that an import below `top` has looked at. Of a long name too it is short.
pub fn imported_file(top: &AgentPath, name: &str) -> Key {
    let mut own = b"f".to_vec();
    own.extend_from_slice(&Sha256::digest(name)[..FILE_HASH]);
    Table::ImportState.named(top, &own)
}

/// The path of row `number` of a job, counted from 1.
///
/// # Errors
/// The job lies too deep for a child.
pub fn item_path(job: &AgentPath, number: u32) -> Result<AgentPath, understory_paths::PathError> {
    job.join(&format!("r{number:08}"))
}

/// Which row of its job an item's path names.
pub fn item_number(item: &AgentPath) -> Option<u32> {
    item.name().strip_prefix('r').filter(|digits| digits.len() == 8)?.parse().ok()
}
