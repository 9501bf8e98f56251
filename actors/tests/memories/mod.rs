//! Memories: written, seen by those whom their scope names, found, counted and forgotten.

mod counted;
mod found;
mod many;
mod moving;
mod trusted;
mod written;

use std::collections::BTreeSet;

use understory_store::Scope;

use super::world::{World, at};
use crate::{Error, MemoryKey, MemoryQuery, MemoryView, Note, Remembered};

fn note(scope: Scope, text: &str) -> Note {
    Note { text: text.to_owned(), scope, tags: BTreeSet::new() }
}

fn role(name: &str) -> Scope {
    Scope::Role(name.to_owned())
}

fn seen_by(path: &str) -> MemoryQuery {
    MemoryQuery::of(MemoryView::SeenBy(at(path)))
}

fn below(path: &str) -> MemoryQuery {
    MemoryQuery::of(MemoryView::Below(at(path)))
}

fn words(query: MemoryQuery, words: &str) -> MemoryQuery {
    MemoryQuery { text: Some(words.to_owned()), ..query }
}

/// What memories say.
fn texts(memories: &[Remembered]) -> Vec<&str> {
    memories.iter().map(|one| one.memory.text.as_str()).collect()
}

impl World {
    /// A memory by the host.
    async fn note(&self, path: &str, scope: Scope, text: &str) -> MemoryKey {
        self.try_note(path, scope, text).await.unwrap()
    }

    async fn try_note(&self, path: &str, scope: Scope, text: &str) -> Result<MemoryKey, Error> {
        Ok(self.system.note(&at(path), note(scope, text)).await?.key)
    }

    /// What the memories say that a query asks for, in its order.
    async fn found(&self, query: &MemoryQuery) -> Vec<String> {
        let page = self.system.memories(query).await.unwrap();
        texts(&page.memories).into_iter().map(str::to_owned).collect()
    }
}
