//! The way to the store: this process opens it, or asks the one that has it.

use std::time::{Duration, Instant};

use understory::chain;
use understory_server::{Client, Code, Failure, Reply, Request, answer};

use crate::command::Session;
use crate::owner::{Opened, Owner};

/// How long a store is tried for that is in use by a process that does not answer: it may just begin or end.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for a command that must have the store itself.
const SHORT_PATIENCE: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(20);

const NOBODY: &str = "an agent acts through the process that runs it, and none answers";

/// The way to the store.
pub(crate) enum Door {
    /// This process has it.
    Own(Box<Owner>),
    /// Another has it, and answers.
    Other(Box<Client>),
}

impl Door {
    /// Finds the way to the store of the home.
    pub(crate) async fn open(session: &Session) -> Result<Door, Failure> {
        let found = async {
            match session.setting.identity {
                None => find(session).await,
                Some(_) => reach(session).await,
            }
        };
        session.signals.unless(found).await
    }

    /// Opens the store for a command that must have it itself.
    pub(crate) async fn own(session: &Session, verb: &str) -> Result<Owner, Failure> {
        if let Some(identity) = &session.setting.identity {
            let message = format!("`understory {verb}` has the store itself, which {} may not", identity.path);
            return Err(Failure::new(Code::NotFound, message));
        }
        session.signals.unless(take(session, verb)).await
    }

    /// Whether another process does what is asked, and goes on when this one has ended.
    pub(crate) fn is_other(&self) -> bool {
        matches!(self, Door::Other(_))
    }

    /// Has a request carried out and its reply printed, until a signal comes; `hint` tells how to go on then.
    ///
    /// A process that has the store ends only when other terminals have their answers too.
    pub(crate) async fn ask(self, session: &Session, request: Request, hint: &str) -> Result<Reply, Failure> {
        let go_on = || Failure::new(Code::Interrupted, "").hint(hint);
        match self {
            Door::Own(owner) => {
                let (runtime, others_answered) = (owner.runtime.clone(), owner.others_answered());
                let work = async move {
                    let reply = answer(&runtime, request).await?;
                    session.print(&reply).await?;
                    others_answered.await;
                    Ok(reply)
                };
                owner.until_signal(work, go_on).await
            }
            Door::Other(mut client) => {
                let pid = client.hello().pid;
                let asked = session.signals.unless(client.ask(&request)).await;
                let reply = asked.map_err(|failure| match failure.code {
                    // What only looks or waits ends with who asked for it.
                    Code::Interrupted | Code::Terminated if !request.repeats() => {
                        failure.hint(format!("what process {pid} has accepted, it goes on with"))
                    }
                    _ => failure,
                })?;
                session.signals.unless(session.print(&reply)).await?;
                Ok(reply)
            }
        }
    }
}

/// The way of an agent, which is never by the store itself: there nobody would ask for its token.
async fn reach(session: &Session) -> Result<Door, Failure> {
    let Session { setting, .. } = session;
    match Client::connect(&setting.home).await {
        Ok(Some(client)) => Ok(Door::Other(Box::new(client.identified(setting.identity.clone())))),
        Ok(None) => Err(Failure::new(Code::Stopping, NOBODY).retryable()),
        Err(error) => Err(Failure::new(Code::Stopping, format!("{NOBODY}: {}", chain(&error))).retryable()),
    }
}

async fn find(session: &Session) -> Result<Door, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        let in_use = match Owner::open(session).await? {
            Opened::Own(owner) => return Ok(Door::Own(Box::new(owner))),
            Opened::InUse(failure) => failure,
        };
        let why = match Client::connect(&session.setting.home).await {
            Ok(Some(client)) => return Ok(Door::Other(Box::new(client))),
            Ok(None) => "it has no control socket".to_owned(),
            Err(error) => chain(&error),
        };
        if Instant::now() >= until {
            let message = format!("{}, which does not answer: {why}", in_use.message);
            return Err(Failure { message, ..in_use });
        }
        tokio::time::sleep(STEP).await;
    }
}

async fn take(session: &Session, verb: &str) -> Result<Owner, Failure> {
    let until = Instant::now() + SHORT_PATIENCE;
    loop {
        match Owner::open(session).await? {
            Opened::Own(owner) => return Ok(owner),
            Opened::InUse(failure) if Instant::now() >= until => {
                let hint = format!("`understory {verb}` needs the store for itself: wait for that process, or end it");
                return Err(failure.hint(hint));
            }
            Opened::InUse(_) => tokio::time::sleep(STEP).await,
        }
    }
}
