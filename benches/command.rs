//! How soon the `understory` command is gone when a job is done.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::bare::processor_of_children;
use crate::figure::{Aim, Figure, Report};
use crate::{Bench, Outcome, table};

const ROWS: u32 = 200;
const NAME: &str = "job run, from the output begun to gone";

/// A job that the command ran.
pub(crate) struct Ran {
    /// From its start to its end.
    pub(crate) took: Duration,
    /// From the birth of the output, which is begun when the last row is durable, to its end.
    pub(crate) gone: Duration,
    /// What it and all below it took of the processor, in seconds of a core.
    pub(crate) processor: f64,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let Some(program) = program(report, NAME)? else { return Ok(()) };
    let mut rounds = Vec::new();
    for _ in 0..bench.rounds {
        let ran = run(bench, &program, ROWS, &["--brain", "shell", "--command", "/bin/cat"])?;
        rounds.push(ran.gone.as_secs_f64() * 1000.0);
    }
    report.figure(&Figure::new(NAME, "ms", rounds.into_iter().collect()).aim(Aim::AtMost(100.0)));
    Ok(())
}

/// The command, which lies beside the directory that this program lies in; nothing, and a word about it, if it is not built.
pub(crate) fn program(report: &Report, workload: &str) -> Outcome<Option<PathBuf>> {
    let bench = std::env::current_exe()?;
    let release = bench.ancestors().nth(2).ok_or("the bench lies outside of a target directory")?;
    let program = release.join("understory");
    if !program.exists() {
        report.skipped(workload, "the command is not built: cargo build --release");
        return Ok(None);
    }
    Ok(Some(program))
}

/// Runs a job of so many rows to its end, in a home of its own.
pub(crate) fn run(bench: &Bench, program: &Path, rows: u32, arguments: &[&str]) -> Outcome<Ran> {
    let dir = bench.place.fresh("command")?;
    let (input, output) = (dir.join("table.csv"), dir.join("out.csv"));
    table::write(&input, rows)?;
    let mut command = Command::new(program);
    command.arg("--home").arg(dir.join("home")).args(["job", "run"]).arg(&input);
    command.args(arguments).arg("--out").arg(&output);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (begin, before) = (Instant::now(), processor_of_children()?);
    let status = command.status()?;
    let (took, gone, processor) = (begin.elapsed(), now(), processor_of_children()? - before);
    if !status.success() {
        return Err(format!("the command ended with {status}").into());
    }
    let born = std::fs::metadata(&output)?.created()?;
    bench.place.clear(&[&dir])?;
    Ok(Ran { took, gone: gone.duration_since(born).unwrap_or_default(), processor })
}

#[expect(clippy::disallowed_methods, reason = "compared with the times of files, which are the system's")]
fn now() -> SystemTime {
    SystemTime::now()
}
