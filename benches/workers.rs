//! A job of the `understory` command whose workers are programs that end at once: what a row costs beyond starting its program.

use std::time::Duration;

use crate::figure::{Figure, Report, Rounds};
use crate::{Bench, Outcome, bare, command};

const AT_ONCE: u32 = 16;
const PROGRAM: &str = "/bin/cat";
/// A shell that waits for a line and becomes the program, as the worker of a row does.
const GATED: [&str; 5] = ["/bin/sh", "-c", "exec \"$@\"", "gate", PROGRAM];

/// One round: what a row takes, in microseconds.
struct Round {
    command: f64,
    bare: f64,
    gated: f64,
    /// Of the processor.
    command_processor: f64,
    bare_processor: f64,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let rows = if bench.long { 10_000 } else { 1_000 };
    let name = |what: &str| format!("{rows} shell workers, 16 at once{what}");
    let Some(program) = command::program(report, &name(""))? else { return Ok(()) };
    let each = |took: Duration| took.as_secs_f64() * 1_000_000.0 / f64::from(rows);
    let at_once = AT_ONCE.to_string();
    let round = |_| {
        let ran = command::run(bench, &program, rows, &["--command", PROGRAM, "--concurrency", &at_once])?;
        let bare = bare::run(&[PROGRAM], rows, AT_ONCE)?;
        let gated = bare::run(&GATED, rows, AT_ONCE)?;
        let processor = |seconds: f64| each(Duration::from_secs_f64(seconds));
        let (command_processor, bare_processor) = (processor(ran.processor), processor(bare.processor));
        Ok(Round {
            command: each(ran.took),
            bare: each(bare.took),
            gated: each(gated.took),
            command_processor,
            bare_processor,
        })
    };
    let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Round>>>()?;
    let take = |pick: fn(&Round) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let figure = |beside, rounds| Figure::new(name(""), "us/row", take(|round| round.command)).beside(beside, rounds);
    report.figure(&figure("bare posix_spawn", take(|round| round.bare)));
    report.figure(&figure("the same by way of sh", take(|round| round.gated)));
    report.figure(&Figure::new(name(", beyond bare"), "us/row", take(|round| round.command - round.bare)));
    let processor = Figure::new(name(", processor"), "us/row", take(|round| round.command_processor));
    report.figure(&processor.beside("bare posix_spawn, children", take(|round| round.bare_processor)));
    Ok(())
}
