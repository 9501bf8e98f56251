//! Memories, as they are asked for and answered.

mod lines;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use understory::{
    AgentPath, Forgotten, MEMORIES_MAX, Marked, Memory, MemoryEdit, MemoryKey, MemoryOrder, MemoryQuery, MemoryView,
    Note, Noted, Remembered, Runtime, Scope, Tools, Unused, Verb,
};

pub use lines::{ForgottenLine, MarkLine, MarkedLine, MarksLine, MemoryGone, MemoryLine, MemoryPageLine, NotedLine};

use crate::failure::{Code, Failure};
use crate::told::moment;

/// How much of a memory a list shows, in characters.
const SHOWN: usize = 200;

/// Something asked of memories. One is named as a list names it: `PATH@ID`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryRequest {
    /// Some shall be listed, or looked for by words.
    Find(Box<MemoryFind>),
    /// One, whole.
    Show {
        /// Which.
        memory: String,
    },
    /// One shall be written.
    Add {
        /// By whom, or for whom; `/root` if it is not said, and for an agent itself.
        path: Option<String>,
        /// What it says.
        text: String,
        /// Who sees it: agent, subtree, role or tree; the subtree if it is not said, and for an agent itself.
        scope: Option<ScopeWord>,
        /// The role that it is for.
        role: Option<String>,
        /// Its tags.
        tags: BTreeSet<String>,
    },
    /// One shall be written anew.
    Edit {
        /// Which.
        memory: String,
        /// What it says, if that changes.
        text: Option<String>,
        /// Its tags, if they change.
        tags: Option<BTreeSet<String>>,
        /// Whether somebody vouches for it.
        trusted: bool,
    },
    /// One shall be forgotten.
    Forget {
        /// Which.
        memory: String,
    },
    /// Those shall be forgotten that nobody used for long, or that are past a number.
    ForgetUnused {
        /// The top.
        path: String,
        /// For how many days they were neither used nor written.
        days: Option<u32>,
        /// How many stay at the most.
        keep: Option<usize>,
        /// Only what would be forgotten is asked.
        dry_run: bool,
    },
    /// All shall be forgotten.
    Reset {
        /// The top.
        path: String,
        /// Only what would be forgotten is asked.
        dry_run: bool,
    },
    /// The marks of those who read what nobody vouches for.
    Marks {
        /// The top.
        path: String,
        /// The path behind which the page begins.
        after: Option<AgentPath>,
        /// How many, no more than 200.
        limit: usize,
    },
    /// An agent shall be marked.
    Mark {
        /// Which.
        path: String,
        /// What it read.
        reason: String,
    },
    /// An agent's mark shall be taken away.
    Unmark {
        /// Which.
        path: String,
    },
}

/// Which memories. What is not named is no matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryFind {
    /// Those at and below it; all if it is not said, and for an agent those that it sees.
    pub path: Option<String>,
    /// Those that the agent at the path sees, instead.
    pub seen: bool,
    /// Words that they have.
    pub text: Option<String>,
    /// Whether they have all of the words.
    pub all_words: bool,
    /// Their scopes: any of these.
    pub scopes: Vec<String>,
    /// The role that they are for.
    pub role: Option<String>,
    /// Who wrote them, or one below.
    pub by: Option<String>,
    /// Tags that they have, each.
    pub tags: BTreeSet<String>,
    /// The moment from which on they were written, as RFC 3339 has it.
    pub since: Option<String>,
    /// The moment before which they were written.
    pub before: Option<String>,
    /// Whether their authors had read what nobody vouches for.
    pub tainted: Option<bool>,
    /// Whether the newest come first, not the most used.
    pub newest: bool,
    /// The cursor behind which the page begins.
    pub after: Option<String>,
    /// How many, no more than 200; all that there may be if it is 0.
    pub limit: usize,
}

/// Who sees a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeWord {
    /// One agent.
    Agent,
    /// It and all below.
    Subtree,
    /// All of a role.
    Role,
    /// All.
    Tree,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MemoryReply {
    /// To a find.
    Page(MemoryPageLine),
    /// To a show.
    Memory(Box<MemoryLine>),
    /// To an add or an edit.
    Noted(NotedLine),
    /// To a forget.
    Gone(MemoryGone),
    /// To a forget of many, or a reset.
    Forgotten(ForgottenLine),
    /// To a list of marks.
    Marks(MarksLine),
    /// To a mark, and to one taken away.
    Marked(MarkedLine),
}

impl MemoryRequest {
    /// Whether asking twice comes to the same as asking once.
    pub(crate) fn repeats(&self) -> bool {
        !matches!(self, MemoryRequest::Add { .. })
    }

    /// What it asks of whom, by an agent; nothing if no agent may ever ask it.
    pub(crate) fn asked(&self) -> Option<Vec<(Verb, String)>> {
        let one = |verb, path: &Option<String>| Some(path.iter().map(|path| (verb, path.clone())).collect());
        match self {
            MemoryRequest::Find(find) => one(Verb::Inspect, &find.path),
            MemoryRequest::Add { path, .. } => one(Verb::Remember, path),
            MemoryRequest::Marks { path, .. } => Some(vec![(Verb::Inspect, path.clone())]),
            // Whose they are says who may.
            MemoryRequest::Show { .. } | MemoryRequest::Edit { .. } | MemoryRequest::Forget { .. } => Some(Vec::new()),
            MemoryRequest::ForgetUnused { .. }
            | MemoryRequest::Reset { .. }
            | MemoryRequest::Mark { .. }
            | MemoryRequest::Unmark { .. } => None,
        }
    }
}

/// Carries out what the operator asks.
pub(crate) async fn answer(runtime: &Runtime, request: MemoryRequest) -> Result<MemoryReply, Failure> {
    let memories = runtime.memories();
    Ok(match request {
        MemoryRequest::Find(find) => {
            let path = find.path.clone().unwrap_or_else(|| AgentPath::root().to_string());
            let path = runtime.find(&path).await?.path().clone();
            let by = match &find.by {
                Some(by) => Some(runtime.find(by).await?.path().clone()),
                None => None,
            };
            page(memories.find(&query(*find, path, by)?).await?)
        }
        MemoryRequest::Show { memory } => shown(memories.show(&memory.parse()?).await?),
        MemoryRequest::Add { path, text, scope, role, tags } => {
            let path = path.unwrap_or_else(|| AgentPath::root().to_string());
            let path = runtime.find(&path).await?.path().clone();
            let scope = self::scope(scope.unwrap_or(ScopeWord::Subtree), role)?;
            noted(memories.add(&path, Note { text, scope, tags }).await?)
        }
        MemoryRequest::Edit { memory, text, tags, trusted } => {
            noted(memories.edit(&memory.parse()?, &MemoryEdit { text, tags, trusted }).await?)
        }
        MemoryRequest::Forget { memory } => {
            let key: MemoryKey = memory.parse()?;
            memories.forget(&key).await?;
            MemoryReply::Gone(MemoryGone { forgotten: key.to_string() })
        }
        MemoryRequest::ForgetUnused { path, days, keep, dry_run } => {
            let path = runtime.find(&path).await?.path().clone();
            let idle = days.map(|days| Duration::from_secs(u64::from(days) * 24 * 3600));
            forgotten(memories.forget_unused(&path, Unused { idle, keep, dry_run }).await?, dry_run)
        }
        MemoryRequest::Reset { path, dry_run } => {
            let path = runtime.find(&path).await?.path().clone();
            forgotten(memories.reset(&path, dry_run).await?, dry_run)
        }
        MemoryRequest::Marks { path, after, limit } => {
            let path = runtime.find(&path).await?.path().clone();
            marks(runtime, &path, after, limit).await?
        }
        MemoryRequest::Mark { path, reason } => {
            let path = runtime.find(&path).await?.path().clone();
            let changed = memories.mark_untrusted(&path, &reason).await?;
            MemoryReply::Marked(MarkedLine { path, marked: true, changed })
        }
        MemoryRequest::Unmark { path } => {
            let path = runtime.find(&path).await?.path().clone();
            let changed = memories.clear_mark(&path).await?;
            MemoryReply::Marked(MarkedLine { path, marked: false, changed })
        }
    })
}

/// Carries out what an agent asks, with its tools; `at` is whom the request names, if it does.
pub(crate) async fn answer_as(
    runtime: &Runtime,
    tools: &Tools,
    request: MemoryRequest,
    at: Option<AgentPath>,
) -> Result<MemoryReply, Failure> {
    let me = &tools.me().path;
    Ok(match request {
        MemoryRequest::Find(mut find) => {
            find.seen |= at.is_none();
            let by = match &find.by {
                Some(by) => Some(tools.find(by).await?),
                None => None,
            };
            page(tools.memories(&query(*find, at.unwrap_or_else(|| me.clone()), by)?).await?)
        }
        MemoryRequest::Show { memory } => shown(tools.memory(&memory.parse()?).await?),
        MemoryRequest::Add { path: _, text, scope, role, tags } => {
            let scope = self::scope(scope.unwrap_or(ScopeWord::Agent), role)?;
            noted(tools.remember(Note { text, scope, tags }).await?)
        }
        MemoryRequest::Edit { trusted: true, .. } => {
            return Err(Failure::new(Code::Usage, "an agent vouches for no memory"));
        }
        MemoryRequest::Edit { memory, text, tags, trusted } => {
            noted(tools.edit_memory(&memory.parse()?, &MemoryEdit { text, tags, trusted }).await?)
        }
        MemoryRequest::Forget { memory } => {
            let key: MemoryKey = memory.parse()?;
            tools.forget_memory(&key).await?;
            MemoryReply::Gone(MemoryGone { forgotten: key.to_string() })
        }
        MemoryRequest::Marks { after, limit, .. } => {
            marks(runtime, &at.unwrap_or_else(|| me.clone()), after, limit).await?
        }
        MemoryRequest::ForgetUnused { .. }
        | MemoryRequest::Reset { .. }
        | MemoryRequest::Mark { .. }
        | MemoryRequest::Unmark { .. } => return Err(crate::agent::no_verb()),
    })
}

fn query(find: MemoryFind, path: AgentPath, by: Option<AgentPath>) -> Result<MemoryQuery, Failure> {
    let MemoryFind { seen, text, all_words, scopes, role, tags, since, before, tainted, newest, after, limit, .. } =
        find;
    Ok(MemoryQuery {
        view: if seen { MemoryView::SeenBy(path) } else { MemoryView::Below(path) },
        text,
        all_words,
        scopes,
        role,
        by,
        tags,
        since: since.as_deref().map(time).transpose()?,
        before: before.as_deref().map(time).transpose()?,
        tainted,
        order: if newest { MemoryOrder::Newest } else { MemoryOrder::Rank },
        after: after.map(|after| after.parse()).transpose()?,
        limit: if limit == 0 { MEMORIES_MAX } else { limit },
    })
}

fn scope(word: ScopeWord, role: Option<String>) -> Result<Scope, Failure> {
    let unfit = |message| Err(Failure::new(Code::Usage, message));
    match (word, role) {
        (ScopeWord::Role, Some(role)) => Ok(Scope::Role(role)),
        (ScopeWord::Role, None) => unfit("a role is wanted: for whom is it?"),
        (_, Some(_)) => unfit("a role is for the scope role"),
        (ScopeWord::Agent, None) => Ok(Scope::Agent),
        (ScopeWord::Subtree, None) => Ok(Scope::Subtree),
        (ScopeWord::Tree, None) => Ok(Scope::Tree),
    }
}

fn time(text: &str) -> Result<understory::Time, Failure> {
    let unread = || Failure::new(Code::Usage, format!("{text:?} is no time, as 2026-01-31T00:00:00Z is"));
    let time: jiff::Timestamp = text.parse().map_err(|_| unread())?;
    Ok(understory::Time(u64::try_from(time.as_millisecond()).unwrap_or_default()))
}

async fn marks(
    runtime: &Runtime,
    top: &AgentPath,
    after: Option<AgentPath>,
    limit: usize,
) -> Result<MemoryReply, Failure> {
    let limit = limit.clamp(1, MEMORIES_MAX);
    let found = runtime.memories().marks(top, after.as_ref(), limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.path.clone());
    let line = |Marked { path, taint }: Marked| MarkLine {
        path,
        reason: taint.reason,
        turn: taint.turn,
        at: moment(taint.at),
    };
    Ok(MemoryReply::Marks(MarksLine { marks: found.into_iter().map(line).collect(), next }))
}

fn page(page: understory::MemoryPage) -> MemoryReply {
    let memories = page.memories.into_iter().map(|one| line(one, Some(SHOWN))).collect();
    MemoryReply::Page(MemoryPageLine { memories, next: page.next.map(|next| next.to_string()) })
}

fn shown(one: Remembered) -> MemoryReply {
    MemoryReply::Memory(Box::new(line(one, None)))
}

fn noted(noted: Noted) -> MemoryReply {
    let Noted { key, redacted, new: _ } = noted;
    MemoryReply::Noted(NotedLine { noted: key.to_string(), redacted })
}

fn forgotten(report: Forgotten, dry_run: bool) -> MemoryReply {
    let Forgotten { seen, forgotten, bytes, shown } = report;
    let memories = shown.into_iter().map(|one| line(one, Some(SHOWN))).collect();
    MemoryReply::Forgotten(ForgottenLine { dry_run, seen, forgotten, bytes, memories })
}

fn line(one: Remembered, most: Option<usize>) -> MemoryLine {
    let Remembered { key, memory, uses, used_at } = one;
    let Memory { of: _, scope, text, tags, author, turn, commit, at, tainted, edited_at } = memory;
    let (word, bytes) = (scope.as_str().to_owned(), text.len());
    MemoryLine {
        memory: key.to_string(),
        path: key.place,
        scope: word,
        role: match scope {
            Scope::Role(role) => Some(role),
            _ => None,
        },
        text: match most {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        },
        bytes,
        tags,
        author: author.map(|author| author.path),
        turn,
        commit,
        tainted,
        uses,
        used_at: used_at.map(moment),
        at: moment(at),
        edited_at: edited_at.map(moment),
    }
}
