//! `goal set`, `show`, `pause`, `resume`, `raise`, `clear` and `tree`.

use understory_server::{BudgetWord, Failure, GoalRequest, Request};

use crate::arguments::GoalVerb;
use crate::command::Session;

/// Carries one of them out.
pub(crate) async fn goal(session: &Session, verb: GoalVerb) -> Result<u8, Failure> {
    let request = match verb {
        GoalVerb::Set { path, objective, budget, no_budget } => {
            let budget = if no_budget { Some(BudgetWord::Unlimited) } else { budget.map(BudgetWord::Tokens) };
            GoalRequest::Set { path, objective, budget }
        }
        GoalVerb::Show { path } => GoalRequest::Show { path },
        GoalVerb::Pause { path, reason } => GoalRequest::Pause { path, reason: reason.unwrap_or_default() },
        GoalVerb::Resume { path } => GoalRequest::Resume { path },
        GoalVerb::Raise { path, budget } => GoalRequest::Raise { path, budget },
        GoalVerb::Clear { path } => GoalRequest::Clear { path },
        GoalVerb::Tree { path, after, limit } => {
            let after = after.map(|after| session.path(&after)).transpose()?;
            GoalRequest::Tree { path, after, limit: limit.into() }
        }
    };
    session.done(Request::Goal(request)).await
}
