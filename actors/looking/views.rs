//! Views of nodes that were read: what lies beside them, read for all of them together.

use std::collections::{HashMap, HashSet};

use understory_paths::AgentPath;
use understory_store::{AgentId, Card, ItemState, JobState, KeyRange, Node, Phase, Row, Table, keys};

use super::View;
use crate::error::Error;
use crate::pausing::Waits;
use crate::system::{System, node_at};

/// How many keys are read at a time.
const KEYS: usize = 256;

impl System {
    /// The views of rows in the order they are in, which is that of a stretch read either way. Tasks are not told.
    pub(crate) async fn views(&self, rows: Vec<Row<Node>>) -> Result<Vec<View>, Error> {
        let paths: Vec<AgentPath> = rows.iter().filter_map(|row| Table::Node.path_of(&row.key)).collect();
        let ends = (paths.iter().min().cloned(), paths.iter().max().cloned());
        let (Some(first), Some(last)) = ends else { return Ok(Vec::new()) };
        let closed = self.marks(&first, &last).await?;
        let with_mail = self.with_mail(&first, &last).await?;
        let (mut views, mut cancelled) = (Vec::with_capacity(rows.len()), HashMap::new());
        for (path, row) in paths.into_iter().zip(rows) {
            let mut up = std::iter::once(path.clone()).chain(path.ancestors());
            let closed = up.find(|at| closed.contains(at));
            let may_start = matches!(&row.value, Node::Agent(agent) if matches!(agent.phase, Phase::Ready { .. }));
            let queued =
                may_start && with_mail.contains(&path) && crate::waiting::has_trigger(&self.store, &path).await?;
            let called_off = self.is_called_off(&path, &row.value, &mut cancelled).await?;
            let (waits, at) = (self.waits_of(&path, &row.value), self.clock.now());
            let card = Card::blank(row.value.id());
            views.push(View { path, node: row.value, closed, queued, called_off, waits, card, task: None, at });
        }
        // Read last, and it waits for its sync: whatever was seen ahead of one is durable when this is.
        let mut cards = self.cards(&first, &last).await?;
        for view in &mut views {
            if let Some(card) = cards.remove(&(view.path.clone(), view.card.of)) {
                view.card = card;
            }
        }
        Ok(views)
    }

    /// Whether a node is an item that waits in a job that is cancelled. `known` is what was found of jobs.
    async fn is_called_off(
        &self,
        path: &AgentPath,
        node: &Node,
        known: &mut HashMap<AgentPath, bool>,
    ) -> Result<bool, Error> {
        let waits = matches!(node, Node::Item(item) if matches!(item.state, ItemState::Pending { .. }));
        let Some(job) = path.parent().filter(|_| waits) else { return Ok(false) };
        if let Some(known) = known.get(&job) {
            return Ok(*known);
        }
        let row = node_at(&self.store, &job).await?;
        let cancels = |state: &JobState| matches!(state, JobState::Cancelling { .. } | JobState::Cancelled { .. });
        let is = row.is_some_and(|row| matches!(&row.value, Node::Job(job) if cancels(&job.state)));
        known.insert(job, is);
        Ok(is)
    }

    /// Titles and labels of those from `first` to `last`.
    async fn cards(&self, first: &AgentPath, last: &AgentPath) -> Result<HashMap<(AgentPath, AgentId), Card>, Error> {
        let (mut pages, mut found) = (self.store.pages(Table::Card.span(first, last), KEYS), HashMap::new());
        while let Some(rows) = pages.next::<Card>().await? {
            let card = |row: Row<Card>| Some(((Table::Card.path_of(&row.key)?, row.value.of), row.value));
            found.extend(rows.into_iter().filter_map(card));
        }
        Ok(found)
    }

    /// The nodes that are closed themselves, of those from `first` to `last` and above the first.
    async fn marks(&self, first: &AgentPath, last: &AgentPath) -> Result<HashSet<AgentPath>, Error> {
        let above: Vec<AgentPath> = first.ancestors().collect();
        let marks = self.store.versions(above.iter().map(|path| Table::Closed.at(path)).collect()).await?;
        let mut closed: HashSet<_> =
            above.into_iter().zip(marks).filter_map(|(path, mark)| mark.map(|_| path)).collect();
        self.each_path(Table::Closed, first, last, |path| closed.extend([path])).await?;
        Ok(closed)
    }

    /// Those from `first` to `last` in whose inbox something lies.
    async fn with_mail(&self, first: &AgentPath, last: &AgentPath) -> Result<HashSet<AgentPath>, Error> {
        let mut found = HashSet::new();
        self.each_path(Table::Inbox, first, last, |path| found.extend([path])).await?;
        Ok(found)
    }

    /// The paths from `first` to `last` that have rows in a table; how many rows one has costs nothing.
    async fn each_path(
        &self,
        table: Table,
        first: &AgentPath,
        last: &AgentPath,
        mut found: impl FnMut(AgentPath),
    ) -> Result<(), Error> {
        let (mut start, end) = (table.at(first), table.behind_rows(last));
        loop {
            let page = self.store.peek_keys(KeyRange::between(start, end.clone()), None, KEYS).await?;
            let next = page.last().and_then(|key| table.path_of(key)).map(|path| table.behind_rows(&path));
            page.iter().filter_map(|key| table.path_of(key)).for_each(&mut found);
            match next {
                Some(next) if page.len() == KEYS && next < end => start = next,
                _ => return Ok(()),
            }
        }
    }

    fn waits_of(&self, path: &AgentPath, node: &Node) -> Option<Waits> {
        match node {
            Node::Agent(agent) => {
                let turn = agent.running()?.turn;
                self.agents.held(path, |held| held.waits(turn))?
            }
            Node::Item(item) if matches!(item.state, ItemState::Running { .. }) => {
                let (job, number) = path.parent().zip(keys::item_number(path))?;
                self.jobs.held(&job, |held| held.waits(number, item.run))?
            }
            _ => None,
        }
    }
}
