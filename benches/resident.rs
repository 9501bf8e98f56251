//! What an agent in memory takes: its slot, its mailbox, its task and its record.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use understory::AgentPath;

use crate::figure::{Figure, Report, Rounds};
use crate::world;
use crate::{Bench, Outcome, child};

const PAGE: usize = 1_000;
/// How long the memory must not have moved until it is taken for settled.
const STILL: Duration = Duration::from_millis(300);

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let agents = if bench.long { 100_000 } else { 20_000 };
    let dir = bench.place.fresh("resident")?;
    world::block_on(async {
        let runtime = world::idle().open(&dir).await?;
        // Mail that nobody takes: an agent without a brain is woken by it, reads its record and stays.
        world::muster(&runtime, agents, Some("hello")).await?;
        runtime.shutdown(world::END).await?;
        Ok(())
    })?;
    let place = dir.display().to_string();
    let rounds = (0..bench.rounds).map(|_| child::measured(&child::run("resident", &[&place])?, "bytes"));
    let rounds = rounds.collect::<Outcome<Rounds>>()?;
    report.figure(&Figure::new(format!("{}k resident, memory", agents / 1000), "bytes each", rounds));
    bench.place.clear(&[&dir])
}

/// In a child: opens a store, reads all of it, and then has everybody in it resident.
pub(crate) fn wake_all(dir: &str) -> Outcome<Value> {
    world::block_on(async {
        let runtime = world::idle().open(Path::new(dir)).await?;
        let (mut after, mut agents) = (None, 0);
        loop {
            let page = runtime.list(&AgentPath::root(), after.as_ref(), PAGE).await?;
            agents += page.len();
            let Some(last) = page.last() else { break };
            after = Some(last.path.clone());
        }
        let before = settled().await?;
        runtime.run(&AgentPath::root()).await?;
        let now = settled().await?;
        let residents = runtime.system().residents();
        // The root and the fleet's top have no mail.
        if residents + 2 != agents {
            return Err(format!("{residents} of {agents} agents are resident").into());
        }
        Ok(json!({"bytes": now.saturating_sub(before) as f64 / residents as f64}))
    })
}

/// The memory of this process once it has stopped moving.
pub(crate) async fn settled() -> Outcome<u64> {
    let mut last = child::memory()?.0;
    loop {
        tokio::time::sleep(STILL).await;
        let now = child::memory()?.0;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
}
