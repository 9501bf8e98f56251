//! The tool `summarise`: what the caller says of its own work.

use serde::Deserialize;

use super::{Tool, ToolError, Tools, accepted, parse};
use crate::redaction::redact;

/// `summarise`.
pub(super) const SUMMARISE: Tool = Tool {
    name: "summarise",
    description: "Say in your own words how your work stands: what whoever goes on with it must know, you after a break included. \
                  It is kept with your digest, in place of what you said last. Passwords and tokens are taken out of it.",
    parameters: r#"{"type":"object","properties":{"text":{"type":"string","description":"at most 4 KiB"}},"required":["text"],"additionalProperties":false}"#,
    for_items: false,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    text: String,
}

impl Tools {
    /// The tool as a model calls it.
    pub(super) async fn call_summarise(&self, arguments: &str) -> Result<String, ToolError> {
        let Arguments { text } = parse(arguments)?;
        self.summarise(&text).await.map(|()| accepted())
    }

    /// See [`Turn::summarise`](crate::Turn::summarise).
    ///
    /// # Errors
    /// As there.
    pub async fn summarise(&self, text: &str) -> Result<(), ToolError> {
        self.demand(SUMMARISE.name)?;
        // What is redacted where it lies must not lie beside it either.
        let arguments = serde_json::json!({ "text": redact(text).text });
        let tool = self.entry(SUMMARISE.name, arguments.to_string());
        Ok(self.unless_over(|| self.system.summarise(&self.caller, text, tool.clone())).await?)
    }
}
