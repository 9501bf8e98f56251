//! `session show`, `keep`, `lost` and `set`.

use understory_server::{Failure, Request, SessionRequest};

use crate::arguments::SessionVerb;
use crate::command::Session;

/// Carries one of them out.
pub(crate) async fn session(session: &Session, verb: SessionVerb) -> Result<u8, Failure> {
    let request = match verb {
        SessionVerb::Show { path } => SessionRequest::Show { path },
        SessionVerb::Keep { name } => SessionRequest::Keep { name },
        SessionVerb::Lost { path } => SessionRequest::Lost { path },
        SessionVerb::Set { path, model, effort } => SessionRequest::Set { path, model, effort },
    };
    session.done(Request::Session(request)).await
}
