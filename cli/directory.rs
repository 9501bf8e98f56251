//! `dir show`, `set` and `accept`.

use std::path::Path;

use understory_server::{Code, DirRequest, Failure, Request, named};

use crate::arguments::DirVerb;
use crate::command::Session;

/// Carries one of them out.
pub(crate) async fn dir(session: &Session, verb: DirVerb) -> Result<u8, Failure> {
    let request = match verb {
        DirVerb::Show { path } => DirRequest::Show { path },
        DirVerb::Set { path, directory } => DirRequest::Set { path, directory: absolute(session, &directory)? },
        DirVerb::Accept { path } => DirRequest::Accept { path },
    };
    session.done(Request::Dir(request)).await
}

/// A directory as it is said here, for a process that works elsewhere.
pub(crate) fn absolute(session: &Session, directory: &Path) -> Result<String, Failure> {
    let absolute = session.setting.cwd.join(directory);
    absolute
        .to_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(Code::InvalidText, format!("directory {} is not utf-8", named(&absolute))))
}
