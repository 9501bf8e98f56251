//! The tools `close` and `resume`: what a turn does to the standing of those below its agent.

use serde::Deserialize;

use super::{ToolError, Tools, parse};
use crate::lifecycle::ClosedReport;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    agent: String,
}

impl Tools {
    /// The tool `close` as a model calls it.
    pub(super) async fn call_close(&self, arguments: &str) -> Result<String, ToolError> {
        let Arguments { agent } = parse(arguments)?;
        let ClosedReport { marked, stopped, overdue } = self.close(&agent).await?;
        Ok(serde_json::json!({ "marked": marked, "stopped": stopped, "overdue": overdue }).to_string())
    }

    /// The tool `resume` as a model calls it.
    pub(super) async fn call_resume(&self, arguments: &str) -> Result<String, ToolError> {
        let Arguments { agent } = parse(arguments)?;
        Ok(serde_json::json!({ "resumed": self.resume(&agent).await? }).to_string())
    }

    /// See [`Turn::close`](crate::Turn::close).
    ///
    /// # Errors
    /// As there.
    pub async fn close(&self, agent: &str) -> Result<ClosedReport, ToolError> {
        self.demand("close")?;
        let path = self.system.resolve_target(&self.caller.me().path, agent).await?;
        let tool = self.entry("close", serde_json::json!({ "agent": path.as_str() }).to_string());
        Ok(self.unless_over(|| self.system.close_for(&self.caller, &path, tool.clone())).await?)
    }

    /// See [`Turn::resume`](crate::Turn::resume).
    ///
    /// # Errors
    /// As there.
    pub async fn resume(&self, agent: &str) -> Result<bool, ToolError> {
        self.demand("resume")?;
        let path = self.system.resolve_target(&self.caller.me().path, agent).await?;
        let tool = self.entry("resume", serde_json::json!({ "agent": path.as_str() }).to_string());
        Ok(self.unless_over(|| self.system.resume_for(&self.caller, &path, tool.clone())).await?)
    }
}
