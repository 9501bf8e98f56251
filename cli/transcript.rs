//! `transcript` and `usage`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use understory_server::{
    Code, EntriesPage, EntriesRequest, EntryWord, Failure, Reply, Request, TranscriptLine, TranscriptReply,
    TranscriptRequest, UsageRequest,
};

use crate::arguments::{EntriesArguments, PruneArguments, TranscriptArguments, TranscriptVerb, UsageArguments};
use crate::command::{Session, blocking};
use crate::confirm::confirm;
use crate::entries::import;
use crate::exit;
use crate::render::{self, escaped};
use crate::talk::Talk;

/// Before every entry.
pub(crate) const START: &str = "0.0";
/// How many entries are asked for at a time where all are.
pub(crate) const PAGE: usize = 500;

/// Carries `transcript` out.
pub(crate) async fn transcript(session: &Session, arguments: TranscriptArguments) -> Result<u8, Failure> {
    let TranscriptArguments { verb, page } = arguments;
    match verb {
        None => session.done(asked(TranscriptRequest::Page(entries(page)))).await,
        Some(TranscriptVerb::Export { path, file }) => export(session, &path, &file).await,
        Some(TranscriptVerb::Import { path, file }) => import(session, &path, file).await,
        Some(TranscriptVerb::Prune(arguments)) => prune(session, arguments).await,
    }
}

/// Carries `usage` out.
pub(crate) async fn usage(session: &Session, arguments: UsageArguments) -> Result<u8, Failure> {
    let UsageArguments { path, limit, turns, last, before } = arguments;
    if !turns {
        return session.done(Request::Usage(UsageRequest { path, limit: limit.into() })).await;
    }
    let kinds = vec![EntryWord::Answer];
    let request = EntriesRequest { path, before, limit: last.into(), kinds, ..EntriesRequest::default() };
    let reply = session.talk("", async |talk: &mut Talk| page(talk, request).await).await?;
    let text = if session.terminal.json() {
        render::document(&Reply::Transcript(TranscriptReply::Page(reply)))
    } else {
        render::turns(&reply)
    };
    session.data(text).await?;
    Ok(exit::OK)
}

fn asked(request: TranscriptRequest) -> Request {
    Request::Transcript(request)
}

fn entries(arguments: EntriesArguments) -> EntriesRequest {
    let EntriesArguments { path, last, after, before, search, kind, turn, within } = arguments;
    EntriesRequest {
        path: path.unwrap_or_default(),
        after,
        before,
        limit: last.into(),
        kinds: kind.into_iter().map(Into::into).collect(),
        turn,
        within_ms: within.map(milliseconds),
        text: search,
    }
}

async fn prune(session: &Session, arguments: PruneArguments) -> Result<u8, Failure> {
    let PruneArguments { path, older_than, keep_bytes, dry_run, yes } = arguments;
    let shown = escaped(&path);
    let question = format!("take the oldest entries out of the transcripts of {shown} and below it, for good?");
    confirm(session, yes || dry_run, "transcript prune", question, "nothing was taken out".to_owned()).await?;
    let older_than_ms = older_than.map(milliseconds);
    session.done(asked(TranscriptRequest::Prune { path, older_than_ms, keep_bytes, dry_run })).await
}

/// Writes all entries there are to a file, a page at a time.
async fn export(session: &Session, path: &str, file: &Path) -> Result<u8, Failure> {
    let place = file.to_owned();
    let mut writer = blocking(move || created(&place)).await?;
    let count = session
        .talk("the file is not whole", async |talk: &mut Talk| {
            let (mut after, mut count) = (START.to_owned(), 0u64);
            loop {
                let request =
                    EntriesRequest { path: path.to_owned(), after: Some(after), limit: PAGE, ..Default::default() };
                let page = page(talk, request).await?;
                count += page.entries.len() as u64;
                (after, writer) = (page.newer.clone(), write(writer, page.entries).await?);
                if !page.more {
                    return blocking(move || whole(writer)).await.map(|()| count);
                }
            }
        })
        .await;
    let count = match count {
        Ok(count) => count,
        Err(failure) => {
            // What is not whole is not left behind.
            let _ = std::fs::remove_file(file);
            return Err(failure);
        }
    };
    let shown = escaped(&file.display().to_string());
    let text = match session.terminal.json() {
        true => serde_json::json!({ "file": file, "entries": count }).to_string() + "\n",
        false => format!("{shown}: {} entries written\n", render::grouped(count)),
    };
    session.data(text).await?;
    Ok(exit::OK)
}

pub(crate) async fn page(talk: &mut Talk, request: EntriesRequest) -> Result<EntriesPage, Failure> {
    match talk.ask(asked(TranscriptRequest::Page(request))).await? {
        Reply::Transcript(TranscriptReply::Page(page)) => Ok(page),
        _ => Err(Failure::new(Code::Failure, "a transcript was asked for, and something else came")),
    }
}

fn created(file: &Path) -> Result<BufWriter<File>, Failure> {
    File::create_new(file).map(BufWriter::new).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::new(Code::Exists, format!("{} is there already", file.display())),
        _ => unwritten(&error),
    })
}

async fn write(mut writer: BufWriter<File>, lines: Vec<TranscriptLine>) -> Result<BufWriter<File>, Failure> {
    blocking(move || {
        for line in lines {
            serde_json::to_writer(&mut writer, &line).map_err(|error| unwritten(&error.into()))?;
            writer.write_all(b"\n").map_err(|error| unwritten(&error))?;
        }
        Ok(writer)
    })
    .await
}

fn whole(mut writer: BufWriter<File>) -> Result<(), Failure> {
    writer.flush().and_then(|()| writer.get_ref().sync_all()).map_err(|error| unwritten(&error))
}

fn unwritten(error: &std::io::Error) -> Failure {
    Failure::new(Code::Failure, format!("failed to write the transcript: {error}"))
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
