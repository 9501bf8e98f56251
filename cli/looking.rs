//! `list` and `label`.

use std::collections::BTreeMap;

use understory_server::{Code, Failure, LabelRequest, ListRequest, Request};

use crate::arguments::{LabelArguments, ListArguments};
use crate::command::Session;

/// `list`.
pub(crate) async fn list(session: &Session, arguments: ListArguments) -> Result<u8, Failure> {
    let ListArguments { path, status, role, depth, text, kind, order, after, before, limit } = arguments;
    let request = ListRequest {
        path,
        status,
        role,
        depth,
        text,
        kinds: kind.into_iter().map(Into::into).collect(),
        order: order.into(),
        after,
        before,
        limit: limit.into(),
    };
    session.done(Request::List(Box::new(request))).await
}

/// `label`.
pub(crate) async fn label(session: &Session, arguments: LabelArguments) -> Result<u8, Failure> {
    let LabelArguments { path, title, no_title, label, no_label } = arguments;
    let title = if no_title { Some(None) } else { title.map(Some) };
    let mut labels = BTreeMap::new();
    let mut note = |key: &str, value: Option<String>| match labels.insert(key.to_owned(), value) {
        Some(_) => Err(Failure::new(Code::Usage, format!("label {key:?} is given twice"))),
        None => Ok(()),
    };
    for label in &label {
        let unread = || Failure::new(Code::Usage, format!("{label:?} is no label: KEY=VALUE"));
        let (key, value) = label.split_once('=').ok_or_else(unread)?;
        note(key, Some(value.to_owned()))?;
    }
    for key in &no_label {
        note(key, None)?;
    }
    session.done(Request::Label(LabelRequest { path, title, labels })).await
}
