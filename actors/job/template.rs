//! What each worker of a job is asked: a text with places for the cells of its row.
//!
//! `{column}` stands for a cell; the name is taken as it is, spaces included. `{{` and `}}` are one brace each, so
//! `{{{column}}}` is a cell in braces. Anything else, an unknown name among it, stays as written. A cell is put in and
//! not looked at again: braces in it mean nothing.

use std::collections::HashSet;

use super::table::Columns;
use crate::error::Error;
use crate::limits::TEXT_MAX;

/// A text with places for cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A warning: the template names what is no column, or rows' own instructions do, so that the name stays in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{who} {}{whence}, but the table has {known}", Columns(names))]
pub struct UnknownColumns {
    who: String,
    names: Vec<String>,
    whence: String,
    known: String,
}

impl UnknownColumns {
    pub(super) fn new(who: &str, names: Vec<String>, whence: &str, headers: &[String]) -> Self {
        let known = Columns(headers).to_string();
        UnknownColumns { who: who.to_owned(), names, whence: whence.to_owned(), known }
    }

    /// The names that are no columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Column(String),
}

impl Template {
    /// Reads a template; every text is one.
    pub fn parse(text: &str) -> Self {
        let mut template = Self { pieces: Vec::new() };
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            template.push_text(before);
            rest = template.push_braces(from);
        }
        template.push_text(rest);
        template
    }

    /// Returns the text with each column replaced by what `lookup` finds; what it does not find stays as written.
    ///
    /// A cell may be named many times over: see [`rendered_bytes`](Self::rendered_bytes) before.
    pub fn render<'c>(&self, lookup: impl Fn(&str) -> Option<&'c str>) -> String {
        self.pieces.iter().fold(String::new(), |mut text, piece| {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Column(name) => match lookup(name) {
                    Some(cell) => text.push_str(cell),
                    None => text.extend(["{", name, "}"]),
                },
            }
            text
        })
    }

    /// Returns what a worker is asked, or refuses it where it would be longer than a text may be.
    pub(super) fn instruction<'c>(&self, lookup: impl Fn(&str) -> Option<&'c str>) -> Result<String, Error> {
        let bytes = self.rendered_bytes(&lookup);
        match bytes > TEXT_MAX {
            true => Err(Error::TooLong { what: "instruction", bytes, max: TEXT_MAX }),
            false => Ok(self.render(lookup)),
        }
    }

    /// Returns the length of what [`render`](Self::render) would return, without making it.
    pub fn rendered_bytes<'c>(&self, lookup: impl Fn(&str) -> Option<&'c str>) -> usize {
        self.pieces.iter().fold(0, |bytes: usize, piece| {
            bytes.saturating_add(match piece {
                Piece::Text(literal) => literal.len(),
                Piece::Column(name) => lookup(name).map_or(name.len() + 2, str::len),
            })
        })
    }

    /// Returns the names in braces, each once, in the order in which they first appear.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let mut seen = HashSet::new();
        let names = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Column(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        });
        names.filter(move |name| seen.insert(*name))
    }

    /// Returns a warning if a name in braces is none of the table's columns.
    pub fn unknown_columns(&self, headers: &[String]) -> Option<UnknownColumns> {
        let known: HashSet<&str> = headers.iter().map(String::as_str).collect();
        let unknown: Vec<String> = self.columns().filter(|name| !known.contains(name)).map(str::to_owned).collect();
        (!unknown.is_empty()).then(|| UnknownColumns::new("the template names", unknown, "", headers))
    }

    /// Takes one piece from a text that starts with a brace; returns what comes after it.
    fn push_braces<'t>(&mut self, from: &'t str) -> &'t str {
        for (doubled, brace) in [("{{", "{"), ("}}", "}")] {
            if let Some(rest) = from.strip_prefix(doubled) {
                self.push_text(brace);
                return rest;
            }
        }
        if let Some(inside) = from.strip_prefix('{')
            && let Some(end) = inside.find(['{', '}'])
            && inside[end..].starts_with('}')
        {
            self.pieces.push(Piece::Column(inside[..end].to_owned()));
            return &inside[end + 1..];
        }
        let (brace, rest) = from.split_at(1);
        self.push_text(brace);
        rest
    }

    fn push_text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
