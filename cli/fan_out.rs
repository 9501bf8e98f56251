//! `send --subtree`.

use understory_server::{Failure, Reply, Request};

use crate::arguments::{LetterArguments, SubtreeArguments};
use crate::command::Session;
use crate::confirm::confirm;
use crate::render::escaped;
use crate::{exit, meta};

/// Asks, unless nothing is sent or that was said, and sends to all.
pub(crate) async fn send(session: &Session, letter: LetterArguments, to: SubtreeArguments) -> Result<u8, Failure> {
    let LetterArguments { path, text, interrupt: _, meta } = letter;
    let SubtreeArguments { subtree: _, id, dry_run, yes } = to;
    let (metadata, shown) = (meta::entries(&meta)?, escaped(&path));
    let question = format!("send this to {shown} and every open agent below it?");
    confirm(session, yes || dry_run, "send --subtree", question, "nothing was sent".to_owned()).await?;
    match session.ask(Request::SendSubtree { path, text, metadata, id, dry_run }).await? {
        Reply::SentToSubtree(sent) if sent.broken.is_some() => Ok(exit::FAILURE),
        Reply::SentToSubtree(sent) if sent.missed.iter().any(|missed| missed.reason == "inbox_full") => {
            Ok(exit::FAILURE)
        }
        _ => Ok(exit::OK),
    }
}
