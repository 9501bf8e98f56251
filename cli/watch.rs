//! `watch`: events in lines, from whoever runs agents, or as far as they are stored.

use understory_server::{Client, Code, Failure, WatchLine, WatchRequest, WatchedLine, watch as follow};

use crate::arguments::WatchArguments;
use crate::command::{Session, blocking};
use crate::door::Door;
use crate::owner::Owner;
use crate::setting::agent_path;
use crate::terminal::Terminal;
use crate::{exit, render};

/// Follows events until whoever runs agents ends, or a signal comes.
pub(crate) async fn watch(session: &Session, arguments: WatchArguments) -> Result<u8, Failure> {
    let WatchArguments { path, after } = arguments;
    let request = WatchRequest { path: agent_path(&path)?, after };
    match Door::open(session).await? {
        Door::Own(owner) => stored(session, *owner, request).await,
        Door::Other(client) => live(session, *client, request).await,
    }
}

/// Prints what is on record: nothing runs that more could come of.
async fn stored(session: &Session, owner: Owner, request: WatchRequest) -> Result<u8, Failure> {
    let (runtime, others_answered) = (owner.runtime.clone(), owner.others_answered());
    let work = async {
        let mut watching = follow(&runtime, request.clone())?;
        while let Some(line) = watching.stored().await? {
            if !session.tell(&line).await? {
                break;
            }
        }
        others_answered.await;
        Ok(watching.last())
    };
    let go_on = || Failure::new(Code::Interrupted, "").hint("the same command goes on");
    let WatchedLine { last } = owner.until_signal(work, go_on).await?;
    let again = again(&request, &last);
    session
        .terminal
        .note(&format!("no process has the store: nothing runs until `understory run`; {again} goes on here"));
    Ok(exit::OK)
}

async fn live(session: &Session, mut client: Client, request: WatchRequest) -> Result<u8, Failure> {
    let pid = client.hello().pid;
    let mut last = request.after.clone();
    let followed = session.signals.unless(async {
        client.follow(request.clone()).await?;
        while let Some(line) = client.followed().await? {
            last = Some(line.id.clone());
            if !session.tell(&line).await? {
                return Ok(true);
            }
        }
        Ok(false)
    });
    let followed = followed.await;
    let again = last.map_or_else(|| "the same command".to_owned(), |last| again(&request, &last));
    match followed {
        Ok(gone) => {
            if !gone {
                session.terminal.note(&format!("process {pid}, which had the store, has ended; {again} goes on here"));
            }
            Ok(exit::OK)
        }
        Err(failure) if matches!(failure.code, Code::Interrupted | Code::Terminated) => Err(failure.hint(again)),
        Err(failure) => Err(failure),
    }
}

/// The command that goes on behind an event.
fn again(request: &WatchRequest, last: &str) -> String {
    format!("understory watch {} --after {last}", request.path)
}

impl Session {
    /// Prints an event; false when nobody reads what is printed any more.
    async fn tell(&self, line: &WatchLine) -> Result<bool, Failure> {
        let text = match self.terminal.json() {
            true => serde_json::to_string(line).unwrap_or_default(),
            false => render::event(line),
        };
        blocking(move || Terminal::data_to_reader(&text)).await
    }
}
