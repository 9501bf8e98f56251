//! The control socket of the process that owns a store.
//!
//! ```text
//!  client <--hello line---- connection
//!         --request line-->            --answer()--> runtime
//!         <--answer line---
//! ```
//!
//! A watch is answered by a line for each event, until the process stops or the client hangs up. Nobody waits for it: it
//! keeps no process alive, and a client that reads slowly falls behind what is kept in memory and is told so.
//!
//! A client that was not greeted has asked nothing, and may look for another owner. A connection carries requests one after
//! another. A client that hangs up takes its request with it: what it was waiting for goes on by itself.

mod line;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod watch_tests;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use understory::Runtime;

pub(crate) use line::{read_line, write_line};

use crate::agent::{Identity, answer_as};
use crate::answer::answer;
use crate::failure::{Code, Failure};
use crate::place;
use crate::watching::{WatchRequest, watch};
use crate::wire::{AS, Answer, Hello, Reply, Request};

/// How many clients are answered at once; more wait.
const CLIENTS_MAX: usize = 128;
/// How many of them may follow events at once; one more is refused.
const WATCHES_MAX: usize = 64;
/// How long clients that were greeted are given to get their answers when the process is about to stop.
const FAREWELL: Duration = Duration::from_millis(50);
/// The pause after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that is bound, in the home of a store that this process owns. Gone with it.
pub struct Control {
    home: PathBuf,
    listener: UnixListener,
    requests: Requests,
}

/// The requests that clients wait for.
#[derive(Clone)]
pub struct Requests(Arc<watch::Sender<usize>>);

/// One of them, until it is answered or dropped.
struct Pending(Requests);

impl Control {
    /// Binds the socket of a home, with mode 0600. A socket that a dead owner left is replaced.
    ///
    /// # Errors
    /// The home cannot be written, or its path is too long for this system.
    pub fn bind(home: &Path) -> io::Result<Self> {
        let requests = Requests(Arc::new(watch::Sender::new(0)));
        Ok(Control { home: home.to_owned(), listener: place::listen(home)?, requests })
    }

    /// What clients wait for.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Answers clients until `end`. The socket is gone when it returns, and most requests under way have been answered; those
    /// that wait for something go on as long as the process does.
    pub async fn serve(self, runtime: Runtime, end: impl Future<Output = ()>) {
        let (clients, places) = (TaskTracker::new(), Arc::new(Semaphore::new(CLIENTS_MAX)));
        let watches = Arc::new(Semaphore::new(WATCHES_MAX));
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (runtime, places, requests) = (runtime.clone(), places.clone(), self.requests.clone());
                        let watches = watches.clone();
                        clients.spawn(async move {
                            let Ok(_place) = places.acquire().await else { return };
                            if let Err(error) = converse(&runtime, &requests, &watches, stream).await {
                                tracing::debug!(%error, "a client of the control socket went away");
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "failed to take a connection of the control socket");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
        drop(self);
        clients.close();
        // Those that wait for something, or ask nothing, are not waited for longer.
        let _ = tokio::time::timeout(FAREWELL, clients.wait()).await;
    }
}

impl Requests {
    /// Resolves when there is none.
    pub async fn none(&self) {
        // It only fails without a sender, which is right here.
        let _ = self.0.subscribe().wait_for(|pending| *pending == 0).await;
    }

    fn begin(&self) -> Pending {
        self.0.send_modify(|pending| *pending += 1);
        Pending(self.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.0.send_modify(|pending| *pending -= 1);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        place::remove(&self.home);
    }
}

async fn converse(runtime: &Runtime, requests: &Requests, watches: &Semaphore, stream: UnixStream) -> io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    write_line(&mut output, &Hello::mine()).await?;
    while let Some(line) = read_line(&mut input).await? {
        let asked = match read(&line) {
            Ok((None, Request::Watch(request))) => {
                tokio::select! {
                    told = follow(runtime, watches, request, &mut output) => told?,
                    () = hung_up(&mut input) => return Ok(()),
                }
                continue;
            }
            asked => asked,
        };
        let _pending = requests.begin();
        let answered = tokio::select! {
            answered = respond(runtime, asked) => answered,
            () = hung_up(&mut input) => return Ok(()),
        };
        write_line(&mut output, &answered).await?;
    }
    Ok(())
}

/// Resolves when nothing more comes. A request that is sent ahead of its turn hides the end.
async fn hung_up(input: &mut (impl AsyncBufRead + Unpin)) {
    if let Ok([_, ..]) = input.fill_buf().await {
        std::future::pending().await
    }
}

/// A request, and who makes it if that is not the operator.
type Asked = (Option<Identity>, Request);

pub(crate) fn read(line: &[u8]) -> Result<Asked, Failure> {
    envelope(line).map_err(|error| {
        let failure = Failure::new(Code::Usage, format!("not a request: {error}"));
        failure.hint("use the same version as the process that has the store")
    })
}

/// Who asks, if it says so, and what.
fn envelope(line: &[u8]) -> serde_json::Result<Asked> {
    let mut document: serde_json::Value = serde_json::from_slice(line)?;
    let identity = match document.as_object_mut().and_then(|document| document.remove(AS)) {
        // Whoever says that it is somebody is never taken for the operator.
        Some(identity) => Some(serde_json::from_value(identity)?),
        None => None,
    };
    Ok((identity, serde_json::from_value(document)?))
}

pub(crate) async fn respond(runtime: &Runtime, asked: Result<Asked, Failure>) -> Answer {
    let answered = async {
        let (identity, request) = asked?;
        let agent = identity.as_ref().map(|identity| &identity.path);
        tracing::debug!(?agent, ?request, "asked through the control socket");
        match &identity {
            None => answer(runtime, request).await,
            Some(identity) => answer_as(runtime, identity, request).await,
        }
    };
    match answered.await {
        Ok(reply) => Answer::Ok(reply),
        Err(failure) => Answer::Error(failure),
    }
}

/// Writes events as they happen. What is written waits for its reader; what happens does not.
async fn follow(
    runtime: &Runtime,
    watches: &Semaphore,
    request: WatchRequest,
    output: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let Ok(_place) = watches.try_acquire() else {
        let message = format!("{WATCHES_MAX} clients follow events already");
        return write_line(output, &Answer::Error(Failure::new(Code::Limit, message).retryable())).await;
    };
    let mut watching = match watch(runtime, request) {
        Ok(watching) => watching,
        Err(failure) => return write_line(output, &Answer::Error(failure)).await,
    };
    loop {
        match watching.next().await {
            Ok(Some(line)) => write_line(output, &Answer::More(line)).await?,
            Ok(None) => return write_line(output, &Answer::Ok(Reply::Watched(watching.last()))).await,
            Err(failure) => return write_line(output, &Answer::Error(failure)).await,
        }
    }
}
