//! The gate, compiled from the actors' own files: it is theirs alone, and here it is measured by itself.

#[path = "../actors/gate/mod.rs"]
#[expect(dead_code, reason = "only waking is measured")]
mod gate;
mod sleeper;

pub use sleeper::{Swept, sweep};
