//! The items of a conversation, in the form of the model's interface.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use understory_actors::import::{Part, Speaks};

/// How many calls that were not answered yet are remembered by their ids.
const CALLS_MAX: usize = 4096;

/// One item.
#[derive(Deserialize)]
pub(super) struct Item<'a> {
    #[serde(rename = "type")]
    kind: String,
    role: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    name: Option<String>,
    call_id: Option<String>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

/// A piece of a text.
#[derive(Deserialize)]
struct Piece {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
}

/// An answer that says whether it is one.
#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    success: Option<bool>,
}

/// Calls of tools, numbered as they come.
#[derive(Default)]
pub(super) struct Calls {
    last: u32,
    /// Those that were not answered yet.
    open: BTreeMap<String, (u32, String)>,
}

impl Calls {
    /// What an item is in a conversation, if it is anything: thoughts and the program's own marks are not.
    pub(super) fn part(&mut self, item: Item<'_>) -> Option<Part> {
        match item.kind.as_str() {
            "message" => item.words(),
            kind if kind.ends_with("_output") => Some(self.answered(&item)),
            kind if kind.ends_with("_call") => Some(self.called(item)),
            _ => None,
        }
    }

    fn called(&mut self, item: Item<'_>) -> Part {
        let name = item.name.unwrap_or_else(|| item.kind.trim_end_matches("_call").to_owned());
        let arguments = item.arguments.or(item.input).or(item.action).map_or_else(|| "{}".to_owned(), as_json);
        self.last = self.last.saturating_add(1);
        if let Some(id) = item.call_id {
            if self.open.len() == CALLS_MAX {
                self.open.clear();
            }
            self.open.insert(id, (self.last, name.clone()));
        }
        Part::Called { call: self.last, name, arguments }
    }

    fn answered(&mut self, item: &Item<'_>) -> Part {
        let known = item.call_id.as_ref().and_then(|id| self.open.remove(id));
        let (call, name) = known.unwrap_or_default();
        let object = item.output.filter(|output| output.get().starts_with('{'));
        let wrapped = object.and_then(|output| serde_json::from_str::<Wrapped<'_>>(output.get()).ok());
        let (text, done) = match wrapped {
            Some(Wrapped { content, success }) if content.is_some() || success.is_some() => {
                (content.map(text).unwrap_or_default(), success != Some(false))
            }
            _ => (item.output.map(text).unwrap_or_default(), true),
        };
        Part::Answered { call, name, done, text }
    }
}

impl Item<'_> {
    fn words(&self) -> Option<Part> {
        let by = match self.role.as_deref()? {
            "user" => Speaks::User,
            "assistant" => Speaks::Assistant,
            "developer" => Speaks::Developer,
            "system" => Speaks::System,
            _ => return None,
        };
        let text = text(self.content?);
        (!text.trim().is_empty()).then_some(Part::Said { by, text })
    }
}

/// A text that is written as one, or as pieces; a piece that is none is named. What is neither stays as it is.
fn text(written: &RawValue) -> String {
    if let Ok(text) = serde_json::from_str::<String>(written.get()) {
        return text;
    }
    let Ok(pieces) = serde_json::from_str::<Vec<Piece>>(written.get()) else { return written.get().to_owned() };
    let shown = |piece: Piece| match (piece.text, piece.kind) {
        (Some(text), _) => text,
        (None, Some(kind)) => format!("[{}]", kind.trim_start_matches("input_").trim_start_matches("output_")),
        (None, None) => "[unknown]".to_owned(),
    };
    pieces.into_iter().map(shown).collect::<Vec<_>>().join("\n")
}

/// What a tool is called with: JSON that is written in a text is taken out of it.
fn as_json(written: &RawValue) -> String {
    match serde_json::from_str::<String>(written.get()) {
        Ok(inner) if serde_json::from_str::<&RawValue>(&inner).is_ok() => inner,
        _ => written.get().to_owned(),
    }
}
