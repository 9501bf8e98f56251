//! Dead letters, as they are asked for and answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use understory::{AgentPath, DEAD_PAGE_MAX, DeadKey, DeadLetter, DeadMail, Error, InboxKey, Runtime, Sender};

use crate::failure::{Code, Failure};
use crate::lines::Accepted;
use crate::told::moment;

/// How much of a letter a list shows, in characters.
const SHOWN: usize = 200;

/// Something asked of dead letters. A letter is named as a list names it: `PATH@NUMBER.NUMBER`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadRequest {
    /// Those at and below a path.
    List {
        /// The top, as in other requests.
        path: String,
        /// The letter behind which the page begins.
        after: Option<String>,
        /// How many, no more than 100.
        limit: usize,
    },
    /// One, whole.
    Show {
        /// Which.
        letter: String,
    },
    /// One shall be a message again.
    Retry {
        /// Which.
        letter: String,
    },
    /// One shall be deleted.
    Drop {
        /// Which.
        letter: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeadReply {
    /// To a list.
    Page(DeadPage),
    /// To a show.
    Letter(DeadLine),
    /// To a retry.
    Retried(DeadRetried),
    /// To a drop.
    Dropped(DeadDropped),
}

/// A page of dead letters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadPage {
    /// They; of a long one the beginning.
    pub letters: Vec<DeadLine>,
    /// What the next page is asked for after; nothing if this is the last.
    pub next: Option<String>,
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLine {
    /// What it is called here.
    pub letter: String,
    /// Whose it is.
    pub path: AgentPath,
    /// The sender's path; nothing if it was the host or a person.
    pub from: Option<AgentPath>,
    /// Whether it starts a turn.
    pub trigger: bool,
    /// What it says.
    pub text: String,
    /// What is attached to it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// How long that is.
    pub bytes: usize,
    /// Why no turn took it.
    pub error: String,
    /// When it was sent.
    pub sent_at: String,
    /// When it was given up.
    pub dead_at: String,
}

/// A dead letter that is a message again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadRetried {
    /// What it was called.
    pub retried: String,
    /// The message.
    pub accepted: Accepted,
}

/// A dead letter that is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadDropped {
    /// What it was called.
    pub dropped: String,
}

impl DeadRequest {
    /// Whether asking twice comes to the same as asking once.
    pub(crate) fn repeats(&self) -> bool {
        matches!(self, DeadRequest::List { .. } | DeadRequest::Show { .. })
    }
}

pub(crate) async fn answer(runtime: &Runtime, request: DeadRequest) -> Result<DeadReply, Failure> {
    let dead = runtime.dead();
    Ok(match request {
        DeadRequest::List { path, after, limit } => {
            let path = runtime.find(&path).await?.path().clone();
            let after = after.as_deref().map(key).transpose()?;
            let limit = limit.clamp(1, DEAD_PAGE_MAX);
            let found = dead.list(&path, after.as_ref(), limit).await?;
            let next = found.last().filter(|_| found.len() == limit).map(|last| name(&last.key));
            let letters = found.into_iter().map(|mail| line(mail, Some(SHOWN))).collect();
            DeadReply::Page(DeadPage { letters, next })
        }
        DeadRequest::Show { letter } => {
            let key = key(&letter)?;
            let letter = dead.show(&key).await?;
            DeadReply::Letter(line(DeadMail { key, letter }, None))
        }
        DeadRequest::Retry { letter } => {
            let key = key(&letter)?;
            let understory::Accepted { to, row } = dead.retry(&key).await?;
            let message = format!("{}.{}", row.sequence, row.n);
            let accepted = Accepted { path: to.path, message, interrupted: false };
            DeadReply::Retried(DeadRetried { retried: name(&key), accepted })
        }
        DeadRequest::Drop { letter } => {
            let key = key(&letter)?;
            dead.drop(&key).await?;
            DeadReply::Dropped(DeadDropped { dropped: name(&key) })
        }
    })
}

fn name(key: &DeadKey) -> String {
    format!("{}@{}.{}", key.of, key.row.sequence, key.row.n)
}

fn key(name: &str) -> Result<DeadKey, Failure> {
    let unread = || {
        let message = format!("{name:?} names no dead letter");
        Failure::new(Code::Usage, message).hint("understory dead list shows what they are called: PATH@NUMBER.NUMBER")
    };
    let (path, row) = name.split_once('@').ok_or_else(unread)?;
    let (sequence, n) = row.split_once('.').ok_or_else(unread)?;
    let of = AgentPath::root().resolve(path).map_err(Error::from)?;
    let row = InboxKey { sequence: sequence.parse().map_err(|_| unread())?, n: n.parse().map_err(|_| unread())? };
    Ok(DeadKey { of, row })
}

fn line(mail: DeadMail, shown: Option<usize>) -> DeadLine {
    let DeadMail { key, letter: DeadLetter { message, error, at } } = mail;
    let bytes = message.text.len();
    let text = match shown {
        Some(shown) => message.text.chars().take(shown).collect(),
        None => message.text,
    };
    let metadata = message.metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let from = match message.from {
        Sender::Operator => None,
        Sender::Agent(agent) => Some(agent.path),
    };
    DeadLine {
        letter: name(&key),
        path: key.of,
        from,
        trigger: message.trigger,
        text,
        metadata,
        bytes,
        error,
        sent_at: moment(message.at),
        dead_at: moment(at),
    }
}
