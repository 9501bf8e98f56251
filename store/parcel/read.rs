//! Reading one: as a whole first, and nothing of it is taken if anything in it is not what it must be.

use std::path::Path;

use understory_paths::AgentPath;

use super::moving::{self, Unfit};
use super::{KIND, Parcel, ParcelRow, ROWS, TAIL, TOP, Verbatim, sequence, travels};
use crate::archive::Reader;
use crate::error::StoreError;
use crate::keys::Table;
use crate::records::{Mark, Node, Record};
use crate::seam::{COMMIT_BYTES_MAX, KEY_MAX, Key};

/// A parcel that was checked. Reads where it is called.
pub struct ParcelReader {
    file: Reader,
    top: AgentPath,
    to: AgentPath,
    node: Node,
    open: u64,
    parcel: Parcel,
}

/// What is met on the way through the rows.
#[derive(Default)]
struct Order {
    parcel: Parcel,
    open: u64,
    last: Option<Key>,
    /// The nodes from the top to the one that was met last.
    way: Vec<AgentPath>,
}

impl ParcelReader {
    /// Opens a parcel and reads it to its end. `to` is where its rows are to come, if not where they were: then what in them
    /// names a node of the subtree names it there. `met` is shown each row as it is to be written, in order, until one is no
    /// good.
    ///
    /// # Errors
    /// The file cannot be read, was cut or changed, or holds what no subtree has; or what is in it cannot come to lie at `to`.
    pub fn open(file: &Path, to: Option<&AgentPath>, mut met: impl FnMut(&ParcelRow)) -> Result<Self, StoreError> {
        let mut file = Reader::open(file, KIND)?;
        let top = read_top(&mut file)?;
        let to = to.unwrap_or(&top).clone();
        let (mut order, mut node) = (Order::default(), None);
        while let Some((tag, record)) = file.next()? {
            match tag {
                ROWS => {
                    let rows = rows(record).ok_or_else(|| unread(&file))?;
                    for row in &rows {
                        let moved = order
                            .meet(row, &top)
                            .and_then(|()| moving::moved(row, &top, &to))
                            .map_err(|unfit| file.bad(format!("the row {} {unfit}", row.key)))?;
                        if node.is_none() {
                            let decoded = Node::decode(&moved.value.0);
                            node = Some(decoded.map_err(|error| file.bad(format!("its top: {error}")))?);
                        }
                        met(&moved);
                    }
                }
                TAIL if order.ends_with(record) => {}
                _ => return Err(unread(&file)),
            }
        }
        let node = node.ok_or_else(|| unread(&file))?;
        let parcel = Parcel { bytes: file.length(), ..order.parcel };
        file.rewind()?;
        read_top(&mut file)?;
        Ok(ParcelReader { file, top, to, node, open: order.open, parcel })
    }

    /// Where its top was.
    pub fn top(&self) -> &AgentPath {
        &self.top
    }

    /// Its top's record.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// How many open agents lie below its top, once that is open.
    pub fn open_below(&self) -> u64 {
        self.open
    }

    /// What it holds.
    pub fn parcel(&self) -> Parcel {
        self.parcel
    }

    /// Some of the rows, as they are to be written; nothing at the end of what is still as it was when it was checked.
    ///
    /// # Errors
    /// The file cannot be read, or was changed since.
    pub fn take(&mut self) -> Result<Option<Vec<ParcelRow>>, StoreError> {
        while let Some((tag, record)) = self.file.next()? {
            if tag == ROWS {
                let rows = rows(record).ok_or_else(|| unread(&self.file))?;
                let moved: Result<Vec<ParcelRow>, Unfit> =
                    rows.iter().map(|row| moving::moved(row, &self.top, &self.to)).collect();
                return moved.map(Some).map_err(|unfit| self.file.bad(unfit.to_string()));
            }
        }
        Ok(None)
    }
}

impl Order {
    /// Whether a row may come here.
    fn meet(&mut self, row: &ParcelRow, top: &AgentPath) -> Result<(), Unfit> {
        let ParcelRow { key, value } = row;
        let table = Table::of(key).filter(|table| travels(*table)).ok_or(Unfit::Table)?;
        let path = table.path_of(key).filter(|path| top.contains(path)).ok_or(Unfit::Path)?;
        if key.as_bytes().len() > KEY_MAX || value.0.len() >= COMMIT_BYTES_MAX {
            return Err(Unfit::Size);
        }
        if self.last.as_ref().is_some_and(|last| last >= key) || (self.last.is_none() && *key != Table::Node.at(top)) {
            return Err(Unfit::Order);
        }
        match table {
            Table::Node => self.descend(&path, key)?,
            Table::Count if *key == Table::Count.at(top) => self.open = u64::decode(&value.0)?,
            Table::Closed if path == *top || Mark::decode(&value.0)? != Mark::Closed => return Err(Unfit::Mark),
            _ => {}
        }
        self.parcel.rows += 1;
        self.parcel.newest = self.parcel.newest.max(sequence(key, &path).unwrap_or_default());
        self.last = Some(key.clone());
        Ok(())
    }

    fn descend(&mut self, path: &AgentPath, key: &Key) -> Result<(), Unfit> {
        while self.way.pop_if(|above| path.parent().as_ref() != Some(above)).is_some() {}
        if *key != Table::Node.at(path) || (self.way.is_empty() && self.last.is_some()) {
            return Err(Unfit::Order);
        }
        self.way.push(path.clone());
        Ok(())
    }

    fn ends_with(&self, record: &[u8]) -> bool {
        record == [self.parcel.rows, self.parcel.newest].map(u64::to_be_bytes).concat()
    }
}

fn read_top(file: &mut Reader) -> Result<AgentPath, StoreError> {
    let top = match file.next()? {
        Some((TOP, path)) => std::str::from_utf8(path).ok().and_then(|path| path.parse().ok()),
        _ => None,
    };
    top.ok_or_else(|| unread(file))
}

fn rows(mut record: &[u8]) -> Option<Vec<ParcelRow>> {
    let mut rows = Vec::new();
    while !record.is_empty() {
        let (key_length, rest) = record.split_first_chunk()?;
        let (value_length, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u16::from_be_bytes(*key_length).into())?;
        let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*value_length) as usize)?;
        rows.push(ParcelRow { key: Key::new(key.to_vec()), value: Verbatim(value.to_vec()) });
        record = rest;
    }
    Some(rows)
}

fn unread(file: &Reader) -> StoreError {
    file.bad("its records are not those of a subtree")
}
