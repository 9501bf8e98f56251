//! Budgets that come late: below the agent there are goals with budgets already. What those hold is taken from the new one.
//!
//! The goals below are told first whose budget theirs is from, some in each commit. As long as that one has none they hold what
//! they held before, so that a crash in between changes nothing; the commit that gives it one moves all of them at once.

use understory_paths::AgentPath;
use understory_store::{Goal, GoalRef, Refusal};

use super::accountant::Accountant;
use super::ledger::Ledger;
use super::sheet::Sheet;
use crate::error::Error;

/// How many goals below are told in one commit: an objective lies in up to five rows.
const TOLD: usize = 40;

/// The goals below one that gets a budget, whose budgets come from further above, or from nowhere.
#[derive(Debug, Default)]
pub(super) struct Claims {
    paths: Vec<AgentPath>,
    /// What they hold.
    pub(super) tokens: u64,
    /// What of that the goal further above has set aside.
    pub(super) from_above: u64,
}

impl Ledger {
    fn claims(&self, top: &AgentPath) -> Claims {
        let mut claims = Claims::default();
        for (path, account) in self.below(top).filter(|(path, account)| *path != top && account.budget.is_some()) {
            let source = self.source_of(path);
            // One at `top` itself is complete, and is replaced.
            if source.as_ref().is_some_and(|source| source != top && top.contains(source)) {
                continue;
            }
            let holds = account.hold();
            claims.tokens = claims.tokens.saturating_add(holds);
            if source.is_some() {
                claims.from_above = claims.from_above.saturating_add(holds);
            }
            claims.paths.push(path.clone());
        }
        claims
    }
}

impl Accountant {
    /// What goals below take from a budget that is new. It is announced first: whoever comes after knows it.
    ///
    /// # Errors
    /// They hold more than the new budget has, or than one that is lowered would have.
    pub(super) async fn claims_on(
        &self,
        path: &AgentPath,
        before: Option<&Goal>,
        after: Option<&Goal>,
    ) -> Result<Claims, Error> {
        let Some((goal, budget)) = after.and_then(|goal| Some((goal, goal.budget?))) else {
            return Ok(Claims::default());
        };
        let earlier = before.filter(|before| before.id == goal.id).and_then(|before| before.budget);
        let (claims, held) = match earlier {
            Some(_) => (Claims::default(), self.system.goals.with(|ledger| ledger.get(path).map_or(0, |at| at.held))),
            None => {
                let claims = self.announced(GoalRef { path: path.clone(), id: goal.id }, budget, goal.used()).await?;
                let held = claims.tokens;
                (claims, held)
            }
        };
        let least = goal.used().saturating_add(held);
        if held > 0 && budget < least && earlier.is_none_or(|earlier| budget < earlier) {
            return Err(Error::Refused(Refusal(format!(
                "a budget of {budget} tokens is not enough for {path}: {used} are used and goals below hold {held}; give it {least} or \
                 more, or lower theirs",
                used = goal.used()
            ))));
        }
        Ok(claims)
    }

    /// Announces a budget, and looks up what goals below will hold of it.
    async fn announced(&self, source: GoalRef, budget: u64, used: u64) -> Result<Claims, Error> {
        let goals = &self.system.goals;
        let left = budget.saturating_sub(used);
        let claims = goals.with(|ledger| {
            ledger.announce(source.clone(), left);
            ledger.claims(&source.path)
        });
        if claims.paths.is_empty() {
            return Ok(claims);
        }
        // Goals that come with their agents are in the ledger before their rows are in the store, where they are to be told.
        self.system.registered().await?;
        Ok(goals.with(|ledger| {
            let claims = ledger.claims(&source.path);
            ledger.announce(source, left.saturating_sub(claims.tokens));
            claims
        }))
    }

    /// Tells the goals below that theirs is from this one, which is about to get a budget.
    pub(super) async fn tell_claims(&self, claims: &Claims, source: &GoalRef) -> Result<(), Error> {
        for paths in claims.paths.chunks(TOLD) {
            let mut sheet = Sheet::new(&self.system);
            for path in paths {
                if let Some(goal) = sheet.goal(path).await? {
                    sheet.leave(path, Some(Goal { source: Some(source.clone()), ..goal })).await?;
                }
            }
            sheet.commit().await?;
        }
        Ok(())
    }
}
