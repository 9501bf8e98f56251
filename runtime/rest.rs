//! Running a subtree until nothing is left to do in it.

use understory_paths::AgentPath;

use crate::error::Error;
use crate::runtime::Runtime;

impl Runtime {
    /// Runs a subtree and returns once nothing is left to do in it: no job is unfinished, no message that starts a turn
    /// waits or is in hand. What is closed, faulted or has no brain is passed over. Gives back the jobs whose output could
    /// not be written.
    ///
    /// # Errors
    /// Nothing lies at the path, the store takes nothing more, or the runtime stops.
    pub async fn run_to_rest(&self, top: &AgentPath) -> Result<Vec<AgentPath>, Error> {
        self.system.run_to_rest(top).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use understory_actors::{BrainError, Letter, Response, SpawnRequest, brain_fn};
    use understory_store::{BrainChoice, TurnResult};

    use super::*;

    async fn runtime() -> Runtime {
        let echo = |_: &understory_actors::Seat| {
            Ok(brain_fn(|turn| async move {
                match turn.text().as_str() {
                    "refuse" => Err(BrainError::refused("no")),
                    text => Ok(Response::text(text.to_uppercase())),
                }
            }))
        };
        let runtime = Runtime::builder().brain("echo", echo).in_memory().await.unwrap();
        for (path, brain) in [("/root/ada", Some("echo")), ("/root/ada/bob", Some("echo")), ("/root/cy", None)] {
            let brain = brain.map(|name| BrainChoice { name: name.to_owned(), settings: String::new() });
            let request = SpawnRequest { brain, ..SpawnRequest::at(path.parse().unwrap()) };
            runtime.system().spawn(vec![request]).await.unwrap();
        }
        runtime
    }

    async fn ask(runtime: &Runtime, path: &str, text: &str) {
        let letter = Letter { trigger: true, ..Letter::to(path.parse().unwrap(), text) };
        runtime.system().send(letter).await.unwrap();
    }

    async fn last(runtime: &Runtime, path: &str) -> Option<(TurnResult, String)> {
        let view = runtime.agent(path.parse().unwrap()).show().await.unwrap();
        let outcome = view.agent().unwrap().outcome.clone();
        outcome.map(|outcome| (outcome.result, outcome.content))
    }

    #[tokio::test]
    async fn a_subtree_rests_when_every_message_had_its_turn() {
        let runtime = runtime().await;
        ask(&runtime, "/root/ada", "refuse").await;
        ask(&runtime, "/root/ada/bob", "hello").await;
        // None of these ever has a turn.
        ask(&runtime, "/root/cy", "nobody thinks here").await;
        let unwritten = runtime.run_to_rest(&AgentPath::root()).await.unwrap();
        assert_eq!(unwritten, []);
        assert_eq!(last(&runtime, "/root/ada/bob").await, Some((TurnResult::Completed, "HELLO".to_owned())));
        // Her own message was refused, and then the result of bob's turn came to her.
        assert_eq!(runtime.agent("/root/ada".parse().unwrap()).show().await.unwrap().agent().unwrap().turns, 2);
        runtime.shutdown(Duration::from_secs(5)).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_closed_is_not_waited_for() {
        let runtime = runtime().await;
        ask(&runtime, "/root/ada/bob", "hello").await;
        runtime.agent("/root/ada".parse().unwrap()).close(Duration::from_secs(1)).await.unwrap();
        runtime.run_to_rest(&AgentPath::root()).await.unwrap();
        assert_eq!(last(&runtime, "/root/ada/bob").await, None);
        runtime.shutdown(Duration::from_secs(5)).await.unwrap();
    }

    #[tokio::test]
    async fn another_subtree_is_left_alone() {
        let runtime = runtime().await;
        ask(&runtime, "/root/ada", "hello").await;
        ask(&runtime, "/root/ada/bob", "hello").await;
        runtime.run_to_rest(&"/root/ada/bob".parse().unwrap()).await.unwrap();
        assert_eq!(last(&runtime, "/root/ada").await, None);
        assert!(last(&runtime, "/root/ada/bob").await.is_some());
        runtime.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}
