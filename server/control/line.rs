//! Lines of JSON, with a bound.

use std::io;

use serde::Serialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest line. A text of 256 KiB may be six times as long as JSON; a long answer is a list of jobs.
const LINE_MAX: u64 = 64 << 20;

/// Writes a value as a line.
pub(crate) async fn write_line(output: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    output.write_all(&line).await
}

/// A line without its end; nothing at the end of the stream.
///
/// # Errors
/// `InvalidData`: it is too long. `UnexpectedEof`: the stream ends within it. Or reading failed.
pub(crate) async fn read_line(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = input.take(LINE_MAX).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    match line.pop() {
        Some(b'\n') => Ok(Some(line)),
        _ if read as u64 == LINE_MAX => Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long")),
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the line is cut")),
    }
}
