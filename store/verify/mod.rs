//! Reads a whole store and says what does not fit together.
//!
//! ```text
//! node     |--> decodes, has a parent, counts of open agents below it recounted on a stack
//! closed   |
//! count    |    rows of these tables are met in path order beside the nodes, so that no more than
//! spec     |--> the way from the root is held, however large the store is
//! inbox ...|
//! tombstone --> the burial that it is swept by, and nothing at its path
//! chunk    ---> parts against the heads that name them
//! events   ---> decode
//! ```
//!
//! It reads through the seam and changes nothing. Damage is listed, and reading goes on behind it. It knows of no writer:
//! what is written while it reads may be reported though it fits.

mod chunks;
mod cursor;
mod goal;
mod index;
mod item;
mod lane;
mod memory;
mod plan;
mod removed;
mod report;
#[cfg(test)]
mod tests;
mod tree;

pub use report::{Problem, Verified};

use self::report::Report;
use self::tree::Tree;
use crate::error::StoreError;
use crate::keys::Table;
use crate::seam::{KEY_MAX, Key, KeyRange};
use crate::store::Store;

/// How many commits' events are read at a time.
const NEWS: usize = 256;

impl Store {
    /// Reads every row, recounts what is counted and follows every index both ways. Nobody should write meanwhile.
    ///
    /// It reads in pages and holds little of a store of any size; ten million rows take minutes.
    ///
    /// # Errors
    /// The store cannot be read at all. Damage is no error but in the answer.
    pub async fn verify(&self) -> Result<Verified, StoreError> {
        let mut report = Report::default();
        Tree::new(self.backend()).walk(&mut report).await?;
        removed::check(self.backend(), &mut report).await?;
        chunks::check(self.backend(), &mut report).await?;
        strays(self, &mut report).await?;
        events(self, &mut report).await?;
        Ok(report.finish())
    }
}

/// Finds rows between and behind the tables.
async fn strays(store: &Store, report: &mut Report) -> Result<(), StoreError> {
    for range in gaps() {
        let mut rows = cursor::Cursor::new(store.backend(), range);
        while let Some(step) = rows.next().await? {
            report.row();
            report.problem(step.key().to_string(), "it is a row of no known table");
        }
    }
    Ok(())
}

/// What lies before, between and behind the tables.
fn gaps() -> impl Iterator<Item = KeyRange> {
    let first = |table: Table| Key::new(vec![table as u8]);
    let behind = |table: Table| Key::new(vec![table as u8 + 1]);
    let starts = [Key::new(vec![0])].into_iter().chain(Table::ALL.map(behind));
    let ends = Table::ALL.map(first).into_iter().chain([Key::new(vec![0xff; KEY_MAX + 1])]);
    starts.zip(ends).map(|(start, end)| KeyRange::between(start, end))
}

async fn events(store: &Store, report: &mut Report) -> Result<(), StoreError> {
    let (mut after, last) = (0, store.last());
    while after < last {
        match store.news(after, NEWS).await {
            Ok(news) => after = news.through.max(after + 1),
            // What follows cannot be found without what was damaged.
            Err(StoreError::Damaged { place, what }) => {
                report.problem(format!("events after {after}, at {place}"), what);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
