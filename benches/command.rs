//! How soon the `understory` command is gone when a job is done.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::figure::{Aim, Figure, Report};
use crate::{Bench, Outcome, table};

const ROWS: u32 = 200;
const NAME: &str = "job run, from the output begun to gone";

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let program = program()?;
    if !program.exists() {
        report.skipped(NAME, "the command is not built: cargo build --release");
        return Ok(());
    }
    let mut rounds = Vec::new();
    for _ in 0..bench.rounds {
        let Some(gone) = round(bench, &program)? else {
            report.skipped(NAME, "the command did not finish a job");
            return Ok(());
        };
        rounds.push(gone.as_secs_f64() * 1000.0);
    }
    report.figure(&Figure::new(NAME, "ms", rounds.into_iter().collect()).aim(Aim::AtMost(100.0)));
    Ok(())
}

/// From the birth of the output, which is begun when the last row is durable, to the end of the process. Nothing if there
/// is no output.
fn round(bench: &Bench, program: &PathBuf) -> Outcome<Option<Duration>> {
    let dir = bench.place.fresh("command")?;
    let (input, output) = (dir.join("table.csv"), dir.join("out.csv"));
    table::write(&input, ROWS)?;
    let mut command = Command::new(program);
    command.arg("--home").arg(dir.join("home")).args(["job", "run"]).arg(&input);
    command.args(["--brain", "shell", "--command", "/bin/cat", "--out"]).arg(&output);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let gone = now();
    let born = std::fs::metadata(&output).and_then(|output| output.created());
    let born = born.ok().filter(|_| status.success());
    bench.place.clear(&[&dir])?;
    Ok(born.map(|born| gone.duration_since(born).unwrap_or_default()))
}

#[expect(clippy::disallowed_methods, reason = "compared with the times of files, which are the system's")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// The command lies beside the directory that this program lies in.
fn program() -> Outcome<PathBuf> {
    let bench = std::env::current_exe()?;
    let release = bench.ancestors().nth(2).ok_or("the bench lies outside of a target directory")?;
    Ok(release.join("understory"))
}
