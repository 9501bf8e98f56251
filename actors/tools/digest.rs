//! The tool `digest`: what the caller's agent or one below it has done, in short.

use serde::Deserialize;

use super::{ToolError, Tools, parse};
use crate::authority::{Verb, authorise};
use crate::briefing::Occasion;
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

    /// What a conversation that is begun within the turn begins with, as [`Turn::briefing`](crate::Turn::briefing) tells it.
    ///
    /// # Errors
    /// As there.
    pub async fn briefing_anew(&self) -> Result<Option<String>, ToolError> {
        self.briefing(false, String::new()).await
    }

    /// See [`Turn::briefing`](crate::Turn::briefing).
    pub(crate) async fn briefing(&self, in_session: bool, asked: String) -> Result<Option<String>, ToolError> {
        let (recalls, summarises) = (self.demand("recall").is_ok(), self.demand("summarise").is_ok());
        let occasion = Occasion { in_session, recalls, summarises, asked };
        Ok(self.system.briefing(&self.caller, &occasion).await?)
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
