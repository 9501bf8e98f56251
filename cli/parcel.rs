//! `export`, `import`, `store backup`, `store restore` and `store compact`.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use understory::Error;
use understory_server::{
    Code, CompactedLine, Failure, ParcelReply, ParcelRequest, Reply, Request, RestoredLine, named,
};

use crate::arguments::SubtreeFileArguments;
use crate::command::Session;
use crate::exit;
use crate::owner::explained;

/// How long a store is tried for that another process has: it may just end.
const PATIENCE: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(20);
const RESTORING: &str = "restoring: the file is read twice, and the store written beside its place";
const COMPACTING: &str = "compacting: the store is written anew beside its place";

/// `export`.
pub(crate) async fn export(session: &Session, path: String, file: &Path) -> Result<u8, Failure> {
    let file = absolute(file)?;
    session.done(Request::Parcel(ParcelRequest::Export { path, file })).await
}

/// `import`.
pub(crate) async fn import(session: &Session, subtree: SubtreeFileArguments) -> Result<u8, Failure> {
    let SubtreeFileArguments { file, path } = subtree;
    let missing = || Failure::new(Code::Usage, "no file is named");
    let file = absolute(&file.ok_or_else(missing)?)?;
    let path = path.map(|path| session.path(&path)).transpose()?;
    session.done(Request::Parcel(ParcelRequest::Import { file, path })).await
}

/// `store backup`.
pub(crate) async fn backup(session: &Session, file: &Path) -> Result<u8, Failure> {
    let file = absolute(file)?;
    session.done(Request::Parcel(ParcelRequest::Backup { file })).await
}

/// `store restore`.
pub(crate) async fn restore(session: &Session, file: &Path) -> Result<u8, Failure> {
    demand_operator(session, "store restore")?;
    session.setting.make_home()?;
    let (file, dir) = (absolute(file)?, session.setting.store());
    let restored = explained(understory::restore(file, &dir), &session.terminal, RESTORING);
    let restored =
        session.signals.unless(async { Ok(restored.await?) }).await.map_err(|failure| match failure.code {
            Code::Exists => failure.hint("move it away first, or name another --home"),
            _ => failure,
        })?;
    let line = RestoredLine::of(named(&dir).into_owned(), restored);
    session.print(&Reply::Parcel(ParcelReply::Restored(line))).await?;
    Ok(exit::OK)
}

/// `store compact`.
pub(crate) async fn compact(session: &Session) -> Result<u8, Failure> {
    demand_operator(session, "store compact")?;
    let dir = session.setting.store();
    let compacted = patiently(|| understory::compact(&dir));
    let compacted = explained(compacted, &session.terminal, COMPACTING);
    let compacted =
        session.signals.unless(async { Ok(compacted.await?) }).await.map_err(|failure| match failure.code {
            Code::InUse => failure.hint("`understory store compact` needs the store for itself: end that process"),
            _ => failure,
        })?;
    let line = CompactedLine::of(named(&dir).into_owned(), compacted);
    session.print(&Reply::Parcel(ParcelReply::Compacted(line))).await?;
    Ok(exit::OK)
}

/// A file's name as whoever has the store finds it, which may have another working directory.
fn absolute(file: &Path) -> Result<String, Failure> {
    let place = std::path::absolute(file).ok().and_then(|place| place.to_str().map(str::to_owned));
    place.ok_or_else(|| Failure::new(Code::Usage, "the name of the file is no text"))
}

fn demand_operator(session: &Session, verb: &str) -> Result<(), Failure> {
    let Some(identity) = &session.setting.identity else { return Ok(()) };
    let message = format!("`understory {verb}` has the store itself, which {} may not", identity.path);
    Err(Failure::new(Code::NotFound, message))
}

async fn patiently<T, W: Future<Output = Result<T, Error>>>(work: impl Fn() -> W) -> Result<T, Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        match work().await {
            Err(Error::Store(understory::StoreError::InUse { .. })) if Instant::now() < until => {
                tokio::time::sleep(STEP).await;
            }
            done => return done,
        }
    }
}
