//! Imports: conversations that another program keeps become agents without a brain, each with its transcript.
//!
//! ```text
//!   archive --files--> look up --births--> registrar          one commit for those of a round
//!                         '--lines--> entries --commit--> store, with how far the file was taken
//! ```
//!
//! What was taken is on record with the entries it made, in the same commit: a run that was cut goes on, and one that is
//! repeated adds what is new. A conversation is known by its name, wherever its file lies; what was taken of it is known by
//! its length and hash. A file that fails is on record too, and every run tries it again; others go on.
//!
//! An import writes rows of agents that have no brain, and their own actors write nothing; what a person does meanwhile, such
//! as a close, makes the commit of a file conflict, and the file is looked at anew.

mod archive;
mod birth;
mod entry;
mod family;
mod ledger;
mod report;
mod round;
mod run;
mod take;

use std::sync::Arc;

use understory_paths::AgentPath;

pub use self::archive::{Archive, ArchiveError, Conversation, Found, FoundFile, Part, Speaks, Step, Thread, Tokens};
#[cfg(test)]
pub(crate) use self::birth::segment as name_of;
pub use self::report::{FAILURES_MAX, ImportFailure, ImportReport, ImportTally, LINKS_MAX};
use self::run::Run;
use crate::error::Error;
use crate::system::System;

/// The longest name of a conversation, in bytes.
pub const THREAD_NAME_MAX: usize = 200;

/// What is to be imported.
#[derive(Clone)]
pub struct ImportRequest {
    /// The agent that all of it comes to lie below. It is created if it is not there, without a brain.
    pub at: AgentPath,
    /// Where it comes from.
    pub archive: Arc<dyn Archive>,
    /// Only say what would come of it.
    pub dry_run: bool,
}

impl System {
    /// Imports conversations, those that were not yet and what others have grown by, and calls `told` with how far it is.
    /// Dropped, or cut by the end of the process, it goes on when it is asked again.
    ///
    /// # Errors
    /// Something else lies at the path, it or what it lies below is closed or not there, another import below it has begun,
    /// or the store failed. Files that cannot be read are no error but in the report.
    pub async fn import(
        &self,
        request: &ImportRequest,
        told: &(dyn Fn(&ImportTally) + Sync),
    ) -> Result<ImportReport, Error> {
        Run::begin(self, request, told).await?.finish().await
    }
}
