//! A budget that is about to come, of a goal that has none yet.
//!
//! What goals below hold of it is looked up before they are told, which takes commits of its own. Whoever is created below
//! meanwhile takes its budget from the one to come already: until that is there it holds it of the goal further above, like
//! those that were told, and so it stays if it never comes.

use understory_paths::AgentPath;
use understory_store::GoalRef;

use super::ledger::{Account, Ledger};

/// A budget that is about to come.
pub(super) struct Coming {
    source: GoalRef,
    /// What newcomers may take of it.
    left: u64,
}

impl Ledger {
    /// A change under way gives a goal a budget, of which so much will be left.
    pub(super) fn announce(&mut self, source: GoalRef, left: u64) {
        self.coming = Some(Coming { source, left });
    }

    /// The change is over.
    pub(super) fn withdraw(&mut self) {
        self.coming = None;
    }

    /// The goal that a new budget at a path is from: the nearest above that has one, or is about to.
    pub(super) fn source_for(&self, path: &AgentPath) -> Option<GoalRef> {
        let above = self.budgeted_above(path).map(|(path, account)| GoalRef { path, id: account.id });
        let coming = self.coming.as_ref().map(|coming| &coming.source);
        let is_nearer = |coming: &&GoalRef| {
            coming.path != *path
                && coming.path.contains(path)
                && above.as_ref().is_none_or(|above| above.path.contains(&coming.path))
        };
        coming.filter(is_nearer).cloned().or(above)
    }

    /// Takes so much for a new goal below `source`, and tells where: of the goal that stands for it, if one does.
    ///
    /// # Errors
    /// There is not so much left; where.
    pub(super) fn promise_of(&mut self, source: &GoalRef, tokens: u64) -> Result<Option<AgentPath>, AgentPath> {
        let left = self.coming.as_ref().filter(|coming| coming.source == *source).map(|coming| coming.left);
        if left.is_some_and(|left| left < tokens) {
            return Err(source.path.clone());
        }
        let stands = self.standing_for(source);
        if let Some(path) = stands.clone().filter(|path| !self.promise(path, tokens)) {
            return Err(path);
        }
        if let Some(coming) = self.coming.as_mut().filter(|coming| coming.source == *source) {
            coming.left -= tokens;
        }
        Ok(stands)
    }

    /// What is left of the budget of the goal at a path, or of the one that it is about to get.
    pub(super) fn left_at(&self, path: &AgentPath) -> Option<u64> {
        let coming = self.coming.as_ref().filter(|coming| coming.source.path == *path).map(|coming| coming.left);
        coming.or_else(|| self.get(path).and_then(Account::left))
    }
}
