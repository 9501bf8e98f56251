//! Mail to a job's items: taken while a run is under way, dropped with it.
//!
//! Whoever writes to an item demands the commit that started its run, so that nothing is accepted for a run that is over. A
//! letter that was committed just before the run's end is found by its event and deleted, or when the job begins again.

use std::collections::BTreeSet;

use understory_paths::AgentPath;
use understory_store::{AgentRef, Direction, Draft, InboxKey, Item, ItemState, Message, Row, Table, keys};

use super::actor::{Held, JobActor};
use super::commit::WRITES_MAX;
use crate::error::Error;
use crate::limits::{IN_HAND_MAX, TEXT_MAX};
use crate::system::System;

/// The most letters that are deleted in one commit.
const LETTERS: usize = 256;
/// How many keys a look for letters reads at a time.
const PAGE: usize = 1024;

impl System {
    /// Whether the item is at a run of this process.
    pub(crate) fn runs(&self, path: &AgentPath, item: &Item) -> bool {
        let (Some(job), Some(number)) = (path.parent(), keys::item_number(path)) else { return false };
        let under_way = |held: &mut Held| held.runs.get(&number).is_some_and(|run| run.is_under_way(item.run));
        matches!(item.state, ItemState::Running { .. }) && self.jobs.held(&job, under_way) == Some(true)
    }

    /// What came for an item behind `after`, as much as a turn may have in hand. Durable.
    pub(crate) async fn letters(&self, item: &AgentRef, after: InboxKey) -> Result<Vec<Row<Message>>, Error> {
        let (range, from) = (Table::Inbox.rows_of(&item.path), keys::inbox(&item.path, after));
        let mut rows = self.store.page::<Message>(range, Some(from), Direction::Forward, IN_HAND_MAX).await?;
        let mut bytes = 0;
        let fit = rows.iter().take_while(|row| {
            bytes += row.value.text.len();
            row.value.to == item.id && bytes <= TEXT_MAX
        });
        let fit = fit.count();
        rows.truncate(fit);
        Ok(rows)
    }
}

impl JobActor {
    /// Notes that an item has mail; what came too late for its run is deleted.
    pub(super) async fn take_mailed(&mut self, number: u32) -> Result<(), Error> {
        let Some(work) = &mut self.work else { return Ok(()) };
        if work.running.contains_key(&number) {
            work.mailed.insert(number);
            return Ok(());
        }
        self.clear_mail(number).await
    }

    /// Deletes the mail of runs that are over, if any of them had some.
    pub(super) async fn clear_mail_of(&mut self, ended: &[u32]) -> Result<(), Error> {
        for number in ended {
            if self.work.as_mut().is_some_and(|work| work.mailed.remove(number)) {
                self.clear_mail(*number).await?;
            }
        }
        Ok(())
    }

    /// Deletes the mail of every item that no run of this process is at.
    pub(super) async fn clear_mail_of_ended(&mut self) -> Result<(), Error> {
        let mut found = BTreeSet::new();
        let mut inboxes = self.system.store.pages(Table::Inbox.beneath(&self.path), PAGE);
        while let Some(keys) = inboxes.keys().await? {
            let paths = keys.iter().filter_map(|key| Table::Inbox.path_of(key));
            let items = paths.filter(|path| path.parent().as_ref() == Some(&self.path));
            found.extend(items.filter_map(|path| keys::item_number(&path)));
        }
        for number in found {
            self.take_mailed(number).await?;
        }
        Ok(())
    }

    /// Deletes what lies in an item's inbox from before its run.
    async fn clear_mail(&mut self, number: u32) -> Result<(), Error> {
        let path = keys::item_path(&self.path, number)?;
        let run = self.work.as_ref().and_then(|work| work.running.get(&number)).map(|row| row.version);
        loop {
            let rows = self.system.store.peek_page::<Message>(Table::Inbox.rows_of(&path), None, LETTERS).await?;
            let late = |row: &Row<Message>| run.is_none_or(|run| row.version < run);
            let mut rows: Vec<_> = rows.into_iter().filter(late).collect();
            if rows.is_empty() {
                return Ok(());
            }
            let mut draft = Draft::new();
            let fit = rows.iter().take_while(|row| {
                let fits = draft.writes() < WRITES_MAX;
                fits.then(|| draft.remove(row));
                fits
            });
            let fit = fit.count();
            rows.truncate(fit);
            let leaving = vec![self.system.inboxes.leave(&path, &rows)];
            self.system.inboxes.commit(&self.system.store, draft, leaving).await?;
        }
    }
}
