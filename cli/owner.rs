//! This process as the owner of the store: opening it, answering others meanwhile, and ending in order.

use std::future::Future;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use understory::{Error, Runtime, StoreError, chain};
use understory_server::{Control, Failure, Requests};

use crate::brains;
use crate::command::Session;
use crate::setting::Setting;
use crate::signals::Signals;
use crate::terminal::Terminal;

/// How long actors have to leave: turns are cancelled at once and killed after `Limits::grace`, 5 s, and then their actors
/// still write that they were taken back.
const GRACE: Duration = Duration::from_secs(7);
/// What takes longer than this is explained.
const QUIET: Duration = Duration::from_secs(1);
const OPENING: &str = "opening the store: reading what was written since it was last shut down";
const OTHERS: &str = "done; other terminals still wait for answers from this process, Ctrl-C ends it";

/// This process, owning the store of a home and answering on its socket.
pub(crate) struct Owner {
    pub(crate) runtime: Runtime,
    terminal: Terminal,
    signals: Signals,
    serving: Option<Serving>,
}

struct Serving {
    requests: Requests,
    end: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

/// What came of opening the store.
pub(crate) enum Opened {
    /// It is ours.
    Own(Owner),
    /// Another process has it.
    InUse(Failure),
}

impl Owner {
    /// Opens the store of the home, or finds that another process has it. Starts nothing in it.
    pub(crate) async fn open(session: &Session) -> Result<Opened, Failure> {
        let Session { setting, terminal, signals } = session;
        setting.make_home()?;
        let opening = brains::builder(setting).await?.open(setting.store());
        match explained(opening, terminal, OPENING).await {
            Ok(runtime) => {
                let serving = serve(setting, terminal, &runtime);
                let (terminal, signals) = (terminal.clone(), signals.clone());
                Ok(Opened::Own(Owner { runtime, terminal, signals, serving }))
            }
            Err(error @ Error::Store(StoreError::InUse { .. })) => Ok(Opened::InUse(error.into())),
            Err(error) => Err(error.into()),
        }
    }

    /// Resolves when other terminals have the answers that they wait for.
    pub(crate) fn others_answered(&self) -> impl Future<Output = ()> + use<> {
        let (terminal, requests) =
            (self.terminal.clone(), self.serving.as_ref().map(|serving| serving.requests.clone()));
        async move {
            if let Some(requests) = requests {
                explained(requests.none(), &terminal, OTHERS).await;
            }
        }
    }

    /// Does something until it is done or a signal comes. With a signal nothing more is started, what runs has five seconds
    /// to end, and a second signal ends it at once; `go_on` tells how to go on then.
    pub(crate) async fn until_signal<T>(
        mut self,
        work: impl Future<Output = Result<T, Failure>>,
        go_on: impl FnOnce() -> Failure,
    ) -> Result<T, Failure> {
        let outcome = tokio::select! {
            outcome = work => Ok(outcome),
            signal = self.signals.next() => Err(signal),
        };
        match outcome {
            Ok(outcome) => {
                self.leave().await;
                outcome
            }
            Err(signal) => {
                let failure = go_on();
                self.terminal.draw(None);
                if self.runtime.system().residents() > 0 {
                    self.terminal
                        .note(&format!("{}: what runs has 5 s to end; once more ends it at once", signal.word()));
                }
                self.leave().await;
                let message = match failure.message.as_str() {
                    "" => signal.word().to_owned(),
                    more => format!("{}: {more}", signal.word()),
                };
                Err(Failure { code: signal.code(), message, ..failure })
            }
        }
    }

    /// Lets others have their answers, ends what runs, and lets the store go; a signal cuts that short.
    async fn leave(&mut self) {
        // Whoever drops the engine waits for it to close, and a process that was told to end waits for nobody.
        std::mem::forget(self.runtime.clone());
        let (runtime, serving) = (self.runtime.clone(), self.serving.take());
        let left = async {
            hang_up(serving).await;
            runtime.leave(GRACE).await
        };
        tokio::select! {
            left = left => if let Err(error) = left {
                self.terminal.warn(&format!("the store did not end well: {}", chain(&error)));
            },
            // What still runs is killed as the process drops it.
            _ = self.signals.next() => {}
        }
    }
}

/// Awaits something, and says what it is if it takes long.
pub(crate) async fn explained<T>(work: impl Future<Output = T>, terminal: &Terminal, what: &str) -> T {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => done,
        () = tokio::time::sleep(QUIET) => {
            terminal.note(what);
            work.await
        }
    }
}

async fn hang_up(serving: Option<Serving>) {
    let Some(Serving { end, ended, .. }) = serving else { return };
    // It has ended by itself only if it panicked.
    let _ = end.send(());
    let _ = ended.await;
}

fn serve(setting: &Setting, terminal: &Terminal, runtime: &Runtime) -> Option<Serving> {
    match Control::bind(&setting.home) {
        Ok(control) => {
            let (end, ends) = oneshot::channel();
            let (runtime, requests) = (runtime.clone(), control.requests());
            let ended = tokio::spawn(control.serve(runtime, async { drop(ends.await) }));
            Some(Serving { requests, end, ended })
        }
        Err(error) => {
            let home = setting.home.display();
            terminal.warn(&format!("no control socket in {home}, other terminals cannot reach this process: {error}"));
            None
        }
    }
}
