//! Lists, as they are asked for and answered.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, Cursor, Error, Kind, Listing, Order, Part, Query, Runtime};

use crate::failure::Failure;
use crate::lines::NodeLine;
use crate::told::node_line;

/// Which nodes are asked for. What is not named is no matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRequest {
    /// The top, as a path or a nickname.
    pub path: String,
    /// How they stand: any of these.
    #[serde(default)]
    pub status: Vec<String>,
    /// Their role.
    pub role: Option<String>,
    /// How many levels below the top.
    pub depth: Option<usize>,
    /// A part of the path, nickname, title, labels or task.
    pub text: Option<String>,
    /// Of which kinds; agents and jobs if none is named.
    #[serde(default)]
    pub kinds: Vec<KindWord>,
    /// In which order.
    #[serde(default)]
    pub order: OrderWord,
    /// The cursor behind which the page begins.
    pub after: Option<String>,
    /// The cursor before which the page ends.
    pub before: Option<String>,
    /// How many, from 1 to 500.
    pub limit: usize,
}

/// A kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindWord {
    /// An agent.
    Agent,
    /// A job.
    Job,
    /// A job's item.
    Item,
}

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderWord {
    /// Its path.
    #[default]
    Path,
    /// Its creation, the newest first.
    Created,
    /// Its last activity, the newest first.
    Active,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPage {
    /// They.
    pub nodes: Vec<NodeLine>,
    /// What the next page is asked for after; nothing if this is the last.
    pub next: Option<String>,
    /// What the page before is asked for before; nothing if this is the first.
    pub previous: Option<String>,
}

pub(crate) async fn list(runtime: &Runtime, request: ListRequest) -> Result<ListPage, Failure> {
    let top = runtime.find(&request.path).await?.path().clone();
    let Listing { rows, next, previous } = runtime.query(&query(request, top)?).await?;
    let text = |cursor: Option<Cursor>| cursor.map(|cursor| cursor.to_string());
    Ok(ListPage { nodes: rows.iter().map(node_line).collect(), next: text(next), previous: text(previous) })
}

fn query(request: ListRequest, top: AgentPath) -> Result<Query, Failure> {
    let ListRequest { path: _, status, role, depth, text, kinds, order, after, before, limit } = request;
    let cursor = |text: String| text.parse::<Cursor>().map_err(Failure::from);
    let part = match (after, before) {
        (None, None) => Part::First,
        (Some(after), None) => Part::After(cursor(after)?),
        (None, Some(before)) => Part::Before(cursor(before)?),
        (Some(_), Some(_)) => {
            return Err(Error::BadQuery("a page begins after a cursor or ends before one, not both".to_owned()).into());
        }
    };
    let kind = |word| match word {
        KindWord::Agent => Kind::Agent,
        KindWord::Job => Kind::Job,
        KindWord::Item => Kind::Item,
    };
    let order = match order {
        OrderWord::Path => Order::Path,
        OrderWord::Created => Order::Created,
        OrderWord::Active => Order::Active,
    };
    let kinds = kinds.into_iter().map(kind).collect();
    Ok(Query { top, statuses: status, role, depth, text, kinds, order, part, limit })
}
