//! Rows as they come to their ends, read beside the job's actor from the records and the events.
//!
//! ```text
//!   records, from row 1 --all read--> events --dropped before they were read--> records, those that are newer
//! ```
//!
//! What a row's record says was committed with the event that tells of it. So the records of one point in time and the
//! events after it are every end once, and where one is can be said in three numbers: nothing is remembered of rows.

use std::fmt;
use std::ops::Bound;
use std::str::FromStr;

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, Direction, Event, GrowthOrder, Item, ItemEnding, KeyRange, Node, Row, Table, Version, keys,
};

use super::output::item_of;
use super::view::JobView;
use crate::error::Error;
use crate::system::System;
use crate::watchers::{Heard, Watch};

/// How many records are read at a time.
const PAGE: usize = 256;
/// How many commits' events are read at a time; each ends at most 256 rows.
const NEWS: usize = 8;

/// A place among the ends of a job's rows: behind one that was given. As text it is numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultCursor(Place);

/// Where a follower is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Reads records from row `next` on: ends behind `after`, up to commit `through`.
    Records { after: End, through: Version, next: u32 },
    /// Reads the events of ends behind this one.
    Events { after: End },
    /// Reads records in row order, each when it is final.
    InOrder { next: u32 },
}

/// Which end: its commit and its row. A commit's ends are given in row order.
pub(super) type End = (Version, u32);

/// A row that came to its end.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) number: u32,
    pub(super) me: AgentRef,
    pub(super) item: Item,
    /// Behind this row.
    pub(super) place: Place,
}

/// What there is at a look.
pub(super) enum Look {
    /// Rows that came to their ends.
    Found(Vec<Found>),
    /// None for now.
    Nothing,
    /// None any more: the job is final.
    Over,
}

/// A follower of one job.
pub(super) struct Follow {
    system: System,
    path: AgentPath,
    place: Place,
    /// Hears of the job from before the last look on, if that found nothing.
    watch: Option<Watch>,
}

impl Place {
    /// Before every row.
    pub(super) fn start(system: &System, order: GrowthOrder) -> Place {
        match order {
            GrowthOrder::Rows => Place::InOrder { next: 1 },
            GrowthOrder::Ends => Place::Records { after: (0, 0), through: system.store.last(), next: 1 },
        }
    }
}

impl ResultCursor {
    pub(super) fn new(place: Place) -> Self {
        ResultCursor(place)
    }

    pub(super) fn place(self) -> Place {
        self.0
    }
}

impl fmt::Display for ResultCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Place::Records { after: (version, row), through, next } => write!(f, "{version}.{row}.{through}.{next}"),
            Place::Events { after: (version, row) } => write!(f, "{version}.{row}"),
            Place::InOrder { next } => write!(f, "{next}"),
        }
    }
}

impl FromStr for ResultCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = |part: &str| part.parse::<u64>().ok();
        let row = |part: u64| u32::try_from(part).ok();
        let parts: Option<Vec<u64>> = text.split('.').map(number).collect();
        let place = match parts.as_deref() {
            Some(&[version, end, through, next]) => {
                row(end).zip(row(next)).map(|(end, next)| Place::Records { after: (version, end), through, next })
            }
            Some(&[version, end]) => row(end).map(|end| Place::Events { after: (version, end) }),
            Some(&[next]) => row(next).map(|next| Place::InOrder { next }),
            _ => None,
        };
        // What parses in another spelling is nothing that was printed.
        let cursor = place.map(ResultCursor).filter(|cursor| cursor.to_string() == text);
        cursor.ok_or_else(|| Error::BadQuery(format!("{text:?} is no place among results")))
    }
}

impl Follow {
    /// A follower that goes on from a place.
    pub(super) fn new(system: &System, path: &AgentPath, place: Place) -> Self {
        Follow { system: system.clone(), path: path.clone(), place, watch: None }
    }

    /// The next rows that came to their ends, without waiting for any.
    ///
    /// # Errors
    /// The job is closed or not there, or the store failed.
    pub(super) async fn look(&mut self) -> Result<Look, Error> {
        let mut job = None;
        loop {
            let before = self.place;
            let found = match self.place {
                Place::Records { after, through, next } => self.read_records(after, through, next).await?,
                Place::Events { after } => self.read_events(after).await?,
                Place::InOrder { next } => self.read_in_order(next).await?,
            };
            if !found.is_empty() {
                self.watch = None;
                return Ok(Look::Found(found));
            }
            if self.place != before {
                continue;
            }
            match job.take() {
                // Behind this the rows are read once more: what ends later is heard of, and of a job that is final here all
                // ends are on record.
                None => {
                    self.watch = Some(self.system.watchers.watch(&self.path));
                    job = Some(self.system.job(&self.path).await?);
                }
                Some(JobView { job, .. }) if job.state.is_final() => return Ok(Look::Over),
                Some(JobView { closed: Some(at), .. }) => return Err(Error::Closed { path: self.path.clone(), at }),
                Some(_) => return Ok(Look::Nothing),
            }
        }
    }

    /// Waits until there may be something, if the last look found nothing.
    ///
    /// # Errors
    /// What acts for the job has stopped over an error, or the system stops.
    pub(super) async fn wait(&mut self) -> Result<(), Error> {
        // Dropped when it is heard once: what nobody reads shall not pile up there.
        let Some(mut watch) = self.watch.take() else { return Ok(()) };
        match watch.next().await.ok_or(Error::Stopping)? {
            Heard::Told(_) | Heard::Gap => Ok(()),
            Heard::Failed(error) => Err(error),
        }
    }

    async fn read_records(&mut self, after: End, through: Version, next: u32) -> Result<Vec<Found>, Error> {
        let rows = self.page(next).await?;
        let Some(last) = rows.iter().rev().find_map(|row| self.number(row)) else {
            self.place = Place::Events { after: (through, u32::MAX) };
            return Ok(Vec::new());
        };
        self.place = Place::Records { after, through, next: last + 1 };
        let mut found = Vec::new();
        for row in rows {
            let version = row.version;
            let Some((me, number, item)) = item_of(&self.path, row) else { continue };
            if item.state.is_final() && version <= through && after < (version, number) {
                found.push(Found { number, me, item, place: Place::Records { after, through, next: number + 1 } });
            }
        }
        Ok(found)
    }

    async fn read_events(&mut self, after: End) -> Result<Vec<Found>, Error> {
        // Not all of its commit's ends may have been given.
        let whole = if after.1 == u32::MAX { after.0 } else { after.0.saturating_sub(1) };
        let news = self.system.store.news(whole, NEWS).await?;
        if let Some(gap) = news.gap {
            self.place = Place::Records { after, through: gap.max(after.0), next: 1 };
            return Ok(Vec::new());
        }
        let mut ends: Vec<End> = Vec::new();
        for told in &news.told {
            if let Event::ItemsMoved { job, ended, .. } = &told.event
                && job.path == self.path
            {
                let is_last = |ending| !matches!(ending, ItemEnding::Retried | ItemEnding::Released);
                ends.extend(ended.iter().filter(|end| is_last(end.ending)).map(|end| (told.version, end.row)));
            }
        }
        ends.sort_unstable();
        let mut found = Vec::new();
        for end in ends.into_iter().filter(|end| after < *end) {
            let key = Table::Node.at(&keys::item_path(&self.path, end.1)?);
            let row = self.system.store.get::<Node>(&key).await?;
            // One that was written since has come to another end, of which there is another event, or is to come to one.
            let row = row.filter(|row| row.version == end.0);
            if let Some((me, number, item)) = row.and_then(|row| item_of(&self.path, row)) {
                found.push(Found { number, me, item, place: Place::Events { after: end } });
            }
        }
        if news.through > whole {
            self.place = Place::Events { after: (news.through, u32::MAX) };
        }
        Ok(found)
    }

    async fn read_in_order(&mut self, next: u32) -> Result<Vec<Found>, Error> {
        let rows = self.page(next).await?;
        let mut found = Vec::new();
        for (me, number, item) in rows.into_iter().filter_map(|row| item_of(&self.path, row)) {
            if !item.state.is_final() {
                break;
            }
            found.push(Found { number, me, item, place: Place::InOrder { next: number + 1 } });
        }
        if let Some(last) = found.last() {
            self.place = last.place;
        }
        Ok(found)
    }

    /// Records from row `next` on, those of nodes below rows among them.
    async fn page(&self, next: u32) -> Result<Vec<Row<Node>>, Error> {
        // From the row itself: however many lie below the one before it, they are passed over.
        let start = Bound::Included(Table::Node.at(&keys::item_path(&self.path, next)?));
        let range = KeyRange { start, ..Table::Node.beneath(&self.path) };
        Ok(self.system.store.page(range, None, Direction::Forward, PAGE).await?)
    }

    /// The number of the item that a record is of, or lies below.
    fn number(&self, row: &Row<Node>) -> Option<u32> {
        let path = Table::Node.path_of(&row.key)?;
        let item = path.ancestors().find(|above| above.parent().as_ref() == Some(&self.path));
        keys::item_number(&item.unwrap_or(path))
    }
}
