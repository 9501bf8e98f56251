//! The first line of a rollout: whose conversation it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use understory_actors::import::Thread;

use super::error::CodexError;

/// The longest id of a session, in bytes.
const ID_MAX: usize = 100;

/// What a session says of itself.
#[derive(Deserialize)]
pub(super) struct Meta {
    id: String,
    timestamp: Option<String>,
    cwd: Option<String>,
    cli_version: Option<String>,
    source: Option<Box<RawValue>>,
    agent_nickname: Option<String>,
    agent_role: Option<String>,
    parent_thread_id: Option<String>,
    forked_from_id: Option<String>,
    history_mode: Option<String>,
    git: Option<Git>,
}

#[derive(Deserialize)]
struct Git {
    commit_hash: Option<String>,
    branch: Option<String>,
    repository_url: Option<String>,
}

/// Where a session came from, if it is not a word.
#[derive(Deserialize)]
struct Source {
    #[serde(alias = "sub_agent", alias = "subAgent")]
    subagent: Option<Box<RawValue>>,
}

/// How a session came to be that another one began, if it is not a word.
#[derive(Deserialize)]
struct Begun {
    thread_spawn: Option<Spawn>,
}

#[derive(Deserialize)]
struct Spawn {
    parent_thread_id: String,
    agent_path: Option<String>,
    agent_nickname: Option<String>,
    #[serde(alias = "agent_type")]
    agent_role: Option<String>,
}

impl Meta {
    /// The conversation in a file of this name. `archived` is where the file lies.
    pub(super) fn thread(self, file: &str, archived: bool) -> Result<Thread, CodexError> {
        demand_mode(self.history_mode.as_deref())?;
        let (source, spawn) = origin(self.source.as_deref());
        let own = name(&self.id, file)?;
        let spawn = spawn.as_ref();
        let parent = self.parent_thread_id.or_else(|| spawn.map(|spawn| spawn.parent_thread_id.clone()));
        let nickname = self.agent_nickname.or_else(|| spawn.and_then(|spawn| spawn.agent_nickname.clone()));
        let role = self.agent_role.or_else(|| spawn.and_then(|spawn| spawn.agent_role.clone()));
        let git = self.git.as_ref();
        let labels = [
            ("codex/thread", Some(self.id)),
            ("codex/source", source),
            ("codex/version", self.cli_version),
            ("codex/parent", parent.clone()),
            ("codex/forked", self.forked_from_id),
            ("codex/path", spawn.and_then(|spawn| spawn.agent_path.clone())),
            ("codex/nickname", nickname.clone()),
            ("codex/role", role),
            ("codex/cwd", self.cwd),
            ("codex/branch", git.and_then(|git| git.branch.clone())),
            ("codex/commit", git.and_then(|git| git.commit_hash.clone())),
            ("codex/repository", git.and_then(|git| git.repository_url.clone())),
            ("codex/archived", Some(if archived { "yes" } else { "no" }.to_owned())),
        ];
        let known = |(key, value): (_, Option<String>)| Some((key, value.filter(|value| !value.trim().is_empty())?));
        let labels: BTreeMap<_, _> = labels.into_iter().filter_map(known).collect();
        let created_at = self.timestamp.as_deref().and_then(time);
        Ok(Thread { name: own, parent, nickname, created_at, labels, ..Thread::default() })
    }
}

/// A time as it is written, in milliseconds since 1970.
pub(super) fn time(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok()
}

fn demand_mode(mode: Option<&str>) -> Result<(), CodexError> {
    match mode {
        None | Some("legacy" | "paginated") => Ok(()),
        Some(mode) => Err(CodexError::HistoryMode { mode: mode.chars().take(ID_MAX).collect() }),
    }
}

/// What a conversation is known by: its session's id, and which one of the session's it is, if that was begun anew: then the
/// file's name says so behind the id.
fn name(id: &str, file: &str) -> Result<String, CodexError> {
    if !is_id(id) {
        return Err(CodexError::BadId { id: id.chars().take(ID_MAX).collect() });
    }
    let own = file.rsplit('/').next().unwrap_or(file);
    let stem = own.split_once(".jsonl").map_or(own, |(stem, _)| stem);
    let again = stem.split_once(id).and_then(|(_, rest)| rest.strip_prefix('_')).filter(|again| is_id(again));
    Ok(again.map_or_else(|| id.to_owned(), |again| format!("{id}_{again}")))
}

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..ID_MAX).contains(&id.len()) && id.bytes().all(plain)
}

/// Where a session came from in a word, and who began it.
fn origin(source: Option<&RawValue>) -> (Option<String>, Option<Spawn>) {
    let Some(source) = source.map(RawValue::get) else { return (None, None) };
    if let Ok(word) = serde_json::from_str::<String>(source) {
        return (Some(word), None);
    }
    // A list would be taken for the fields in their order.
    let object = Some(source).filter(|source| source.trim_start().starts_with('{'));
    let begun =
        object.and_then(|source| serde_json::from_str::<Source>(source).ok()).and_then(|source| source.subagent);
    let Some(begun) = begun.as_deref().map(RawValue::get) else { return (None, None) };
    if let Ok(word) = serde_json::from_str::<String>(begun) {
        return (Some(word), None);
    }
    let spawn = serde_json::from_str::<Begun>(begun).ok().and_then(|begun| begun.thread_spawn);
    (Some("subagent".to_owned()), spawn)
}
