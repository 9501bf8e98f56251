//! The integration tests: one binary, a folder for each thing that is tried from outside.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without ends it")]

mod cli;
mod examples;
mod house;
mod store;
mod story;
