//! Directories that agents and jobs work in, as they are asked for and answered.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, Checkout, Directory, Drift, Drifted, Runtime};

use crate::failure::Failure;
use crate::told::moment;

/// Something asked of the directory of an agent, a job or an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirRequest {
    /// How it was left, and how it is now.
    Show {
        /// Whose.
        path: String,
    },
    /// Another shall be worked in.
    Set {
        /// Whose.
        path: String,
        /// Which, absolute.
        directory: String,
    },
    /// As it is, it is right.
    Accept {
        /// Whose.
        path: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirLine {
    /// Whose it is.
    pub path: AgentPath,
    /// The directory; nothing if there is none.
    pub directory: Option<DirectoryLine>,
    /// How it stands now; nothing if that cannot be told.
    pub now: Option<CheckoutLine>,
    /// What differs now from how it was left, in words.
    pub drift: Option<String>,
}

/// A directory that is worked in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryLine {
    /// Where it lies.
    pub directory: String,
    /// How it stood when it was given; nothing if that could not be told.
    pub began: Option<CheckoutLine>,
    /// How it was left; nothing if that could not be told.
    pub left: Option<CheckoutLine>,
    /// When that was seen.
    pub left_at: String,
    /// What was last found to be otherwise than it was left.
    pub found: Option<FoundLine>,
}

/// How a directory stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum CheckoutLine {
    /// It is not there.
    Gone,
    /// It is in no repository.
    Plain,
    /// It is in one.
    Repository {
        /// The commit that is checked out.
        commit: Option<String>,
        /// The branch.
        branch: Option<String>,
        /// Whether there are changes that are in no commit.
        dirty: bool,
    },
}

/// A drift that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundLine {
    /// How it was left.
    pub was: CheckoutLine,
    /// How it was found.
    pub is: CheckoutLine,
    /// What differs, in words.
    pub drift: String,
    /// When.
    pub at: String,
    /// Whether nothing runs there until it is as it was, or accepted.
    pub held: bool,
}

impl DirRequest {
    /// Whether asking twice comes to the same as asking once.
    pub(crate) fn repeats(&self) -> bool {
        matches!(self, DirRequest::Show { .. })
    }
}

pub(crate) async fn answer(runtime: &Runtime, request: DirRequest) -> Result<DirLine, Failure> {
    let system = runtime.system();
    let meant = async |path: &str| runtime.find(path).await.map(|agent| agent.path().clone());
    match request {
        DirRequest::Show { path } => show(runtime, meant(&path).await?).await,
        DirRequest::Set { path, directory } => {
            let path = meant(&path).await?;
            let set = system.set_directory(&path, directory.as_ref()).await?;
            Ok(as_left(path, &set))
        }
        DirRequest::Accept { path } => {
            let path = meant(&path).await?;
            let accepted = system.accept_directory(&path).await?;
            Ok(as_left(path, &accepted))
        }
    }
}

/// How a directory was left and how it is now.
pub(crate) async fn show(runtime: &Runtime, path: AgentPath) -> Result<DirLine, Failure> {
    // That nothing lies there is an error; that it has no directory is none.
    runtime.agent(path.clone()).show().await?;
    let directory = runtime.system().directory(&path).await?;
    let now = runtime.system().repository_of(&path).await?;
    let drift = directory.as_ref().zip(now.as_ref()).and_then(|(directory, now)| directory.drift(now));
    Ok(DirLine {
        path,
        directory: directory.as_ref().map(directory_line),
        now: now.as_ref().map(checkout_line),
        drift: drift.map(|drift| drift.to_string()),
    })
}

pub(crate) fn directory_line(directory: &Directory) -> DirectoryLine {
    let Directory { of: _, path, began, left, at, found } = directory;
    DirectoryLine {
        directory: path.clone(),
        began: began.as_ref().map(checkout_line),
        left: left.as_ref().map(checkout_line),
        left_at: moment(*at),
        found: found.as_ref().map(found_line),
    }
}

pub(crate) fn checkout_line(checkout: &Checkout) -> CheckoutLine {
    match checkout.clone() {
        Checkout::Gone => CheckoutLine::Gone,
        Checkout::Plain => CheckoutLine::Plain,
        Checkout::Repository { commit, branch, dirty } => CheckoutLine::Repository { commit, branch, dirty },
    }
}

impl From<CheckoutLine> for Checkout {
    fn from(line: CheckoutLine) -> Self {
        match line {
            CheckoutLine::Gone => Checkout::Gone,
            CheckoutLine::Plain => Checkout::Plain,
            CheckoutLine::Repository { commit, branch, dirty } => Checkout::Repository { commit, branch, dirty },
        }
    }
}

fn found_line(found: &Drifted) -> FoundLine {
    let Drifted { drift, at, held } = found;
    let Drift { was, is } = drift;
    FoundLine { was: checkout_line(was), is: checkout_line(is), drift: drift.to_string(), at: moment(*at), held: *held }
}

/// What has just been looked at and is taken to be right.
fn as_left(path: AgentPath, directory: &Directory) -> DirLine {
    let now = directory.left.as_ref().map(checkout_line);
    DirLine { path, directory: Some(directory_line(directory)), now, drift: None }
}
