//! What a creation by an agent has to stay within, besides the open agents below its ancestors.
//!
//! Open children are counted by a walk when an agent first spawns below their parent, and kept from then on by the
//! registrar, which alone creates, closes and resumes: no row is written for them. A spawner's recent spawns are known to
//! this process alone.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{AgentId, Node, StoreError, Time};

use super::plan::{Left, Plan};
use super::spawn::Birth;
use crate::caller::Caller;
use crate::children::Walk;
use crate::error::Error;

/// How long a spawn counts against its spawner's rate.
const WINDOW: Duration = Duration::from_secs(60);
/// How many parents' children, and spawners, are remembered.
const KNOWN_MAX: usize = 100_000;

/// The open children of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Brood {
    open: u64,
    /// Whether that is all of them: a walk ends where the limit is reached.
    all: bool,
}

/// What a drain leaves of these.
#[derive(Default)]
pub(super) struct Bounds {
    /// Nothing: to be counted again.
    broods: HashMap<AgentPath, Option<Brood>>,
    spawns: HashMap<AgentId, u64>,
}

/// What is known of these, as last committed.
#[derive(Default)]
pub(super) struct Known {
    broods: HashMap<AgentPath, Brood>,
    spawns: HashMap<AgentId, VecDeque<(Time, u64)>>,
}

impl Known {
    pub(super) fn learn(&mut self, bounds: Bounds, now: Time) {
        if self.broods.len() + bounds.broods.len() > KNOWN_MAX {
            self.broods.clear();
        }
        for (path, brood) in bounds.broods {
            match brood {
                Some(brood) => drop(self.broods.insert(path, brood)),
                None => drop(self.broods.remove(&path)),
            }
        }
        if self.spawns.len() + bounds.spawns.len() > KNOWN_MAX {
            self.spawns.retain(|_, spawns| spawns.back().is_some_and(|(at, _)| counts(*at, now)));
        }
        for (spawner, more) in bounds.spawns {
            let spawns = self.spawns.entry(spawner).or_default();
            while spawns.front().is_some_and(|(at, _)| !counts(*at, now)) {
                spawns.pop_front();
            }
            spawns.push_back((now, more));
        }
    }

    /// A commit was refused: what was counted may have been ahead of the store. Who has spawned how much stands.
    pub(super) fn forget(&mut self) {
        self.broods.clear();
    }

    fn spawns(&self, spawner: AgentId, now: Time) -> u64 {
        let spawns = self.spawns.get(&spawner).into_iter().flatten();
        spawns.filter(|(at, _)| counts(*at, now)).map(|(_, spawns)| spawns).sum()
    }
}

fn counts(at: Time, now: Time) -> bool {
    at.after(WINDOW) > now
}

impl Plan<'_> {
    /// Refuses what an agent may not create. `born` are its new ones.
    pub(super) async fn demand_bounds(&mut self, born: &[&Birth], caller: &Caller) -> Result<(), Error> {
        if let Some(deep) = born.iter().find(|birth| birth.path.depth() > self.limits.depth) {
            let (value, holder) = (self.limits.depth as u64, deep.path.clone());
            return Err(Error::Limit { limit: "depth", value, holder, remedy: "give the work to an agent higher up" });
        }
        let mut broods = HashMap::<AgentPath, u64>::new();
        for parent in born.iter().filter_map(|birth| birth.path.parent()) {
            *broods.entry(parent).or_default() += 1;
        }
        for (parent, more) in broods {
            self.demand_children(&parent, more).await?;
        }
        let (spawner, value) = (caller.me(), self.limits.spawns_per_minute);
        let spawned = |left: &Left| left.bounds.spawns.get(&spawner.id).copied().unwrap_or_default();
        let recent = self.known.bounds.spawns(spawner.id, self.now);
        let pending = spawned(&self.left) + self.before.map_or(0, spawned);
        if recent + pending + born.len() as u64 > value {
            return Err(Error::Limit {
                limit: "spawns_per_minute",
                value,
                holder: spawner.path.clone(),
                remedy: "wait a minute, or give the work to agents there are",
            });
        }
        Ok(())
    }

    /// Refuses when a parent would have more open children than an agent may give it.
    pub(super) async fn demand_children(&mut self, parent: &AgentPath, more: u64) -> Result<(), Error> {
        let value = self.limits.children;
        match self.brood(parent).await?.open + more > value {
            true => Err(Error::Limit {
                limit: "children",
                value,
                holder: parent.clone(),
                remedy: "close children that are done, or give them the work",
            }),
            false => Ok(()),
        }
    }

    /// Notes who is about to be born. Called once nothing refuses it.
    pub(super) fn note_births(&mut self, born: &[&Birth], by: Option<&Caller>) {
        for birth in born {
            // A newborn has no children, whoever was at its path before it.
            if self.known_brood(&birth.path).is_some() {
                self.left.bounds.broods.insert(birth.path.clone(), Some(Brood { open: 0, all: true }));
            }
            if let Some(parent) = birth.path.parent() {
                self.note_child(&parent, true);
            }
        }
        if let Some(caller) = by.filter(|_| !born.is_empty()) {
            *self.left.bounds.spawns.entry(caller.me().id).or_default() += born.len() as u64;
        }
    }

    /// Notes that a node has an open child more, or one less.
    pub(super) fn note_child(&mut self, parent: &AgentPath, more: bool) {
        let Some(Brood { open, all }) = self.known_brood(parent) else { return };
        let brood = match more {
            true => Some(Brood { open: open + 1, all }),
            false => all.then_some(Brood { open: open.saturating_sub(1), all }),
        };
        self.left.bounds.broods.insert(parent.clone(), brood);
    }

    fn known_brood(&self, parent: &AgentPath) -> Option<Brood> {
        let before = self.before.and_then(|before| before.bounds.broods.get(parent));
        match self.left.bounds.broods.get(parent).or(before) {
            Some(brood) => *brood,
            None => self.known.bounds.broods.get(parent).copied(),
        }
    }

    /// The open children of a node, as this drain leaves it; counted up to the limit.
    async fn brood(&mut self, parent: &AgentPath) -> Result<Brood, StoreError> {
        if let Some(brood) = self.known_brood(parent) {
            return Ok(brood);
        }
        let mut open = 0;
        // What drains that are under way have created, the store may have or not.
        let of =
            |left: &Left| left.nodes.keys().filter(|path| path.parent().as_ref() == Some(parent)).cloned().collect();
        let mut ahead: Vec<AgentPath> = of(&self.left);
        ahead.extend(self.before.map(of).into_iter().flatten().collect::<Vec<_>>());
        ahead.sort();
        ahead.dedup();
        let mut walk = Walk::over(parent);
        let mut all = true;
        let mut next = ahead.clone();
        loop {
            for child in next {
                open += u64::from(self.is_open_agent(&child).await?);
            }
            if open >= self.limits.children {
                all = false;
                break;
            }
            let Some(page) = walk.next(self.store).await? else { break };
            next = page.into_iter().filter(|child| ahead.binary_search(child).is_err()).collect();
        }
        let brood = Brood { open, all };
        self.left.bounds.broods.insert(parent.clone(), Some(brood));
        Ok(brood)
    }

    async fn is_open_agent(&mut self, path: &AgentPath) -> Result<bool, StoreError> {
        let is_agent = matches!(self.node(path).await?.map(|row| row.value), Some(Node::Agent(_)));
        Ok(is_agent && !self.is_closed(path).await?)
    }
}
