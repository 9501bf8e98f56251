//! The command as a person has it: the real binary, in a home of its own.

mod agents;
mod bad_input;
mod bad_store;
mod dead;
mod folder;
mod full;
mod hostile;
mod interrupt;
mod job_control;
mod job_rows;
mod jobs;
mod kept;
mod letters;
mod looking;
mod outputs;
mod plans;
mod progress;
mod remove;
mod resident;
mod roles;
mod second;
mod shapes;
mod signals;
mod tables;
mod tokens;
mod watch;
