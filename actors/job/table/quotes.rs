//! Quotes of delimited text, watched as RFC 4180 has them: a cell is quoted whole or not at all.
//!
//! The CSV reader takes what is wrong with quotes for text, without a word: `a"b` for a cell of three characters, and an
//! open quote for one that holds the rest of the file.

use std::fmt;

/// What is wrong with a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuoteFault {
    /// It is opened and never closed.
    Open,
    /// It stands in a cell that does not begin with one.
    Within,
    /// Text comes between it, which closes a cell, and the next cell.
    Behind,
}

/// A character's place: its line, and its place in that in characters, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// Follows delimited text through its quotes, up to the first fault.
#[derive(Debug)]
pub(super) struct Quotes {
    delimiter: u8,
    state: State,
    /// Of the next byte.
    place: Place,
    opened: Place,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before the first character of a cell.
    Start,
    Plain,
    Quoted,
    /// Behind a quote in a quoted cell: one that closes it, or the first of two.
    Closing,
}

impl Place {
    pub(super) const FIRST: Place = Place { line: 1, column: 1 };

    /// Goes on behind a byte. Of a character's bytes only one counts.
    pub(super) fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            *self = Place { line: self.line + 1, column: 1 };
        } else {
            self.column += u64::from(byte & 0b1100_0000 != 0b1000_0000);
        }
    }
}

impl Quotes {
    pub(super) fn new(delimiter: u8) -> Self {
        Quotes { delimiter, state: State::Start, place: Place::FIRST, opened: Place::FIRST }
    }

    /// Goes on through the next text; returns how many of its bytes are before a fault, and what that is.
    pub(super) fn pass(&mut self, text: &[u8]) -> Option<(usize, Place, QuoteFault)> {
        for (at, &byte) in text.iter().enumerate() {
            let ends_cell = byte == self.delimiter || byte == b'\n' || byte == b'\r';
            self.state = match (self.state, byte) {
                (State::Start, b'"') => {
                    self.opened = self.place;
                    State::Quoted
                }
                (State::Closing, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::Closing,
                (State::Quoted, _) => State::Quoted,
                (State::Plain, b'"') => return Some((at, self.place, QuoteFault::Within)),
                (State::Start | State::Plain | State::Closing, _) if ends_cell => State::Start,
                (State::Closing, _) => return Some((at, self.place, QuoteFault::Behind)),
                (State::Start | State::Plain, _) => State::Plain,
            };
            self.place.pass(byte);
        }
        None
    }

    /// Returns the quote that is still open where the text ends.
    pub(super) fn end(&self) -> Option<(Place, QuoteFault)> {
        matches!(self.state, State::Quoted).then_some((self.opened, QuoteFault::Open))
    }
}

impl fmt::Display for QuoteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            QuoteFault::Open => "a quote that is never closed",
            QuoteFault::Within => {
                "a quote in a cell that does not begin with one; quote the cell, and double the quote"
            }
            QuoteFault::Behind => "text behind the quote that closes a cell; a quote within a cell is doubled",
        })
    }
}
