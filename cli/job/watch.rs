//! `job watch`: a job that another process runs is followed to its end.

use std::time::Duration;

use understory_server::{Client, Code, Failure, JobAnswer, JobControl, Reply, Request, WatchedJob, answer};

use super::{LOOK, at_work, sum_up};
use crate::command::Session;
use crate::door::Door;
use crate::owner::Owner;
use crate::progress::{Progress, Standing};
use crate::render;

/// Shows how far a job is until it is finished, and what came of it.
pub(crate) async fn watch(session: &Session, job: Option<String>) -> Result<u8, Failure> {
    let progress = Progress::new(&session.terminal, session.terminal.every());
    let watched = to_the_end(session, job, &progress).await;
    progress.end();
    if watched.is_err() {
        progress.cut();
    }
    sum_up(session, &progress, watched?).await
}

/// Asks whoever has the store how it stands, and the next one when that has ended.
async fn to_the_end(session: &Session, job: Option<String>, progress: &Progress) -> Result<WatchedJob, Failure> {
    let mut named = job;
    loop {
        match Door::open(session).await? {
            Door::Own(owner) => return stored(*owner, named).await,
            Door::Other(client) => {
                if let Some(watched) = live(session, *client, named.clone(), progress).await? {
                    return Ok(watched);
                }
            }
        }
        // Which is the newest may be another by now.
        named = progress.job().map(|job| job.to_string()).or(named);
    }
}

/// Follows it as long as the process runs that has the store. Nothing: that has ended.
async fn live(
    session: &Session,
    mut client: Client,
    job: Option<String>,
    progress: &Progress,
) -> Result<Option<WatchedJob>, Failure> {
    let pid = client.hello().pid;
    // Shown at once, and then whenever it is time to.
    let mut within = Duration::ZERO;
    loop {
        let watched = match session.signals.unless(client.ask(&look(job.clone(), within))).await {
            Ok(reply) => of(reply)?,
            Err(failure) => match failure.code {
                Code::Stopping => return Ok(None),
                Code::Interrupted | Code::Terminated => {
                    return Err(failure.hint(format!("process {pid} goes on with it")));
                }
                _ => return Err(failure),
            },
        };
        let standing = Standing::from(&watched.job);
        match progress.job() {
            None => progress.begin(standing, !watched.job.finished),
            Some(_) => progress.stands(standing),
        }
        if watched.job.finished {
            return Ok(Some(watched));
        }
        at_work(&watched.job)?;
        within = LOOK;
    }
}

/// Looks where it stands: nobody runs it.
async fn stored(owner: Owner, job: Option<String>) -> Result<WatchedJob, Failure> {
    let (runtime, others_answered) = (owner.runtime.clone(), owner.others_answered());
    let work = async {
        let watched = of(answer(&runtime, look(job, Duration::ZERO)).await?)?;
        others_answered.await;
        Ok(watched)
    };
    let watched = owner.until_signal(work, || Failure::new(Code::Interrupted, "")).await?;
    if watched.job.finished {
        return Ok(watched);
    }
    at_work(&watched.job)?;
    let path = &watched.job.path;
    let failure = Failure::new(Code::Failure, format!("no process runs {path}: {}", render::standing(&watched.job)));
    Err(failure.hint(format!("understory job resume {path}")))
}

fn look(job: Option<String>, within: Duration) -> Request {
    let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
    Request::JobControl(JobControl::Watch { path: job, within_ms })
}

fn of(reply: Reply) -> Result<WatchedJob, Failure> {
    match reply {
        Reply::JobControl(JobAnswer::Watched(watched)) => Ok(watched),
        _ => Err(Failure::new(Code::Failure, "a watch was asked for, and something else came")),
    }
}
