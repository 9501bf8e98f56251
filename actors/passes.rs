//! The tokens of turns under way: in memory alone, and dead with the turn.
//!
//! ```text
//!   worker's adapter --Turn::pass--> Pass --token--> worker --path, token--> a door --System::tools_of--> the turn's tools
//!                                     '--dropped: the token is forgotten
//! ```
//!
//! A turn that asks for none costs nothing. There are no more than there are turns under way, each of which may ask once.

use std::collections::HashMap;

use understory_paths::AgentPath;

use crate::lock::Lock;
use crate::system::System;
use crate::token::{Fingerprint, Token};
use crate::tools::{ToolError, Tools};

/// The passes there are, by whose they are.
#[derive(Default)]
pub(crate) struct Passes(Lock<HashMap<AgentPath, Vec<(Fingerprint, Tools)>>>);

/// A token that stands for one turn, or one run of a job's item, until it is dropped or the turn is over.
pub struct Pass {
    token: Token,
    system: System,
    path: AgentPath,
}

impl Pass {
    /// What proves to be the turn.
    pub fn token(&self) -> &Token {
        &self.token
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.system.passes.forget(&self.path, &self.token.fingerprint());
    }
}

impl Passes {
    fn keep(&self, path: AgentPath, fingerprint: Fingerprint, tools: Tools) {
        self.0.lock().entry(path).or_default().push((fingerprint, tools));
    }

    fn find(&self, path: &AgentPath, fingerprint: &Fingerprint) -> Option<Tools> {
        let passes = self.0.lock();
        let found = passes.get(path)?.iter().find(|(known, _)| known.fits(fingerprint));
        found.map(|(_, tools)| tools.clone())
    }

    fn forget(&self, path: &AgentPath, fingerprint: &Fingerprint) {
        let mut passes = self.0.lock();
        let Some(of_path) = passes.get_mut(path) else { return };
        let (gone, left) = of_path.drain(..).partition(|(known, _)| known.fits(fingerprint));
        *of_path = left;
        if of_path.is_empty() {
            passes.remove(path);
        }
        drop(passes);
        // They may be the last that hold much else.
        drop::<Vec<_>>(gone);
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().values().map(Vec::len).sum()
    }
}

impl Tools {
    /// See [`Turn::pass`](crate::Turn::pass).
    pub(crate) fn pass(&self) -> Result<Pass, ToolError> {
        let (token, path) = (Token::mint()?, self.me().path.clone());
        self.system().passes.keep(path.clone(), token.fingerprint(), self.clone());
        Ok(Pass { token, system: self.system().clone(), path })
    }
}

impl System {
    /// The tools of the turn at `path` whose token this is, while it is at work.
    pub(crate) fn pass_of(&self, path: &AgentPath, token: &Fingerprint) -> Option<Tools> {
        self.passes.find(path, token).filter(|tools| self.is_under_way(tools))
    }

    /// Whether the turn is at work in this process: what outlives it has no rights.
    fn is_under_way(&self, tools: &Tools) -> bool {
        let caller = tools.caller();
        match caller.run() {
            Some(run) => self.is_run_under_way(&caller.me().path, run.run),
            None => {
                let (turn, attempt) = (caller.turn(), caller.attempt());
                self.agents.held(&caller.me().path, |held| held.runs(turn, attempt)) == Some(true)
            }
        }
    }
}
