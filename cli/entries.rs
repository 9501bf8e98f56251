//! `transcript import`: a file of JSON lines becomes the transcript of an agent that has none.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};

use understory_server::{
    Code, EntriesPage, EntriesRequest, Failure, ImportedLine, Reply, Request, TranscriptLine, TranscriptReply,
    TranscriptRequest,
};

use crate::command::{Session, blocking};
use crate::exit;
use crate::render::{escaped, grouped};
use crate::talk::Talk;
use crate::transcript::{PAGE, START, page};

/// As many entries as go at once.
const ENTRIES_MAX: usize = 256;
/// From how many bytes on no more are added: one may be 512 KiB with the name of its tool, and all together no more than 1 MiB.
const BYTES: usize = 512 << 10;

/// The entries of a file that are left.
struct Source {
    file: PathBuf,
    lines: Lines<BufReader<File>>,
    over: bool,
}

/// Takes a file in: nothing of one with a bad line, and of one that was cut short what is left.
pub(crate) async fn import(session: &Session, path: &str, file: PathBuf) -> Result<u8, Failure> {
    let (shown, place) = (escaped(&file.display().to_string()), file.clone());
    let entries = blocking(move || judge(&place)).await?;
    let added = session
        .talk("the same command goes on", async |talk: &mut Talk| {
            let source = blocking(move || Source::open(file)).await?;
            let (source, after) = pass(talk, path, source).await?;
            add(talk, path, source, after).await
        })
        .await?;
    let text = match session.terminal.json() {
        true => serde_json::json!({ "file": shown, "entries": entries, "added": added }).to_string() + "\n",
        false => format!("{shown}: {} of {} entries added\n", grouped(added), grouped(entries)),
    };
    session.data(text).await?;
    Ok(exit::OK)
}

/// Looks at every line, and counts the entries.
fn judge(file: &Path) -> Result<u64, Failure> {
    let opened = File::open(file).map_err(|error| unread(file, &error))?;
    let mut entries = 0;
    for (number, line) in (1u64..).zip(BufReader::new(opened).lines()) {
        let line = line.map_err(|error| unread(file, &error))?;
        let taken = parsed(&line).map_err(|words| {
            Failure::new(Code::InvalidText, format!("{}:{number}: not an entry: {words}", file.display()))
        })?;
        entries += u64::from(taken.is_some());
    }
    Ok(entries)
}

/// Passes over what the agent has already, which must be how the file begins; gives back the place of its last entry.
async fn pass(talk: &mut Talk, path: &str, mut source: Source) -> Result<(Source, Option<String>), Failure> {
    let (mut after, mut last) = (START.to_owned(), None);
    loop {
        let request = EntriesRequest { path: path.to_owned(), after: Some(after), limit: PAGE, ..Default::default() };
        let EntriesPage { entries, newer, more, .. } = page(talk, request).await?;
        last = entries.last().map(|entry| entry.entry.clone()).or(last);
        let (rest, same) = blocking(move || source.begins_with(&entries)).await?;
        if !same {
            let message = format!("{} has a transcript that is not how the file begins", escaped(path));
            return Err(Failure::new(Code::Conflict, message));
        }
        source = rest;
        if !more {
            return Ok((source, last));
        }
        after = newer;
    }
}

/// Adds what is left, a batch a commit; counts it.
async fn add(talk: &mut Talk, path: &str, mut source: Source, mut after: Option<String>) -> Result<u64, Failure> {
    let mut added = 0;
    loop {
        let (entries, rest) = blocking(move || source.batch()).await?;
        source = rest;
        added += entries.len() as u64;
        let request = TranscriptRequest::Import { path: path.to_owned(), after, entries };
        after = match talk.ask(Request::Transcript(request)).await? {
            Reply::Transcript(TranscriptReply::Imported(ImportedLine { path: _, last })) => last,
            _ => return Err(Failure::new(Code::Failure, "an import was asked for, and something else came")),
        };
        if source.over {
            return Ok(added);
        }
    }
}

impl Source {
    fn open(file: PathBuf) -> Result<Source, Failure> {
        let opened = File::open(&file).map_err(|error| unread(&file, &error))?;
        Ok(Source { lines: BufReader::new(opened).lines(), file, over: false })
    }

    fn next_entry(&mut self) -> Result<Option<TranscriptLine>, Failure> {
        for line in self.lines.by_ref() {
            let line = line.map_err(|error| unread(&self.file, &error))?;
            if let Some(entry) = parsed(&line).map_err(|words| Failure::new(Code::InvalidText, words))? {
                return Ok(Some(entry));
            }
        }
        self.over = true;
        Ok(None)
    }

    /// Whether the next entries are these.
    fn begins_with(mut self, entries: &[TranscriptLine]) -> Result<(Source, bool), Failure> {
        for entry in entries {
            if !self.next_entry()?.is_some_and(|next| next.is(entry)) {
                return Ok((self, false));
            }
        }
        Ok((self, true))
    }

    /// The next entries, as many as go at once.
    fn batch(mut self) -> Result<(Vec<TranscriptLine>, Source), Failure> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while entries.len() < ENTRIES_MAX
            && bytes < BYTES
            && let Some(entry) = self.next_entry()?
        {
            bytes += entry.text.len() + entry.tool.as_ref().map_or(0, String::len);
            entries.push(entry);
        }
        Ok((entries, self))
    }
}

fn parsed(line: &str) -> Result<Option<TranscriptLine>, String> {
    let line: TranscriptLine = serde_json::from_str(line).map_err(|error| error.to_string())?;
    line.taken_in()
}

fn unread(file: &Path, error: &std::io::Error) -> Failure {
    let code = if error.kind() == std::io::ErrorKind::NotFound { Code::NotFound } else { Code::Failure };
    Failure::new(code, format!("failed to read {}: {error}", file.display()))
}
