//! The goals of a project, and what they are stopped by.

use understory_paths::AgentPath;
use understory_store::GoalStatus;

use super::{Found, HindranceKind, Named, PROJECT_LOOKED_MAX};
use crate::error::Error;
use crate::goals::GoalView;
use crate::looking::View;
use crate::system::System;

/// How many goals are read at a time.
const PAGE: usize = 256;

impl System {
    /// The first goals, parents first; all are counted, and what stops them is noted.
    pub(super) async fn goals_of(&self, top: &AgentPath, found: &mut Found) -> Result<Named<GoalView>, Error> {
        let (mut goals, mut after, mut looked) = (Named::default(), None, 0);
        while looked < PROJECT_LOOKED_MAX {
            let page = self.goals_below(top, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            (after, looked) = (Some(last.path.clone()), looked + page.len());
            for view in page {
                found.meet_goal(&view);
                goals.note(view);
            }
        }
        found.whole &= looked < PROJECT_LOOKED_MAX;
        if let Some(above) = self.goals.spent_for(top).filter(|above| !top.contains(above)) {
            let words = format!("nothing is left of the budget of {above}");
            found.hindrances.note(top, HindranceKind::Budget, &words);
        }
        Ok(goals)
    }

    /// Why no turn takes the mail that would start one.
    pub(super) fn held_back(&self, view: &View) -> Option<String> {
        view.agent().filter(|agent| view.queued && agent.brain.is_some())?;
        let why = match (&view.closed, self.goals.spent_for(&view.path)) {
            (Some(at), _) => format!("{at} is closed"),
            (None, Some(of)) => format!("nothing is left of the budget of {of}"),
            (None, None) => return None,
        };
        Some(format!("mail that would start a turn waits: {why}"))
    }
}

impl Found {
    fn meet_goal(&mut self, view: &GoalView) {
        self.progress.goals.add(u64::from(view.goal.is_complete()), 1);
        if let Some((kind, words)) = stopped(view) {
            self.hindrances.note(&view.path, kind, &words);
        }
    }
}

/// What a goal is stopped by. One of an agent that is closed is not: nobody means to go on with it.
fn stopped(view: &GoalView) -> Option<(HindranceKind, String)> {
    let GoalView { goal, used, held, left, closed, .. } = view;
    let word = match goal.status {
        GoalStatus::Complete => return None,
        _ if closed.is_some() => return None,
        _ if *left == Some(0) => {
            let held = if *held > 0 { format!(", {held} held by goals below") } else { String::new() };
            let budget = goal.budget.unwrap_or_default();
            return Some((HindranceKind::Budget, format!("{used} of {budget} tokens used{held}")));
        }
        GoalStatus::Active => return None,
        stopped => stopped.as_str().replace('_', " "),
    };
    let why = if goal.why.is_empty() { String::new() } else { format!(": {}", goal.why) };
    Some((HindranceKind::Goal, format!("it is {word}{why}")))
}
