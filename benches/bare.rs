//! Programs started in a bare loop: `posix_spawn`, the input written, the output read, and the end waited for.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Outcome, table};

/// What a loop took.
pub(crate) struct Looped {
    pub(crate) took: Duration,
    /// What the programs took of the processor, in seconds of a core.
    pub(crate) processor: f64,
}

/// Starts a program for each of so many rows, so many at once, each with its row on stdin.
pub(crate) fn run(command: &[&str], rows: u32, at_once: u32) -> Outcome<Looped> {
    let inputs: Vec<String> = (1..=rows).map(table::json).collect();
    let next = AtomicUsize::new(0);
    let (begin, before) = (Instant::now(), processor_of_children()?);
    let work = || -> Outcome<()> {
        while let Some(input) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
            call(command, input)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a bare loop panicked")?)
    })?;
    Ok(Looped { took: begin.elapsed(), processor: processor_of_children()? - before })
}

/// What the children of this process that have ended, and all below them that were waited for, took of the processor, in
/// seconds of a core.
pub(crate) fn processor_of_children() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Behind the program's name, which may hold anything.
    let fields = stat.rsplit_once(") ").ok_or("the system does not say")?.1;
    let ticks = fields.split_ascii_whitespace().skip(13).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

fn call(command: &[&str], input: &str) -> Outcome<()> {
    let mut program = Command::new(command[0]);
    program.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = program.spawn()?;
    let (mut stdin, mut stdout) = (child.stdin.take().ok_or("no stdin")?, child.stdout.take().ok_or("no stdout")?);
    // A program that reads nothing may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let mut output = String::new();
    stdout.read_to_string(&mut output)?;
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", command[0]).into()) }
}
