//! The signals that ask the process to end.
//!
//! From the first of them on, they are heard here alone: the process no longer ends by itself. So everything that waits for
//! anything waits for them too.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::signal::unix::{self, SignalKind};
use tokio::sync::{Mutex, mpsc};
use understory_server::{Code, Failure};

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// `SIGINT`: Ctrl-C.
    Interrupt,
    /// `SIGTERM`.
    Terminate,
}

/// The signals of this process. Each is heard once, also if nobody listened when it came.
#[derive(Clone)]
pub(crate) struct Signals(Arc<Mutex<mpsc::UnboundedReceiver<Signal>>>);

impl Signals {
    /// Begins to listen, until the process ends. Needs a tokio runtime.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let (sender, receiver) = mpsc::unbounded_channel();
        for (kind, signal) in
            [(SignalKind::interrupt(), Signal::Interrupt), (SignalKind::terminate(), Signal::Terminate)]
        {
            let failed = |error: io::Error| Failure::new(Code::Failure, format!("cannot listen to signals: {error}"));
            let mut stream = unix::signal(kind).map_err(failed)?;
            let sender = sender.clone();
            tokio::spawn(async move { while stream.recv().await.is_some() && sender.send(signal).is_ok() {} });
        }
        Ok(Signals(Arc::new(Mutex::new(receiver))))
    }

    /// The next one. May be dropped and called again.
    pub(crate) async fn next(&self) -> Signal {
        match self.0.lock().await.recv().await {
            Some(signal) => signal,
            // The tasks that send live as long as the runtime.
            None => std::future::pending().await,
        }
    }

    /// Does something unless a signal comes first. Nothing that must be undone may be done by it.
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            outcome = work => outcome,
            signal = self.next() => Err(Failure::new(signal.code(), signal.word())),
        }
    }
}

impl Signal {
    /// What ends with it.
    pub(crate) fn code(self) -> Code {
        match self {
            Signal::Interrupt => Code::Interrupted,
            Signal::Terminate => Code::Terminated,
        }
    }

    /// What it does, in a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Signal::Interrupt => "interrupted",
            Signal::Terminate => "terminated",
        }
    }
}
