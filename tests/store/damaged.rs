//! Files that were changed behind the store's back: what is found is what was written, and what is not is called damage.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use understory_store::{Backend, Commit, SledBackend, SledOptions, Store, StoreError, Version, Write};

use super::key;

const COMMITS: Version = 120;
const ROWS: u64 = 4;

/// Flips a bit, cuts the end off, or writes zeros over up to a page.
fn change(file: &Path, random: &mut fastrand::Rng) {
    let length = fs::metadata(file).unwrap().len();
    let at = random.u64(..length);
    let mut file = File::options().read(true).write(true).open(file).unwrap();
    let mut page = vec![0; (length - at).min(4096) as usize];
    match random.u8(..3) {
        0 => file.set_len(at).unwrap(),
        1 => {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&page).unwrap();
        }
        _ => {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.read_exact(&mut page).unwrap();
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&[page[0] ^ (1 << random.u8(..8))]).unwrap();
        }
    }
}

fn name(commit: Version, row: u64) -> String {
    format!("\x01/root/n{commit:03}_{row}")
}

fn payload(commit: Version) -> Vec<u8> {
    vec![commit as u8; 3500]
}

async fn write(dir: &Path, commits: impl Iterator<Item = Version>) {
    let backend = SledBackend::open(dir, SledOptions::default()).await.unwrap();
    for commit in commits {
        let writes = (0..ROWS).map(|row| Write::Put(key(name(commit, row)), payload(commit).into())).collect();
        let told = Commit { writes, events: vec!["told".into()], ..Commit::default() };
        assert_eq!(backend.commit(told).await.unwrap(), commit);
    }
}

/// The files of a store, with a snapshot that covers some of what was written.
async fn made() -> (TempDir, Vec<PathBuf>) {
    let dir = TempDir::new().unwrap();
    write(dir.path(), 1..=COMMITS / 2).await;
    write(dir.path(), COMMITS / 2 + 1..=COMMITS).await;
    let files = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.is_file() && !path.ends_with("lock")).collect();
    files.sort();
    (dir, files)
}

/// Reads all there is; damage is the only thing that may be wrong with a row.
async fn check(dir: &Path) -> Result<(), String> {
    let backend = match SledBackend::open(dir, SledOptions::default()).await {
        Ok(backend) => Arc::new(backend),
        Err(StoreError::Damaged { .. }) => return Ok(()),
        Err(error) => return Err(format!("opening: {error:?}")),
    };
    for commit in 1..=COMMITS {
        for row in 0..ROWS {
            match backend.get(vec![key(name(commit, row))]).await.map(|read| read.rows.into_iter().flatten().next()) {
                Ok(Some(found)) if found.version == commit && found.payload == payload(commit) => {}
                // The engine takes a log that is damaged for one that was cut there, and a page for what is left of it.
                Ok(None) => {}
                Err(StoreError::Damaged { .. }) => {}
                other => return Err(format!("row {row} of commit {commit}: {other:?}")),
            }
        }
    }
    let verified = Store::new(backend.clone()).verify().await;
    verified.map(drop).map_err(|error| format!("verifying: {error:?}"))?;
    backend.shutdown().await.map_err(|error| format!("closing: {error:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_gives_no_wrong_row() {
    let (store, files) = made().await;
    let mut random = fastrand::Rng::with_seed(5);
    let rounds = if super::long() { 400 } else { 40 };
    for round in 0..rounds {
        let dir = TempDir::new().unwrap();
        for file in &files {
            fs::copy(file, dir.path().join(file.file_name().unwrap())).unwrap();
        }
        // Most of what there is lies in the engine's file of rows.
        let changed = if random.bool() { store.path().join("db") } else { random.choice(&files).unwrap().clone() };
        let changed = dir.path().join(changed.file_name().unwrap());
        change(&changed, &mut random);
        check(dir.path()).await.unwrap_or_else(|wrong| panic!("round {round}, {}: {wrong}", changed.display()));
    }
}
