//! A job of the `understory` command whose workers do nothing but wait for a second: what is left is how well the places are
//! kept full, and what that costs.

use crate::command::{self, Ran};
use crate::figure::{Aim, Figure, Report, Rounds};
use crate::{Bench, Outcome, bare};

const ROWS: u32 = 100;
const CONCURRENCY: u32 = 64;
const NAME: &str = "100 rows that wait 1 s, 64 at once";

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let Some(program) = command::program(report, NAME)? else { return Ok(()) };
    let dir = bench.place.fresh("waiting")?;
    let script = dir.join("script.jsonl");
    std::fs::write(&script, "{\"report\":{\"waited\":true},\"delay_ms\":1000}\n")?;
    let script = script.to_str().ok_or("the place of the bench is not text")?;
    let concurrency = CONCURRENCY.to_string();
    let ran =
        |brain: [&str; 2]| command::run(bench, &program, ROWS, &[brain[0], brain[1], "--concurrency", &concurrency]);
    let (mut shell, mut scripted, mut loops) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        shell.push(ran(["--command", "/bin/sleep 1"])?);
        loops.push(bare::run(&["/bin/sleep", "1"], ROWS, CONCURRENCY)?);
        scripted.push(ran(["--script", script])?);
    }
    bench.place.clear(&[&dir])?;
    for (brain, rounds) in [("shell", &shell), ("scripted", &scripted)] {
        let figure = |what: &str, unit, take: fn(&Ran) -> f64, most: f64| {
            let name = format!("{NAME}, {brain}{what}");
            Figure::new(name, unit, rounds.iter().map(take).collect::<Rounds>()).aim(Aim::AtMost(most))
        };
        let took = figure("", "s", |ran| ran.took.as_secs_f64(), 2.2);
        let took_bare = loops.iter().map(|bare| bare.took.as_secs_f64()).collect();
        let processor = figure(", processor", "s", |ran| ran.processor, 0.5);
        let processor_bare = loops.iter().map(|bare| bare.processor).collect();
        match brain {
            "shell" => {
                report.figure(&took.beside("bare posix_spawn", took_bare));
                report.figure(&processor.beside("bare posix_spawn", processor_bare));
            }
            _ => {
                report.figure(&took);
                report.figure(&processor);
            }
        }
        report.figure(&figure(", from the output begun to gone", "ms", |ran| ran.gone.as_secs_f64() * 1000.0, 100.0));
    }
    Ok(())
}
