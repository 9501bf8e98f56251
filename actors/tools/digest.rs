//! The tool `digest`: what the caller's agent or one below it has done, in short.

use serde::Deserialize;

use super::{ToolError, Tools, parse};
use crate::authority::{Verb, authorise};
use crate::digest::Digested;

/// The tool's parameters.
pub(super) const PARAMETERS: &str = r#"{"type":"object","properties":{"agent":{"type":"string","description":"an agent below you; you if not given"}},"additionalProperties":false}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    agent: Option<String>,
}

impl Tools {
    /// The tool as a model calls it.
    pub(super) async fn call_digest(&self, arguments: &str) -> Result<String, ToolError> {
        let Arguments { agent } = parse(arguments)?;
        let digested = self.digest(agent.as_deref()).await?;
        Ok(serde_json::json!({ "path": digested.agent.path.as_str(), "digest": digested.text() }).to_string())
    }

    /// See [`Turn::briefing`](crate::Turn::briefing); `in_session`, the brain goes on with a conversation.
    ///
    /// # Errors
    /// As there.
    pub async fn briefing(&self, in_session: bool) -> Result<Option<String>, ToolError> {
        Ok(self.system.briefing(&self.caller, in_session).await?)
    }

    /// See [`Turn::digest`](crate::Turn::digest).
    ///
    /// # Errors
    /// As there.
    pub async fn digest(&self, agent: Option<&str>) -> Result<Digested, ToolError> {
        self.demand("digest")?;
        let me = &self.caller.me().path;
        let path = match agent {
            Some(agent) => self.system.resolve_target(me, agent).await?,
            None => me.clone(),
        };
        authorise(&self.caller, Verb::Inspect, &path)?;
        Ok(self.system.digest(&path).await?)
    }
}
