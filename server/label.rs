//! Titles and labels, as they are asked for and answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use understory::{AgentPath, CardPatch, Error, Labelled, Runtime};

/// A change of a title and labels: what is not there stays, what is null is taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelRequest {
    /// Whose, as a path or a nickname.
    pub path: String,
    /// The title.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub title: Option<Option<String>>,
    /// The labels by their keys.
    #[serde(default)]
    pub labels: BTreeMap<String, Option<String>>,
}

/// A title and labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardLine {
    /// Whose.
    pub path: AgentPath,
    /// The title.
    pub title: Option<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// False: they were so before.
    pub new: bool,
}

pub(crate) async fn label(runtime: &Runtime, request: LabelRequest) -> Result<CardLine, Error> {
    let LabelRequest { path, title, labels } = request;
    let agent = runtime.find(&path).await?;
    let (Labelled { card, changed }, path) = (agent.label(&CardPatch { title, labels }).await?, agent.path().clone());
    Ok(CardLine { path, title: card.title, labels: card.labels, new: changed })
}

/// What is there is given, if as null.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_stays_and_null_takes_away() {
        for (json, title) in [
            (r#"{"path":"/root/a","labels":{}}"#, None),
            (r#"{"path":"/root/a","title":null,"labels":{"k":null}}"#, Some(None)),
            (r#"{"path":"/root/a","title":"T","labels":{"k":"v"}}"#, Some(Some("T".to_owned()))),
        ] {
            let request: LabelRequest = serde_json::from_str(json).unwrap();
            assert_eq!(request.title, title, "{json}");
            assert_eq!(serde_json::to_string(&request).unwrap(), json);
        }
    }
}
