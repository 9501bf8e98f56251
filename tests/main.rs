//! The integration tests: one binary, a folder for each thing that is tried from outside.

mod examples;
mod house;
mod store;
mod story;
