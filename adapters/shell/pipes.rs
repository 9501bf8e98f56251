//! What goes into a worker and comes out of it, all at once and bounded.

use std::convert::Infallible;
use std::future;
use std::io::{self, Cursor};
use std::os::fd::AsFd;
use std::process::Child;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use understory_actors::{ERROR_MAX, TEXT_MAX};

/// The most a worker may write to stdout, in bytes: what one text of the store holds.
pub const OUTPUT_MAX: usize = TEXT_MAX;
/// How much of the end of stderr is kept, in bytes: with the program and how it ended before it, what a record takes of an
/// error. That keeps what an error begins with, and the last line of stderr is the one that says why.
const TAIL_MAX: usize = ERROR_MAX / 4 * 3;
/// How much is read at once.
const CHUNK: usize = 16 * 1024;
/// How many chunks of stderr are read after the end: what a pipe can hold, several times over.
const TAIL_CHUNKS_MAX: usize = 64;

/// The three pipes of a worker.
pub(crate) struct Pipes {
    input: Input,
    output: Output,
    errors: Errors,
}

struct Input {
    pipe: Option<ChildStdin>,
    text: Cursor<Vec<u8>>,
}

struct Output {
    pipe: ChildStdout,
    read: Vec<u8>,
}

struct Errors {
    pipe: ChildStderr,
    tail: Tail,
}

/// The end of a text of any length.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    cut: bool,
}

/// What a worker wrote.
pub(crate) struct Written {
    /// More than [`OUTPUT_MAX`] bytes if the worker wrote too much.
    pub(crate) output: Vec<u8>,
    /// The end of stderr.
    pub(crate) errors: String,
}

impl Pipes {
    /// Takes the pipes of a child that was started with all three. Nothing is written before [`Pipes::flow`].
    pub(crate) fn of(child: &mut Child, text: Vec<u8>) -> io::Result<Self> {
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Pipes {
            input: Input { pipe: Some(ChildStdin::from_std(stdin)?), text: Cursor::new(text) },
            output: Output { pipe: ChildStdout::from_std(stdout)?, read: Vec::new() },
            errors: Errors { pipe: ChildStderr::from_std(stderr)?, tail: Tail::default() },
        })
    }

    /// Writes and reads, and resolves only when the worker has written too much. May be dropped and called again.
    pub(crate) async fn flow(&mut self) {
        tokio::select! {
            never = self.input.feed() => match never {},
            never = self.errors.follow() => match never {},
            () = self.output.fill() => {}
        }
    }

    /// Reads what is left in the pipes of a worker that has ended. It does not wait for their end: a process that left
    /// the group may hold them open for ever.
    pub(crate) fn finish(mut self) -> Written {
        let mut chunk = vec![0; CHUNK];
        while self.output.read.len() <= OUTPUT_MAX {
            let Some(read) = waiting(&self.output.pipe, &mut chunk) else { break };
            self.output.read.extend_from_slice(read);
        }
        for _ in 0..TAIL_CHUNKS_MAX {
            let Some(read) = waiting(&self.errors.pipe, &mut chunk) else { break };
            self.errors.tail.push(read);
        }
        Written { output: self.output.read, errors: self.errors.tail.text() }
    }
}

impl Input {
    async fn feed(&mut self) -> Infallible {
        if let Some(pipe) = &mut self.pipe {
            // A worker need not read what it is given.
            if let Err(error) = pipe.write_all_buf(&mut self.text).await {
                tracing::debug!(%error, "worker closed its stdin early");
            }
            self.pipe = None;
        }
        future::pending().await
    }
}

impl Output {
    async fn fill(&mut self) {
        while self.read.len() <= OUTPUT_MAX {
            self.read.reserve(CHUNK.min(OUTPUT_MAX + 1 - self.read.len()));
            match self.pipe.read_buf(&mut self.read).await {
                Ok(0) | Err(_) => future::pending().await,
                Ok(_) => {}
            }
        }
    }
}

impl Errors {
    async fn follow(&mut self) -> Infallible {
        let mut chunk = vec![0; CHUNK];
        loop {
            match self.pipe.read(&mut chunk).await {
                Ok(0) | Err(_) => future::pending().await,
                Ok(read) => self.tail.push(&chunk[..read]),
            }
        }
    }
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if let Some(over @ 1..) = self.bytes.len().checked_sub(TAIL_MAX) {
            self.bytes.drain(..over);
            self.cut = true;
        }
    }

    fn text(&self) -> String {
        // The cut may have gone through a character; what is left of it is no character's beginning.
        let rest = |byte: &&u8| self.cut && **byte & 0b1100_0000 == 0b1000_0000;
        let begin = self.bytes.iter().take(3).take_while(rest).count();
        let text = String::from_utf8_lossy(&self.bytes[begin..]);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        if self.cut { format!("…{text}") } else { text.to_owned() }
    }
}

/// Reads what a pipe has now; `None` if that is nothing. It does not go through the runtime, which may not have heard yet
/// that there is something.
fn waiting<'c>(pipe: &impl AsFd, chunk: &'c mut [u8]) -> Option<&'c [u8]> {
    match rustix::io::retry_on_intr(|| rustix::io::read(pipe, &mut *chunk)) {
        Ok(0) | Err(_) => None,
        Ok(read) => Some(&chunk[..read]),
    }
}
