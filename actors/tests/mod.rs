//! What holds of agents and jobs as a host sees them, most of it on a store in memory with the clock paused.

mod faults;
mod lagging;
mod messages;
mod stopping;
mod tree;
mod waiting;
mod world;
