//! Lists: which nodes, in which order, and which page of them.

use std::cmp::Reverse;

use understory_paths::AgentPath;
use understory_store::{Direction, Node, Row, Table, Time};

use super::cursor::{Cursor, Place};
use super::stretch::Stretch;
use super::{View, active, created};
use crate::error::Error;
use crate::system::{System, node_at};

/// The most rows of one page.
pub const LIST_MAX: usize = 500;
/// How many rows are read at a time where some are left out.
const PAGE: usize = 256;
/// How many rows are read at the least.
const FEW: usize = 16;

/// Every word that a status may be.
pub const STATUSES: [&str; 14] = [
    "closed",
    "faulted",
    "waiting",
    "running",
    "queued",
    "completed",
    "errored",
    "interrupted",
    "idle",
    "importing",
    "cancelling",
    "cancelled",
    "failed",
    "pending",
];

/// What is to be listed. A node is listed if everything asked for holds of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// It and what lies below it.
    pub top: AgentPath,
    /// How they stand, one of [`STATUSES`] each; however they do, if none is named.
    pub statuses: Vec<String>,
    /// Their role.
    pub role: Option<String>,
    /// How many levels below the top.
    pub depth: Option<usize>,
    /// A part of the path, nickname, title, a label's key or value, or the task, whatever its case.
    pub text: Option<String>,
    /// Of which kinds. If none is named: agents and jobs, and nothing of what lies below a job, but for the top and what is
    /// above it.
    pub kinds: Vec<Kind>,
    /// In which order.
    pub order: Order,
    /// Which page.
    pub part: Part,
    /// How many rows, from 1 to [`LIST_MAX`].
    pub limit: usize,
}

/// A kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Someone who takes messages.
    Agent,
    /// A table of items.
    Job,
    /// One row of a job.
    Item,
}

/// What a list is ordered by. Nodes of one moment are in path order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By path, parents first. Only as much is read as it takes to fill the page.
    #[default]
    Path,
    /// By creation, the newest first. Everything is read.
    Created,
    /// By the last activity, the newest first. Everything is read; what was active since the page before comes to the front.
    Active,
}

/// Which page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The first.
    #[default]
    First,
    /// The one behind a place.
    After(Cursor),
    /// The one before a place.
    Before(Cursor),
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Its rows.
    pub rows: Vec<View>,
    /// Where the next page begins, if there is more.
    pub next: Option<Cursor>,
    /// Where the page before ends. There may be nothing there any more.
    pub previous: Option<Cursor>,
}

impl Query {
    /// The first 100 agents and jobs at and below `top`.
    pub fn of(top: AgentPath) -> Self {
        let (order, part) = (Order::Path, Part::First);
        let (statuses, kinds) = (Vec::new(), Vec::new());
        Query { top, statuses, role: None, depth: None, text: None, kinds, order, part, limit: 100 }
    }

    /// Whether something more than the kind and depth is asked for.
    fn filters(&self) -> bool {
        !self.statuses.is_empty() || self.role.is_some() || self.text.is_some() || !self.kinds.is_empty()
    }

    fn direction(&self) -> Direction {
        match self.part {
            Part::Before(_) => Direction::Backward,
            _ => Direction::Forward,
        }
    }

    fn stretch(&self, direction: Direction) -> Stretch {
        Stretch::of(&self.top, self.depth, !self.kinds.contains(&Kind::Item), direction)
    }

    fn has_kind(&self, node: &Node) -> bool {
        let kind = match node {
            Node::Job(_) => Kind::Job,
            Node::Item(_) => Kind::Item,
            _ => Kind::Agent,
        };
        match self.kinds.as_slice() {
            [] => kind != Kind::Item,
            kinds => kinds.contains(&kind),
        }
    }

    fn has_role(&self, node: &Node) -> bool {
        let Some(wanted) = &self.role else { return true };
        matches!(node, Node::Agent(agent) if agent.role == *wanted)
    }

    fn has_status(&self, view: &View) -> bool {
        self.statuses.is_empty() || self.statuses.iter().any(|wanted| wanted == view.status())
    }

    fn demand_good(&self) -> Result<(), Error> {
        if let Some(unknown) = self.statuses.iter().find(|status| !STATUSES.contains(&status.as_str())) {
            return Err(Error::BadQuery(format!("{unknown:?} is no status; they are {}", STATUSES.join(", "))));
        }
        if self.limit == 0 || self.limit > LIST_MAX {
            return Err(Error::BadQuery(format!("a page has 1 to {LIST_MAX} rows, not {}", self.limit)));
        }
        match &self.part {
            Part::After(cursor) | Part::Before(cursor) if cursor.order != self.order => {
                let (given, asked) = (cursor.order.word(), self.order.word());
                Err(Error::BadQuery(format!("the cursor is of a list by {given}, and this is one by {asked}")))
            }
            _ => Ok(()),
        }
    }
}

impl Order {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Order::Path => "path",
            Order::Created => "created",
            Order::Active => "active",
        }
    }

    pub(super) fn letter(self) -> char {
        match self {
            Order::Path => 'p',
            Order::Created => 'c',
            Order::Active => 'a',
        }
    }

    pub(super) fn of_letter(letter: char) -> Option<Order> {
        [Order::Path, Order::Created, Order::Active].into_iter().find(|order| order.letter() == letter)
    }

    fn place(self, path: AgentPath, node: &Node) -> Place {
        let time = match self {
            Order::Path => None,
            Order::Created => created(node),
            Order::Active => active(node),
        };
        (Reverse(time.unwrap_or(Time(0))), path)
    }
}

impl Part {
    fn admits(&self, place: &Place) -> bool {
        match self {
            Part::First => true,
            Part::After(cursor) => cursor.precedes(place),
            Part::Before(cursor) => !cursor.precedes(place),
        }
    }
}

impl System {
    /// A page of a list. Pages that follow each other by their cursors have every row once that was there throughout, however
    /// many came and went in between; in the order of activity, every one at which nothing happened meanwhile.
    ///
    /// # Errors
    /// Nothing lies at the top, the query is not one, or the store failed.
    pub async fn query(&self, query: &Query) -> Result<Listing, Error> {
        query.demand_good()?;
        if node_at(&self.store, &query.top).await?.is_none() {
            return Err(self.missing(&query.top).await);
        }
        let mut found = match query.order {
            Order::Path => self.by_path(query).await?,
            order => self.by_time(query, order).await?,
        };
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        if query.direction() == Direction::Backward {
            found.reverse();
        }
        let (next, previous) = ends(query, &found, more);
        let mut rows = Vec::with_capacity(found.len());
        for (_, mut view) in found {
            self.tell_task(&mut view).await?;
            rows.push(view);
        }
        Ok(Listing { rows, next, previous })
    }

    /// The first rows behind or before the cursor, one more than asked for if there is one.
    async fn by_path(&self, query: &Query) -> Result<Vec<(Place, View)>, Error> {
        let mut stretch = query.stretch(query.direction());
        match &query.part {
            Part::First => {}
            Part::After(cursor) => stretch = stretch.from(cursor.key()),
            Part::Before(cursor) => stretch = stretch.up_to(cursor.key()),
        }
        let mut found: Vec<(Place, View)> = Vec::new();
        loop {
            let left = (query.limit + 1).saturating_sub(found.len());
            let limit = if query.filters() { PAGE } else { left.max(FEW) };
            let Some(rows) = (if left > 0 { stretch.next(&self.store, limit).await? } else { None }) else {
                return Ok(found);
            };
            let views = self.matching(query, rows).await?;
            found.extend(views.into_iter().map(|view| (Order::Path.place(view.path.clone(), &view.node), view)));
        }
    }

    /// As [`System::by_path`] in an order for which everything is looked through.
    async fn by_time(&self, query: &Query, order: Order) -> Result<Vec<(Place, View)>, Error> {
        let (mut stretch, wanted) = (query.stretch(Direction::Forward), query.limit + 1);
        let mut best: Vec<Place> = Vec::new();
        let nearest = |best: &mut Vec<Place>| {
            best.sort_unstable();
            match query.direction() {
                Direction::Forward => best.truncate(wanted),
                Direction::Backward => drop(best.drain(..best.len().saturating_sub(wanted))),
            }
        };
        while let Some(rows) = stretch.next(&self.store, PAGE).await? {
            let place = |row: &Row<Node>| Some(order.place(Table::Node.path_of(&row.key)?, &row.value));
            let beyond = |row: &Row<Node>| place(row).is_some_and(|place| query.part.admits(&place));
            let rows = rows.into_iter().filter(beyond).collect();
            let views = self.matching(query, rows).await?;
            best.extend(views.into_iter().map(|view| order.place(view.path, &view.node)));
            if best.len() > 4 * wanted + PAGE {
                nearest(&mut best);
            }
        }
        nearest(&mut best);
        if query.direction() == Direction::Backward {
            best.reverse();
        }
        let mut found = Vec::with_capacity(best.len());
        for place in best {
            match self.show(&place.1).await {
                Ok(view) => found.push((place, view)),
                // It was removed since it was passed.
                Err(Error::NotFound { .. } | Error::Removed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Views of those rows that are asked for.
    async fn matching(&self, query: &Query, mut rows: Vec<Row<Node>>) -> Result<Vec<View>, Error> {
        rows.retain(|row| query.has_kind(&row.value) && query.has_role(&row.value));
        let mut views = self.views(rows).await?;
        views.retain(|view| query.has_status(view));
        let Some(text) = query.text.as_ref().map(|text| text.to_lowercase()) else { return Ok(views) };
        let mut found = Vec::new();
        for mut view in views {
            let says = view.says(&text) || {
                self.tell_task(&mut view).await?;
                view.task.as_ref().is_some_and(|task| task.to_lowercase().contains(&text))
            };
            if says {
                found.push(view);
            }
        }
        Ok(found)
    }
}

impl View {
    /// Whether its names, title or labels have this text, which is in lower case, in them.
    fn says(&self, text: &str) -> bool {
        let labels = self.card.labels.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]);
        let nickname = self.agent().and_then(|agent| agent.nickname.as_deref());
        let mut words =
            [self.path.as_str()].into_iter().chain(nickname).chain(self.card.title.as_deref()).chain(labels);
        words.any(|word| word.to_lowercase().contains(text))
    }
}

/// The cursors behind and before a page.
fn ends(query: &Query, found: &[(Place, View)], more: bool) -> (Option<Cursor>, Option<Cursor>) {
    let at = |row: Option<&(Place, View)>, behind| row.map(|(place, _)| Cursor::at(query.order, place.clone(), behind));
    let (first, last) = (at(found.first(), false), at(found.last(), true));
    match &query.part {
        Part::First => (last.filter(|_| more), None),
        // Behind an empty page there is the way back.
        Part::After(cursor) => (last.filter(|_| more), Some(first.unwrap_or_else(|| cursor.clone()))),
        Part::Before(cursor) => (Some(last.unwrap_or_else(|| cursor.clone())), first.filter(|_| more)),
    }
}
