//! The way to the store: this process opens it, or asks the one that has it.

use std::time::{Duration, Instant};

use understory_server::{Client, Code, Failure, Reply, Request, answer, chain};

use crate::owner::{Opened, Owner};
use crate::setting::Setting;
use crate::signals::Signals;
use crate::terminal::Terminal;

/// How long a store is tried for that is in use by a process that does not answer: it may just begin or end.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for a command that must have the store itself.
const SHORT_PATIENCE: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(20);

/// The way to the store.
pub(crate) enum Door {
    /// This process has it.
    Own(Box<Owner>),
    /// Another has it, and answers.
    Other(Box<Client>),
}

impl Door {
    /// Finds the way to the store of the home.
    pub(crate) async fn open(setting: &Setting, terminal: &Terminal) -> Result<Door, Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            let in_use = match Owner::open(setting, terminal).await? {
                Opened::Own(owner) => return Ok(Door::Own(Box::new(owner))),
                Opened::InUse(failure) => failure,
            };
            let why = match Client::connect(&setting.home).await {
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

    /// Opens the store for a command that must have it itself.
    pub(crate) async fn own(setting: &Setting, terminal: &Terminal, verb: &str) -> Result<Owner, Failure> {
        let until = Instant::now() + SHORT_PATIENCE;
        loop {
            match Owner::open(setting, terminal).await? {
                Opened::Own(owner) => return Ok(owner),
                Opened::InUse(failure) if Instant::now() >= until => {
                    let hint =
                        format!("`understory {verb}` needs the store for itself: wait for that process, or end it");
                    return Err(failure.hint(hint));
                }
                Opened::InUse(_) => tokio::time::sleep(STEP).await,
            }
        }
    }

    /// Whether another process does what is asked, and goes on when this one has ended.
    pub(crate) fn is_other(&self) -> bool {
        matches!(self, Door::Other(_))
    }

    /// Has a request carried out, until a signal comes; `hint` tells how to go on then.
    pub(crate) async fn ask(self, request: Request, hint: &str) -> Result<Reply, Failure> {
        let go_on = || Failure::new(Code::Interrupted, "").hint(hint);
        match self {
            Door::Own(owner) => {
                let runtime = owner.runtime.clone();
                owner.until_signal(async move { answer(&runtime, request).await }, go_on).await
            }
            Door::Other(mut client) => {
                let mut signals =
                    Signals::listen().map_err(|error| Failure::new(Code::Failure, format!("no signals: {error}")))?;
                tokio::select! {
                    reply = client.ask(&request) => reply,
                    signal = signals.next() => {
                        let hint = format!("process {} goes on with it", client.hello().pid);
                        Err(Failure::new(signal.code(), signal.word()).hint(hint))
                    }
                }
            }
        }
    }
}
