//! Agent paths: the name, the address and the key of an agent.
//!
//! A path is `/root` or a chain of names below it, such as `/root/ada/pages`. What has been parsed is valid, so nothing
//! above this room checks a path again. The characters are chosen so that the byte order of paths is the order of the
//! tree: parents first, every subtree in one piece. A store can therefore read a subtree as one range of keys.
//!
//! This room knows nothing of stores, agents or who may address whom.

mod agent_path;
mod error;

pub use agent_path::{AgentPath, Ancestors, DEPTH_MAX, PATH_MAX, SEGMENT_MAX};
pub use error::{PathError, PathRule};

#[cfg(test)]
mod tests;
