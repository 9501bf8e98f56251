//! The lines of a file that may still be written: hashed as far as they were taken, and never longer than they may be.

use std::io::{self, BufRead, BufReader, Read};

use sha2::{Digest, Sha256};

/// The longest line that is looked into, in bytes: a picture within one may have some.
pub(super) const LINE_MAX: usize = 32 << 20;
const BUFFER: usize = 64 << 10;
/// How much room for a line is kept for the next.
const KEPT: usize = 256 << 10;

/// The lines of what `R` reads.
pub(super) struct Lines<R> {
    inner: BufReader<R>,
    line: Vec<u8>,
    /// What was taken.
    taken: Taken,
    /// The same with the line that was read last.
    ahead: Taken,
}

/// How far a file was taken: without the end of its last line, which may be still to come.
#[derive(Clone, Default)]
struct Taken {
    bytes: u64,
    hasher: Sha256,
    /// A line was taken whose end was read.
    ended: bool,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line.
    Whole,
    /// A line that is too long to be looked into.
    Long,
    /// What lies behind the last end of a line: a line that is still written, perhaps.
    Open,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        let inner = BufReader::with_capacity(BUFFER, inner);
        Lines { inner, line: Vec::new(), taken: Taken::default(), ahead: Taken::default() }
    }

    /// Reads the next line; it counts as read once it is taken.
    pub(super) fn read(&mut self) -> io::Result<Option<Kind>> {
        self.line.clear();
        self.line.shrink_to(KEPT);
        self.ahead = self.taken.clone();
        if std::mem::take(&mut self.ahead.ended) {
            self.ahead.eat(b"\n");
        }
        let (mut long, mut begun) = (false, false);
        loop {
            let buffer = match self.inner.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                let open = if long { Kind::Long } else { Kind::Open };
                return Ok(begun.then_some(open));
            }
            begun = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            self.ahead.eat(part);
            long |= self.line.len() + part.len() > LINE_MAX;
            if !long {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.inner.consume(used);
            if end.is_some() {
                self.ahead.ended = true;
                return Ok(Some(if long { Kind::Long } else { Kind::Whole }));
            }
        }
    }

    /// The line that was read last; nothing of one that is too long.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Takes the line that was read last.
    pub(super) fn take(&mut self) {
        self.taken = self.ahead.clone();
    }

    /// How many bytes were taken.
    pub(super) fn bytes(&self) -> u64 {
        self.taken.bytes
    }

    /// What they hash to.
    pub(super) fn hash(&self) -> [u8; 32] {
        self.taken.hasher.clone().finalize().into()
    }
}

impl Taken {
    fn eat(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
    }
}
