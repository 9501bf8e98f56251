//! `token`, `tool list`, `tool call` and `report`: what a program calls that is an agent's brain.

use serde_json::{Value, json};
use understory_server::{Code, Failure, Request};

use crate::arguments::ToolVerb;
use crate::command::Session;

/// Lists the tools, or calls one.
pub(crate) async fn tool(session: &Session, verb: ToolVerb) -> Result<u8, Failure> {
    match verb {
        ToolVerb::List => session.done(Request::Tools).await,
        ToolVerb::Call { name, arguments } => {
            let arguments = document("the arguments are", &arguments)?;
            session.done(Request::Tool { name, arguments }).await
        }
    }
}

/// Gives an agent a token.
pub(crate) async fn token(session: &Session, path: &str) -> Result<u8, Failure> {
    session.done(Request::Token { path: session.path(path)? }).await
}

/// Reports the result of a row.
pub(crate) async fn report(session: &Session, result: &str, stop: bool) -> Result<u8, Failure> {
    let arguments = json!({ "result": document("the result is", result)?, "stop": stop });
    session.done(Request::Tool { name: "report".to_owned(), arguments }).await
}

fn document(what: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::new(Code::InvalidText, format!("{what} not JSON: {error}")))
}
