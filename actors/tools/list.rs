//! The tool `list`: agents below the caller, and how they stand.

use serde::Deserialize;

use super::{ToolError, Tools, parse};
use crate::authority::{Verb, authorise};
use crate::looking::{Kind, Part, Query, View};

/// The tool's parameters.
pub(super) const PARAMETERS: &str = r#"{"type":"object","properties":{"agent":{"type":"string","description":"an agent below you: list what lies below it instead"},"status":{"type":"array","items":{"type":"string","enum":["closed","faulted","waiting","running","queued","completed","errored","interrupted","idle"]}},"role":{"type":"string"},"depth":{"type":"integer","minimum":1,"description":"how many levels; all if not given"},"text":{"type":"string","description":"part of a name, nickname, title, label or task"},"after":{"type":"string","description":"next of the page before"}},"additionalProperties":false}"#;

/// How many agents one answer has: some 40 KB at the most.
const ROWS: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    agent: Option<String>,
    #[serde(default)]
    status: Vec<String>,
    role: Option<String>,
    depth: Option<usize>,
    text: Option<String>,
    after: Option<String>,
}

impl Tools {
    /// The tool as a model calls it.
    pub(super) async fn call_list(&self, arguments: &str) -> Result<String, ToolError> {
        let Arguments { agent, status, role, depth, text, after } = parse(arguments)?;
        let me = &self.caller.me().path;
        let top = match agent {
            Some(agent) => self.system.resolve_target(me, &agent).await?,
            None => me.clone(),
        };
        authorise(&self.caller, Verb::Inspect, &top)?;
        // A page has the top as its first row, which nobody asked for.
        let part = match after {
            Some(cursor) => Part::After(cursor.parse()?),
            None => Part::First,
        };
        let kinds = vec![Kind::Agent];
        let query =
            Query { statuses: status, role, depth, text, kinds, part, limit: ROWS + 1, ..Query::of(top.clone()) };
        let mut page = self.system.query(&query).await?;
        page.rows.retain(|view| view.path != top);
        let agents: Vec<_> = page.rows.iter().map(line).collect();
        let next = page.next.map(|next| next.to_string());
        Ok(serde_json::json!({ "agents": agents, "next": next }).to_string())
    }
}

fn line(view: &View) -> serde_json::Value {
    let agent = view.agent();
    serde_json::json!({
        "path": view.path.as_str(),
        "nickname": agent.and_then(|agent| agent.nickname.as_deref()),
        "role": agent.map(|agent| agent.role.as_str()),
        "status": view.status(),
    })
}
