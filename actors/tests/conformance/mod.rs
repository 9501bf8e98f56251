//! What the tests of another harness say of things that are ours too: their input, our words. `tests/conformance.md` has the
//! rows, and where ours differ.

mod closing;
mod ended;
mod jobs;
mod mail;
mod names;
mod places;
mod standing;
mod tools;

use crate::Role;
use crate::brain::{Response, Turn};

use super::world::{Setting, World};

/// A world whose brain `hand` makes the tool calls that its message lists, one a line, and gives back what they answer. What is
/// created without a role has the brain `echo`.
pub(super) fn hand() -> Setting {
    let setting =
        World::setting().role("default", Role::with_brain("echo", "")).role("hand", Role::with_brain("hand", ""));
    setting.brain("hand", |turn: Turn| async move {
        let mut said = Vec::new();
        for line in turn.text().lines() {
            let (tool, arguments) = line.split_once(' ').unwrap_or((line, "{}"));
            let answer = turn.tools().expect("this turn has a runtime").call(tool, arguments).await;
            said.push(answer.unwrap_or_else(|error| error.to_string()));
        }
        Ok(Response::text(said.join("\n")))
    })
}

impl World {
    /// What an agent's brain `hand` is answered.
    pub(super) async fn calls(&self, path: &str, calls: &[&str]) -> String {
        self.assign(path, &calls.join("\n")).await.unwrap().content
    }
}
