//! Where an agent or job works, and how that stood when it was last left.
//!
//! ```text
//!              record: the end of a turn, accept
//!   left as seen <------------------------------- told (the turn that begins knows)
//!        |  '---------- is otherwise ---------------^   |
//!        '------------- is otherwise, policy block ---> held
//!                       (until it is as it was, or accepted)
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{AgentId, Time};
use super::version::record;

/// How much of a commit's name is told, in characters.
const SHORT: usize = 12;

/// The directory that an agent or a job works in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Whose it is.
    pub of: AgentId,
    /// Where it lies: absolute and without links.
    pub path: String,
    /// How it stood when it was given; nothing if nobody could tell.
    pub began: Option<Checkout>,
    /// How it was left; nothing if nobody could tell.
    pub left: Option<Checkout>,
    /// When that was seen.
    pub at: Time,
    /// What was last found to be otherwise than it was left.
    pub found: Option<Drifted>,
}

/// How a directory stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checkout {
    /// It is not there, or is no directory any more.
    Gone,
    /// It is there, and in no repository.
    Plain,
    /// It is in a repository.
    Repository {
        /// The commit that is checked out; nothing before the first.
        commit: Option<String>,
        /// The branch; nothing if the commit is checked out by itself.
        branch: Option<String>,
        /// Whether there are changes at or below the directory that are in no commit.
        dirty: bool,
    },
}

/// A directory that is not as it was left. As text it is what differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// How it was left.
    pub was: Checkout,
    /// How it is.
    pub is: Checkout,
}

/// A drift that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drifted {
    /// What differs.
    pub drift: Drift,
    /// When it was found.
    pub at: Time,
    /// Whether it is held against what would run there.
    pub held: bool,
}

impl Directory {
    /// A directory as it is given to somebody.
    pub fn new(of: AgentId, path: String, left: Option<Checkout>, at: Time) -> Self {
        Directory { of, path, began: left.clone(), left, at, found: None }
    }

    /// What is otherwise than it was left. What nobody could tell of is not compared.
    pub fn drift(&self, is: &Checkout) -> Option<Drift> {
        let was = self.left.as_ref().filter(|was| *was != is)?;
        Some(Drift { was: was.clone(), is: is.clone() })
    }

    /// The same with a drift found, which whoever runs there next is told of, or which is held against that.
    pub fn found(&self, drift: Drift, held: bool, at: Time) -> Self {
        Directory { found: Some(Drifted { drift, at, held }), ..self.clone() }
    }

    /// The commit that whoever works there knows: as a turn left it, or as it was told of it since.
    pub fn commit(&self) -> Option<&str> {
        let told = self.found.as_ref().filter(|found| found.at >= self.at).map(|found| &found.drift.is);
        told.or(self.left.as_ref())?.commit()
    }

    /// The commits that lie between how it was given and how it was left, as the first that is not among them, if there is one,
    /// and the last that is. Nothing if there are none, or nobody could tell.
    pub fn span(&self) -> Option<(Option<&str>, &str)> {
        let (began, left) = (self.began.as_ref()?.commit(), self.left.as_ref()?.commit()?);
        (began != Some(left)).then_some((began, left))
    }

    /// Whether this drift is held already.
    pub fn holds(&self, drift: &Drift) -> bool {
        self.found.as_ref().is_some_and(|found| found.held && found.drift == *drift)
    }

    /// Whether something is held against what would run there.
    pub fn is_held(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.held)
    }

    /// The same with nothing held: it is as it was left again.
    pub fn let_go(&self) -> Self {
        Directory { found: None, ..self.clone() }
    }

    /// The same as it was left by a turn or by the rows of a job. The drift that was found last stays told.
    pub fn leave(&self, left: Checkout, at: Time) -> Self {
        let found = self.found.clone().map(|found| Drifted { held: false, ..found });
        Directory { left: Some(left), at, found, ..self.clone() }
    }

    /// The same as somebody takes it to be right; nothing is told of it any more.
    pub fn accept(&self, is: Option<Checkout>, at: Time) -> Self {
        Directory { left: is, at, ..self.let_go() }
    }
}

impl Checkout {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Checkout::Gone => "gone",
            Checkout::Plain => "plain",
            Checkout::Repository { .. } => "repository",
        }
    }

    /// The commit, where there is one.
    pub fn commit(&self) -> Option<&str> {
        match self {
            Checkout::Repository { commit, .. } => commit.as_deref(),
            Checkout::Gone | Checkout::Plain => None,
        }
    }
}

impl Drift {
    /// Whether it is more than what those do who work there: the directory is gone or back, or another branch is checked out.
    pub fn is_by_others(&self) -> bool {
        match (&self.was, &self.is) {
            (Checkout::Repository { branch: was, .. }, Checkout::Repository { branch: is, .. }) => was != is,
            (was, is) => was == &Checkout::Gone || is == &Checkout::Gone,
        }
    }
}

impl fmt::Display for Checkout {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Checkout::Gone => out.write_str("not there"),
            Checkout::Plain => out.write_str("in no repository"),
            Checkout::Repository { commit, branch, dirty } => {
                let changes = if *dirty { ", with uncommitted changes" } else { "" };
                let commit = commit.as_deref().map_or("no commit", short);
                write!(out, "on {} at {commit}{changes}", called(branch.as_deref()))
            }
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (
            Checkout::Repository { commit: old, branch: from, dirty: before },
            Checkout::Repository { commit: new, branch: to, dirty: now },
        ) = (&self.was, &self.is)
        else {
            return write!(out, "it was {}, and is {}", self.was, self.is);
        };
        let mut words = Vec::new();
        if from != to {
            words.push(format!("{} -> {}", called(from.as_deref()), called(to.as_deref())));
        }
        if old != new {
            let [old, new] = [old, new].map(|commit| commit.as_deref().map_or("none", short));
            words.push(format!("commit {old} -> {new}"));
        }
        match (before, now) {
            (false, true) => words.push("there are uncommitted changes now".to_owned()),
            (true, false) => words.push("there are no uncommitted changes any more".to_owned()),
            _ => {}
        }
        out.write_str(&words.join(", "))
    }
}

fn called(branch: Option<&str>) -> String {
    branch.map_or_else(|| "no branch".to_owned(), |branch| format!("branch {branch}"))
}

fn short(commit: &str) -> &str {
    commit.get(..SHORT).unwrap_or(commit)
}

record!(Directory, V1);

#[cfg(test)]
mod tests;
