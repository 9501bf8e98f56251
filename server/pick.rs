//! Which job is meant when none is named.

use crate::failure::{Code, Failure};
use crate::lines::JobLine;

/// The one to look at: the newest.
pub(crate) fn newest(jobs: &[JobLine]) -> Result<&JobLine, Failure> {
    // Ids are made in the order of time.
    jobs.iter().max_by(|a, b| a.id.cmp(&b.id)).ok_or_else(|| Failure::new(Code::NotFound, "there is no job"))
}

/// The one to act on: the only one that is not finished.
///
/// # Errors
/// There is none, or more than one.
pub fn unfinished_job(jobs: &[JobLine]) -> Result<&JobLine, Failure> {
    let mut open = jobs.iter().filter(|job| !job.finished);
    match (open.next(), open.next()) {
        (Some(job), None) => Ok(job),
        (None, _) => Err(Failure::new(Code::NotFound, "no job is unfinished").hint("understory job list")),
        (Some(_), Some(_)) => {
            let named: Vec<&str> = jobs.iter().filter(|job| !job.finished).map(|job| job.path.as_str()).collect();
            Err(Failure::new(Code::Usage, format!("several jobs are unfinished, name one: {}", named.join(", "))))
        }
    }
}
