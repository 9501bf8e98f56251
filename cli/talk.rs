//! Several requests, one after the other, to whoever has the store; nothing is printed but what the command says in the end.

use understory::Runtime;
use understory_server::{Client, Code, Failure, Reply, Request, answer};

use crate::command::Session;
use crate::door::Door;

/// Whoever has the store.
pub(crate) enum Talk {
    /// This process.
    Own(Runtime),
    /// Another.
    Other(Box<Client>),
}

impl Talk {
    /// Has a request carried out.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Reply, Failure> {
        match self {
            Talk::Own(runtime) => answer(runtime, request).await,
            Talk::Other(client) => client.ask(&request).await,
        }
    }
}

impl Session {
    /// Talks to whoever has the store, until it is said or a signal comes; `hint` tells how to go on then.
    pub(crate) async fn talk<T>(
        &self,
        hint: &str,
        work: impl AsyncFnOnce(&mut Talk) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match self.open().await? {
            Door::Own(owner) => {
                let (mut talk, others_answered) = (Talk::Own(owner.runtime.clone()), owner.others_answered());
                let work = async move {
                    let said = work(&mut talk).await?;
                    others_answered.await;
                    Ok(said)
                };
                owner.until_signal(work, || Failure::new(Code::Interrupted, "").hint(hint)).await
            }
            Door::Other(client) => {
                let said = self.signals.unless(work(&mut Talk::Other(client))).await;
                said.map_err(|failure| match failure.code {
                    Code::Interrupted | Code::Terminated => failure.hint(hint),
                    _ => failure,
                })
            }
        }
    }
}
