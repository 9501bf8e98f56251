//! Goals that agents are created with.

use understory_store::{AgentRef, Event, GoalStanding, Table};

use super::plan::Plan;
use super::spawn::{Birth, Verdict};
use crate::error::Error;
use crate::goals::Claim;

impl Plan<'_> {
    /// Takes the budgets of newborns' goals from the goals above; none, if one of them is refused or a claim is dropped.
    pub(super) fn claim_goals(&self, births: &[Birth], verdicts: &[Verdict]) -> Result<Vec<Claim>, Error> {
        let mut claims = Vec::new();
        for (birth, verdict) in births.iter().zip(verdicts) {
            if let (Verdict::New(id), Some(new)) = (verdict, &birth.goal) {
                claims.push(self.goals.claim(self.limits, &birth.path, *id, new, self.now)?);
            }
        }
        Ok(claims)
    }

    /// Writes the goal of a newborn, if it has one.
    pub(super) fn write_goal(&mut self, agent: &AgentRef) {
        let Some(claim) = self.left.goals.iter().rev().find(|claim| claim.goal.of == agent.id) else { return };
        let goal = &claim.goal;
        let _ = self.draft.create(Table::Goal.at(&agent.path), goal);
        let standing = GoalStanding {
            id: goal.id,
            status: Some(goal.status),
            used: 0,
            budget: goal.budget,
            why: goal.why.clone(),
        };
        self.draft.tell(&Event::GoalChanged { agent: agent.clone(), goal: standing });
    }
}
