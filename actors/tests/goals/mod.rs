//! Goals: what is charged to them, what is taken from them and returned, and how agents go on by themselves.

mod budgets;
mod charging;
mod driving;
mod held;
mod late;
mod moving;
mod overdrawn;
mod races;
mod rows;
mod saying;

use understory_store::{BrainChoice, GoalStatus, Sender, Table, Usage};

use super::world::{Setting, World, at};
use crate::brain::{Response, Turn};
use crate::{Error, GoalPatch, GoalView, NewGoal, SpawnRequest};

/// An answer that costs so many tokens.
fn costing(tokens: u64, content: &str) -> Response {
    Response { usage: Usage { input_tokens: tokens, ..Usage::default() }, ..Response::text(content) }
}

/// A world whose brain `pays` costs as many tokens as the operator says.
fn paying() -> Setting {
    World::setting().brain("pays", |turn: Turn| async move {
        let said = turn.messages().iter().filter(|message| message.from == Sender::Operator);
        let tokens = said.map(|message| message.text.parse().unwrap_or(0)).sum();
        Ok(costing(tokens, &turn.text()))
    })
}

impl World {
    /// Creates an agent with a goal, which does not go on by itself: it has no brain, or its goal is paused.
    async fn endow(&self, path: &str, brain: Option<&str>, goal: NewGoal) -> Result<(), Error> {
        let brain = brain.map(|name| BrainChoice { name: name.to_owned(), settings: String::new() });
        self.system.spawn(vec![SpawnRequest { brain, goal: Some(goal), ..SpawnRequest::at(at(path)) }]).await?;
        Ok(())
    }

    /// As [`World::endow`], and the goal is paused before anybody is run.
    async fn endow_paused(&self, path: &str, brain: &str, goal: NewGoal) {
        self.endow(path, Some(brain), goal).await.unwrap();
        self.system.set_goal(&at(path), GoalPatch::to(GoalStatus::Paused)).await.unwrap();
    }

    async fn goal(&self, path: &str) -> GoalView {
        self.system.goal(&at(path)).await.unwrap().expect("there is a goal")
    }

    /// How a goal stands: its status, what was used, what is held below, and what is left.
    async fn stands(&self, path: &str) -> (&'static str, u64, u64, Option<u64>) {
        let view = self.goal(path).await;
        (view.goal.status.as_str(), view.used, view.held, view.left)
    }

    async fn patch(&self, path: &str, patch: GoalPatch) -> Result<bool, Error> {
        self.system.set_goal(&at(path), patch).await
    }

    /// How many charges lie in a goal's log.
    async fn log(&self, path: &str) -> usize {
        self.store().peek_keys(Table::Charge.rows_of(&at(path)), None, 10_000).await.unwrap().len()
    }
}

fn goal(objective: &str) -> NewGoal {
    NewGoal::new(objective).unwrap()
}
