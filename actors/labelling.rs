//! Titles and labels: what people write on an agent or job to find it again. Nobody acts on them.
//!
//! They lie in a row of their own, which whoever patches them rewrites as read: of two patches at once the later one goes by
//! what the earlier left.

use std::collections::BTreeMap;

use understory_paths::AgentPath;
use understory_store::{AgentRef, Card, CommitError, Draft, Event, Mark, Node, Table};

use crate::error::Error;
use crate::system::System;

/// The longest title, in bytes.
pub const TITLE_MAX: usize = 200;
/// The most labels of one node.
pub const LABELS_MAX: usize = 16;
/// The longest key of a label, in bytes: ASCII letters, digits and `_ . - /`.
pub const LABEL_KEY_MAX: usize = 64;
/// The longest value of a label, in bytes.
pub const LABEL_VALUE_MAX: usize = 128;

/// A change of a title and labels: what it does not name stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardPatch {
    /// The title: nothing keeps it, `Some(None)` takes it away.
    pub title: Option<Option<String>>,
    /// Labels by their keys: nothing as a value takes one away.
    pub labels: BTreeMap<String, Option<String>>,
}

/// What a patch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// Title and labels as they are now.
    pub card: Card,
    /// False: they were so before.
    pub changed: bool,
}

impl System {
    /// Changes the title and labels of an agent or job, open or closed.
    ///
    /// # Errors
    /// Nothing lies at the path, it is a job's item or being removed, a title or label is not one, there would be too many
    /// labels, or the store failed.
    pub async fn label(&self, path: &AgentPath, patch: &CardPatch) -> Result<Labelled, Error> {
        patch.demand_good()?;
        loop {
            let Some(node) = self.store.get::<Node>(&Table::Node.at(path)).await? else {
                return Err(self.missing(path).await);
            };
            if let Node::Item(_) = node.value {
                return Err(Error::wrong_kind(path, &node.value, "take labels"));
            }
            let of = AgentRef::new(path.clone(), node.value.id());
            let row = self.store.get::<Card>(&Table::Card.at(path)).await?;
            let before = row.as_ref().map(|row| row.value.clone()).filter(|card| card.of == of.id);
            let before = before.unwrap_or_else(|| Card::blank(of.id));
            let card = patch.applied(&before, path)?;
            if card == before {
                return Ok(Labelled { card, changed: false });
            }
            let mut draft = Draft::new();
            draft.expect_present(Table::Node.at(path));
            self.expect_no_removal(path, &mut draft).await?;
            match &row {
                Some(row) if card.is_blank() => {
                    draft.expect(row);
                    draft.remove(row);
                }
                Some(row) => drop(draft.update(row, &card)),
                None => drop(draft.create(Table::Card.at(path), &card)),
            }
            draft.tell(&Event::Labelled { node: of });
            match self.store.commit(draft).await {
                Ok(_) => return Ok(Labelled { card, changed: true }),
                // Another patch, a close, a removal: whatever it was, it is seen now.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Demands that no removal goes on at a node or above it, and none begins: it would leave behind what comes now.
    pub(crate) async fn expect_no_removal(&self, path: &AgentPath, draft: &mut Draft) -> Result<(), Error> {
        for at in std::iter::once(path.clone()).chain(path.ancestors()) {
            let key = Table::Closed.at(&at);
            match self.store.peek::<Mark>(&key).await? {
                None => draft.expect_absent(key),
                Some(row) if row.value == Mark::Closed => draft.expect(&row),
                Some(_) => return Err(Error::BeingRemoved { path: at }),
            }
        }
        Ok(())
    }
}

impl CardPatch {
    fn applied(&self, before: &Card, path: &AgentPath) -> Result<Card, Error> {
        let mut card = before.clone();
        if let Some(title) = &self.title {
            card.title = title.clone();
        }
        for (key, value) in &self.labels {
            match value {
                Some(value) => drop(card.labels.insert(key.clone(), value.clone())),
                None => drop(card.labels.remove(key)),
            }
        }
        if card.labels.len() > LABELS_MAX && card.labels.len() > before.labels.len() {
            let (value, holder) = (LABELS_MAX as u64, path.clone());
            return Err(Error::Limit { limit: "labels", value, holder, remedy: "take one away" });
        }
        Ok(card)
    }

    fn demand_good(&self) -> Result<(), Error> {
        if let Some(Some(title)) = &self.title {
            demand_text("title", title, TITLE_MAX)?;
        }
        for (key, value) in &self.labels {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
            if key.is_empty() || key.len() > LABEL_KEY_MAX || !key.chars().all(plain) {
                return Err(Error::BadLabel {
                    what: format!("label key {key:?}"),
                    rule: "must be 1 to 64 of letters, digits, _ . - and /",
                });
            }
            if let Some(value) = value {
                demand_text("label", value, LABEL_VALUE_MAX)?;
            }
        }
        Ok(())
    }
}

/// Refuses what could not be shown in one line as it is.
pub(crate) fn demand_text(what: &'static str, text: &str, max: usize) -> Result<(), Error> {
    if text.len() > max {
        return Err(Error::TooLong { what, bytes: text.len(), max });
    }
    let rule = match text {
        _ if text.trim().is_empty() => "is blank",
        _ if text.chars().any(acts_on_terminals) => "has control characters",
        _ => return Ok(()),
    };
    Err(Error::BadLabel { what: format!("{what} {text:?}"), rule })
}

/// Control characters, and those that turn the direction of writing around.
pub(crate) fn acts_on_terminals(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
