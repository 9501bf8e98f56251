//! An editor that has each line of a text counted by a reader of its own, and a second look at what it kept.
//!
//! `cargo run --example swarm`, and again: the agents and what they did are still there.

#![expect(clippy::print_stdout, reason = "a program says what it did")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use understory::{AgentPath, Brain, BrainError, Response, Role, Runtime, Seat, Turn, brain_fn};

/// Spawns a reader for each line; their answers come back as messages, each of which starts a turn.
struct Editor;

impl Brain for Editor {
    async fn turn(&mut self, turn: Turn) -> Result<Response, BrainError> {
        let text = turn.text();
        if text.ends_with("words") {
            return Ok(Response::text(format!("noted: {text}")));
        }
        for (number, line) in text.lines().enumerate() {
            let reader = format!("reader_{}_{number}", turn.number());
            turn.spawn(&reader, Some(line)).await.map_err(|error| BrainError::refused(error.to_string()))?;
        }
        Ok(Response::text(format!("asked {} readers", text.lines().count())))
    }
}

/// Runs the swarm over the store in `home` and returns how many agents it has.
pub async fn run(home: &Path) -> Result<usize, Box<dyn Error>> {
    let count =
        |turn: Turn| async move { Ok(Response::text(format!("{} words", turn.text().split_whitespace().count()))) };
    let runtime = Runtime::builder()
        .brain("editor", |_: &Seat| Ok(Editor))
        .brain("reader", move |_: &Seat| Ok(brain_fn(count)))
        .role("default", Role::with_brain("reader", ""))
        .open(home)
        .await?;
    let ada = runtime.root().spawn("ada").brain("editor", "").or_existing().await?;
    let outcome = ada.assign("the quick brown fox\njumps over\nthe lazy dog").await?.outcome().await?;
    println!("turn {}: {}", outcome.turn, outcome.content);
    ada.wait(Duration::from_secs(30)).await?;
    let agents = runtime.list(&AgentPath::root(), None, 1000).await?;
    for view in &agents {
        let last = view.agent().and_then(|agent| agent.outcome.as_ref()).map_or("", |outcome| &outcome.content);
        println!("{:30} {:10} {last}", view.path.to_string(), view.status());
    }
    runtime.shutdown(Duration::from_secs(5)).await?;
    Ok(agents.len())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(Path::new("target/swarm")).await.map(|agents| println!("{agents} agents"))
}
