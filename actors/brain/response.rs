//! What a turn comes to.

use understory_store::Usage;

/// A turn's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The answer in words; at most 256 KiB, or the turn fails with the limit named.
    pub content: String,
    /// For a job item: the report, a JSON object as text. `None` where the turn reported through the tool, or not at all.
    pub report: Option<String>,
    /// What the whole turn cost, where the brain knows and has not said so by [`Turn::used`](super::Turn::used).
    pub usage: Usage,
}

impl Response {
    /// An answer in words.
    pub fn text(content: impl Into<String>) -> Self {
        Response { content: content.into(), ..Response::default() }
    }

    /// A job item's report: a JSON object as text.
    pub fn report(json: impl Into<String>) -> Self {
        Response { report: Some(json.into()), ..Response::default() }
    }
}
