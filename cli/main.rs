//! The `understory` command: it reads the environment and the home, wires the rooms together and draws.

mod arguments;
mod ask;
mod brains;
mod command;
mod confirm;
mod dead;
mod directory;
mod door;
mod entries;
mod exit;
mod fan_out;
mod given;
mod goal;
mod import;
mod job;
mod jobs;
mod log;
mod looking;
mod memory;
mod meta;
mod owner;
mod pace;
mod parcel;
mod plan;
mod planning;
mod progress;
mod remove;
mod render;
mod role;
mod run;
mod session;
mod setting;
mod signals;
mod talk;
mod terminal;
mod tool;
mod transcript;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main()
}
