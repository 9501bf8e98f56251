//! Which nickname a newcomer gets.
//!
//! Whether one is taken is what its row says, as drains leave it. Where the next free one may be is only remembered so that
//! nobody has to look through those that are taken: a place that was lost is found again.

use std::collections::{HashMap, HashSet};

use understory_paths::AgentPath;
use understory_store::StoreError;

use super::plan::Plan;
use super::spawn::Birth;
use crate::nickname::{Nickname, NicknamePool};

/// How many places are remembered between drains.
const PLACES_MAX: usize = 100_000;

/// A pool as one parent's children are called from it: the parent, and the role if the pool is its.
type Source = (AgentPath, Option<String>);

/// How far pools are used up, by whose children are called from them.
#[derive(Default)]
pub(super) struct Places(HashMap<Source, u64>);

/// What siblings are called that the same batch creates, in lowercase, by their parent.
pub(super) type Called = HashSet<(AgentPath, String)>;

impl Places {
    pub(super) fn learn(&mut self, more: Places) {
        if self.0.len() + more.0.len() > PLACES_MAX {
            self.0.clear();
        }
        self.0.extend(more.0);
    }
}

impl Plan<'_> {
    /// What a newcomer is called; `called` are those of its batch. Changes nothing but where the next is looked for.
    pub(super) async fn nickname(&mut self, birth: &Birth, called: &mut Called) -> Result<Option<String>, StoreError> {
        let Some(parent) = birth.path.parent() else { return Ok(None) };
        match &birth.nickname {
            Nickname::Off => Ok(None),
            Nickname::Given(nickname) => Ok(Some(nickname.clone())),
            Nickname::Picked if birth.pool.as_ref().is_some_and(|pool| pool.names().is_empty()) => Ok(None),
            Nickname::Picked => {
                let role = birth.pool.as_ref().map(|_| birth.role.clone());
                // An author's pool is begun where the author begins it.
                let (pool, start) = match &birth.pool {
                    Some(pool) => (pool.clone(), 0),
                    None => NicknamePool::below(&parent),
                };
                let source = (parent, role);
                let (nickname, next) = self.next_free(&source, &pool, start, called).await?;
                called.insert((source.0.clone(), nickname.to_lowercase()));
                self.left.places.0.insert(source, next);
                Ok(Some(nickname))
            }
        }
    }

    /// The next free nickname of a pool, and the place behind it.
    async fn next_free(
        &mut self,
        source: &Source,
        pool: &NicknamePool,
        start: u64,
        called: &Called,
    ) -> Result<(String, u64), StoreError> {
        let parent = &source.0;
        let (now, before) = (self.left.places.0.get(source), self.before.and_then(|left| left.places.0.get(source)));
        let known = now.or(before).or_else(|| self.known.places.0.get(source));
        let mut at = known.copied().unwrap_or_default();
        loop {
            // A round is used up, and meanwhile names of others may have become free.
            if at % pool.len() == 0 {
                at = self.first_round(parent, (pool, start), called).await? * pool.len();
            }
            let nickname = pool.name(start, at);
            at += 1;
            if !self.is_taken(parent, &nickname, called).await? {
                return Ok((nickname, at));
            }
        }
    }

    /// A round of a pool in which something is free, the one before it used up: ever wider steps, then halves, since a
    /// parent may have a million children. The first round is looked at in any case: as long as there is a name without an
    /// ordinal, nobody gets one.
    async fn first_round(
        &mut self,
        parent: &AgentPath,
        pool: (&NicknamePool, u64),
        called: &Called,
    ) -> Result<u64, StoreError> {
        if !self.is_used_up(parent, pool, 0, called).await? {
            return Ok(0);
        }
        let (mut full, mut free, mut step) = (0, 1, 1);
        while self.is_used_up(parent, pool, free, called).await? {
            full = free;
            step *= 2;
            free += step;
        }
        while free - full > 1 {
            let middle = full + (free - full) / 2;
            match self.is_used_up(parent, pool, middle, called).await? {
                true => full = middle,
                false => free = middle,
            }
        }
        Ok(free)
    }

    async fn is_used_up(
        &mut self,
        parent: &AgentPath,
        (pool, start): (&NicknamePool, u64),
        round: u64,
        called: &Called,
    ) -> Result<bool, StoreError> {
        for at in 0..pool.len() {
            if !self.is_taken(parent, &pool.name(start, round * pool.len() + at), called).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn is_taken(&mut self, parent: &AgentPath, nickname: &str, called: &Called) -> Result<bool, StoreError> {
        Ok(called.contains(&(parent.clone(), nickname.to_lowercase())) || self.has_nickname(parent, nickname).await?)
    }
}
