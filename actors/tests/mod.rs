//! What holds of agents and jobs as a host sees them, most of it on a store in memory with the clock paused.

mod crashes;
mod faults;
mod full;
mod inboxes;
mod item_mail;
mod job_crashes;
mod job_stops;
mod job_storm;
mod jobs;
mod joining;
mod lagging;
mod messages;
mod naming;
pub(crate) mod panics;
mod pausing;
mod reports;
mod resting;
mod roles;
mod stopping;
mod storm;
mod strategies;
mod sweeping;
mod table;
mod tree;
mod waiting;
mod world;
