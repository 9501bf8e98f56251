//! A wake through the gate against a bare tell: what it costs that actors come and go.

use understory::AgentPath;
use understory_benches::{Swept, sweep};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::{Bench, Outcome, world};

const ACTORS: usize = 1_000;
const SWEEPS: usize = 300;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let paths = (0..ACTORS).map(|n| Ok(world::member(n)?.path)).collect::<Outcome<Vec<AgentPath>>>()?;
    let round = |_| world::block_on(async { Ok(sweep(&paths, SWEEPS).await) });
    let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Swept>>>()?;
    let cost = |pick: fn(&Swept) -> std::time::Duration| {
        let each = |swept| pick(swept).as_secs_f64() * 1_000_000.0 / (ACTORS * SWEEPS) as f64;
        rounds.iter().map(each).collect::<Rounds>()
    };
    let figure = Figure::new("wake through the gate", "us each", cost(|swept| swept.woken));
    report.figure(&figure.beside("kameo tell", cost(|swept| swept.told)).aim(Aim::RatioAtMost(1.5)));
    Ok(())
}
