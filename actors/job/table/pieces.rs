//! The texts of a JSON table's rows, one at a time: what each of them says is for others to judge.

use std::io::Read;

use super::TableError;
use super::quotes::Place;
use super::source::{BYTE_ORDER_MARK, Source};

const BUFFER: usize = 64 << 10;

/// How often a row's text may be as long as the row without blanks between its parts.
const BLANKS_MAX: usize = 4;

/// Cuts the text of a JSON table into those of its rows: the lines that are not blank, or what an array has in braces.
#[derive(Debug)]
pub(super) struct Pieces<R> {
    source: Source<R>,
    within: Within,
    row_bytes: usize,
    buffer: Box<[u8]>,
    /// What of the buffer is still to come.
    at: usize,
    end: usize,
    begun: bool,
    /// Of the next byte.
    place: Place,
    piece: Piece,
}

/// The text of a row.
#[derive(Debug)]
pub(super) struct Piece {
    text: Vec<u8>,
    /// Where it begins.
    pub(super) place: Place,
}

/// What the next row stands in.
#[derive(Clone, Copy, Debug)]
enum Within {
    Lines,
    /// An array that is not begun.
    Array,
    /// An array whose bracket was read.
    Opened,
    /// An array of which there was a row.
    Going,
    Closed,
}

impl<R: Read> Pieces<R> {
    /// Of one row a line.
    pub(super) fn lines(reader: R, row_bytes: usize) -> Self {
        Self::new(reader, Within::Lines, row_bytes)
    }

    /// Of one array of rows.
    pub(super) fn array(reader: R, row_bytes: usize) -> Self {
        Self::new(reader, Within::Array, row_bytes)
    }

    /// Reads the next row's text, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<&Piece>, TableError> {
        let found = match self.within {
            Within::Lines => self.line()?,
            _ => self.element()?,
        };
        if found {
            self.source.row_found();
        }
        Ok(found.then_some(&self.piece))
    }

    pub(super) fn digest(&self) -> (u64, [u8; 32]) {
        self.source.digest()
    }

    fn new(reader: R, within: Within, row_bytes: usize) -> Self {
        Self {
            source: Source::new(reader, row_bytes),
            within,
            row_bytes,
            buffer: vec![0; BUFFER].into(),
            at: 0,
            end: 0,
            begun: false,
            place: Place::FIRST,
            piece: Piece { text: Vec::new(), place: Place::FIRST },
        }
    }

    fn line(&mut self) -> Result<bool, TableError> {
        if self.skip_blanks()?.is_none() {
            return Ok(false);
        }
        self.begin();
        while let Some(byte) = self.peek()?.filter(|byte| *byte != b'\n') {
            self.take(byte)?;
        }
        Ok(true)
    }

    fn element(&mut self) -> Result<bool, TableError> {
        if matches!(self.within, Within::Array) {
            self.expect(b'[', "no array: a table of this format begins with [")?;
            self.within = Within::Opened;
        }
        match (self.within, self.skip_blanks()?) {
            (Within::Closed, None) => return Ok(false),
            (Within::Closed, Some(_)) => return Err(self.wrong("text behind the array")),
            (Within::Opened | Within::Going, Some(b']')) => {
                self.pass(b']');
                self.within = Within::Closed;
                return self.element();
            }
            (Within::Going, _) => self.expect(b',', "neither , nor ] behind a row")?,
            _ => {}
        }
        match self.skip_blanks()? {
            Some(b'{') => self.braces()?,
            Some(_) => return Err(self.wrong("a row that is no object")),
            None => return Err(self.wrong("the array is never closed")),
        }
        self.within = Within::Going;
        Ok(true)
    }

    /// Takes everything up to the brace that closes the one that comes next, or up to the end.
    fn braces(&mut self) -> Result<(), TableError> {
        self.begin();
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        while let Some(byte) = self.peek()? {
            self.take(byte)?;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'{' if !in_string => depth += 1,
                b'}' if !in_string => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.piece.text.clear();
        self.piece.place = self.place;
    }

    fn take(&mut self, byte: u8) -> Result<(), TableError> {
        if self.piece.text.len() >= self.row_bytes.saturating_mul(BLANKS_MAX) {
            return Err(TableError::RowTooLarge { line: self.piece.place.line, limit: self.row_bytes });
        }
        self.piece.text.push(byte);
        self.pass(byte);
        Ok(())
    }

    fn expect(&mut self, byte: u8, otherwise: &str) -> Result<(), TableError> {
        if self.skip_blanks()? != Some(byte) {
            return Err(self.wrong(otherwise));
        }
        self.pass(byte);
        Ok(())
    }

    /// Passes blanks; returns what comes next.
    fn skip_blanks(&mut self) -> Result<Option<u8>, TableError> {
        loop {
            match self.peek()? {
                Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) => self.pass(byte),
                next => return Ok(next),
            }
        }
    }

    fn pass(&mut self, byte: u8) {
        self.at += 1;
        self.place.pass(byte);
    }

    fn peek(&mut self) -> Result<Option<u8>, TableError> {
        if self.at == self.end {
            let (read, line) = (self.source.read(&mut self.buffer), self.piece.place.line);
            (self.at, self.end) = (0, read.map_err(|error| self.source.explain(error, line, self.row_bytes))?);
            // The source passes a mark on whole.
            let marked = self.buffer[..self.end].starts_with(BYTE_ORDER_MARK);
            if !std::mem::replace(&mut self.begun, true) && marked {
                self.at = BYTE_ORDER_MARK.len();
                return self.peek();
            }
        }
        Ok(self.buffer[self.at..self.end].first().copied())
    }

    fn wrong(&self, what: &str) -> TableError {
        let Place { line, column } = self.place;
        TableError::Json { line, column, what: what.to_owned() }
    }
}

impl Piece {
    pub(super) fn text(&self) -> &str {
        str::from_utf8(&self.text).expect("the source passes on text alone, and a piece ends with a character")
    }
}
