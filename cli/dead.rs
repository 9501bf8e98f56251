//! `dead list`, `show`, `retry` and `drop`.

use understory_server::{DeadRequest, Failure, Request};

use crate::arguments::DeadVerb;
use crate::command::Session;
use crate::confirm::confirm;
use crate::render::escaped;

/// Carries one of them out.
pub(crate) async fn dead(session: &Session, verb: DeadVerb) -> Result<u8, Failure> {
    let request = match verb {
        DeadVerb::List { path, after, limit } => DeadRequest::List { path, after, limit: limit.into() },
        DeadVerb::Show { letter } => DeadRequest::Show { letter },
        DeadVerb::Retry { letter } => DeadRequest::Retry { letter },
        DeadVerb::Drop { letter, yes } => {
            let shown = escaped(&letter);
            let question = format!("drop {shown} for good?");
            confirm(session, yes, "dead drop", question, format!("{shown} was not dropped")).await?;
            DeadRequest::Drop { letter }
        }
    };
    session.done(Request::Dead(request)).await
}
