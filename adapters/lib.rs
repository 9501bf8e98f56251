//! Brains made from programs and, later, model APIs; and what else is asked of programs or read of what they keep.
//!
//! A brain here answers a turn with what something outside says: [`Shell`] runs a program once per turn, [`Scripted`] reads its
//! answers off a script, for tests and demonstrations. [`Git`] tells how directories stand. An adapter sorts what went wrong
//! into a [`BrainError`](understory_actors::BrainError) and returns; it never tries again, that is the actors' decision.
//!
//! [`Codex`] reads the conversations of a Codex home, line by line; who keeps them is the actors' import.
//!
//! This room knows nothing of stores, supervision or sockets. It never reads the environment or the home directory: what
//! a program may see of them is handed in by the caller.

mod codex;
mod git;
mod scripted;
mod shell;

pub use codex::{Codex, CodexError};
pub use git::Git;
pub use scripted::{Reply, ScriptError, Scripted};
pub use shell::{ALLOWED, OUTPUT_MAX, Shell, ShellError, ShellSettings};
