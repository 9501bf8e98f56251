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
        Ok(closed(&self.close(&agent).await?))
    }

    /// The tool `resume` as a model calls it.
    pub(super) async fn call_resume(&self, arguments: &str) -> Result<String, ToolError> {
        let Arguments { agent } = parse(arguments)?;
        Ok(resumed(&self.resume(&agent).await?))
    }

    /// See [`Turn::close`](crate::Turn::close).
    ///
    /// # Errors
    /// As there.
    pub async fn close(&self, agent: &str) -> Result<ClosedReport, ToolError> {
        self.demand("close")?;
        let call = self.begun();
        let answer = call.tools().close_counted(agent).await;
        call.over("close", || serde_json::json!({ "agent": agent }).to_string(), answer, closed).await
    }

    async fn close_counted(&self, agent: &str) -> Result<ClosedReport, ToolError> {
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
        let call = self.begun();
        let answer = call.tools().resume_counted(agent).await;
        call.over("resume", || serde_json::json!({ "agent": agent }).to_string(), answer, resumed).await
    }

    async fn resume_counted(&self, agent: &str) -> Result<bool, ToolError> {
        let path = self.system.resolve_target(&self.caller.me().path, agent).await?;
        let tool = self.entry("resume", serde_json::json!({ "agent": path.as_str() }).to_string());
        Ok(self.unless_over(|| self.system.resume_for(&self.caller, &path, tool.clone())).await?)
    }
}

fn closed(report: &ClosedReport) -> String {
    let ClosedReport { marked, stopped, overdue } = report;
    serde_json::json!({ "marked": marked, "stopped": stopped, "overdue": overdue }).to_string()
}

fn resumed(resumed: &bool) -> String {
    serde_json::json!({ "resumed": resumed }).to_string()
}
