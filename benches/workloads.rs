//! Workloads measured beside their baselines, in one run.
//!
//! ```text
//! cargo bench --bench workloads [-- --json] [--long] [--dir DIR] [--only WORKLOAD]
//! ```
//!
//! `README.md` beside this file says what each figure means. The machine may be busy: what counts is the ratio of a
//! figure to its baseline, taken in turns; a rate by itself says little.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench is a program: it prints what it measured")]

mod accounting;
mod bare;
mod branch;
mod child;
mod churn;
mod cold;
mod command;
mod figure;
mod idle;
mod import;
mod interrupt;
mod job;
mod listing;
mod memories;
mod options;
mod parcels;
mod place;
mod raw;
mod reopen;
mod reply;
mod resident;
mod sizes;
mod spawn;
mod sqlite;
mod storm;
mod table;
mod tally;
mod tape;
mod transcript;
mod tree;
mod waiter;
mod waiters;
mod waiting;
mod wake;
mod workers;
mod world;

use std::error::Error;
use std::process::ExitCode;

use figure::Report;
use options::Options;
use place::Place;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Workload = fn(&Bench, &mut Report) -> Outcome<()>;

/// What every workload is given.
struct Bench {
    place: Place,
    rounds: usize,
    long: bool,
}

const WORKLOADS: [(&str, Workload); 23] = [
    ("spawn", spawn::measure),
    ("reply", reply::measure),
    ("wake", wake::measure),
    ("job", job::measure),
    ("sizes", sizes::measure),
    ("resident", resident::measure),
    ("import", import::measure),
    ("reopen", reopen::measure),
    ("command", command::measure),
    ("waiting", waiting::measure),
    ("workers", workers::measure),
    ("tree", tree::measure),
    ("cold", cold::measure),
    ("idle", idle::measure),
    ("storm", storm::measure),
    ("waiters", waiters::measure),
    ("churn", churn::measure),
    ("interrupt", interrupt::measure),
    ("list", listing::measure),
    ("memories", memories::measure),
    ("goals", accounting::measure),
    ("parcels", parcels::measure),
    ("transcript", transcript::measure),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    if let Some(part) = child::asked() {
        println!("{}", child::play(&part)?);
        return Ok(());
    }
    let options = Options::parse(std::env::args().skip(1))?;
    let place = Place::make(&options.dir)?;
    let bench = Bench { rounds: if options.long { 5 } else { 3 }, long: options.long, place };
    let mut report = Report::new(options.json);
    report.head(&bench);
    for (name, measure) in WORKLOADS {
        if options.only.as_ref().is_none_or(|only| only == name) {
            eprintln!("{name} ...");
            measure(&bench, &mut report)?;
        }
    }
    report.end();
    Ok(())
}
