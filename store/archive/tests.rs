use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

const KIND: &str = "parcel";

fn written(dir: &Path) -> PathBuf {
    let path = dir.join("file");
    let mut writer = Writer::create(&path, KIND).unwrap();
    for (tag, length) in [(b'a', 3), (b'b', 0), (b'a', 70)] {
        writer.record(tag, &vec![tag; length]).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), fs::metadata(&path).unwrap().len());
    path
}

fn read(path: &Path) -> Result<Vec<(u8, usize)>, StoreError> {
    let mut reader = Reader::open(path, KIND)?;
    let mut records = Vec::new();
    while let Some((tag, record)) = reader.next()? {
        assert!(record.iter().all(|byte| *byte == tag));
        records.push((tag, record.len()));
    }
    Ok(records)
}

fn named(path: &Path, found: &Result<Vec<(u8, usize)>, StoreError>) -> bool {
    match found {
        Err(StoreError::FileDamaged { path: named, .. } | StoreError::NewerSchema { dir: named, .. }) => {
            *named == path.display().to_string()
        }
        _ => false,
    }
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_was_written_is_read_any_number_of_times() {
    let dir = TempDir::new().unwrap();
    let path = written(dir.path());
    assert_eq!(read(&path).unwrap(), [(b'a', 3), (b'b', 0), (b'a', 70)]);
    let mut reader = Reader::open(&path, KIND).unwrap();
    for _ in 0..2 {
        reader.rewind().unwrap();
        while reader.next().unwrap().is_some() {}
        assert_eq!(reader.next().unwrap(), None, "the end stays the end");
    }
    assert_eq!(names(dir.path()), ["file"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    let path = written(dir.path());
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let found = read(&path);
        assert!(named(&path, &found), "cut to {length}: {found:?}");
        let mut reader = Reader::open(&path, KIND);
        let mut lengths = Vec::new();
        while let Ok(Some((_, record))) = reader.as_mut().map_or(Ok(None), Reader::next) {
            lengths.push(record.len());
        }
        assert!([3, 0, 70].starts_with(&lengths), "cut to {length}: no part of a record is handed over, {lengths:?}");
    }
    fs::write(&path, b"understory parcel 1\na\xff\xff\xff\xff").unwrap();
    let found = read(&path).unwrap_err().to_string();
    assert_eq!(found, format!("{} is no good: byte 20 begins no record", path.display()));
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    let found = read(&path).unwrap_err().to_string();
    assert_eq!(found, format!("{} is no good: it goes on behind its end", path.display()));
}

#[test]
fn a_file_in_which_any_bit_was_flipped_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    let path = written(dir.path());
    let whole = fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &changed).unwrap();
        // The tags are not looked at here, so that only the checksum can tell.
        let found = Reader::open(&path, KIND).and_then(|mut reader| {
            while reader.next()?.is_some() {}
            Ok(Vec::new())
        });
        assert!(named(&path, &found), "bit {bit}: {found:?}");
    }
}

#[test]
fn another_kind_and_a_newer_layout_are_told_apart() {
    let dir = TempDir::new().unwrap();
    let path = written(dir.path());
    let refused = |line: &str| {
        fs::write(&path, line).unwrap();
        Reader::open(&path, KIND).err().unwrap().to_string()
    };
    let at = path.display().to_string();
    assert_eq!(refused("understory backup 1\n"), format!("{at} is no good: it holds a backup, not a parcel"));
    assert_eq!(refused("understory parcel 2\n"), format!("store {at} has schema 2, this build reads up to 1"));
    assert_eq!(refused("understory parcel 0\n"), format!("{at} is no good: it is no file of understory's"));
    assert_eq!(refused("a,b\n1,2\n"), format!("{at} is no good: it is no file of understory's"));
    let folder = Reader::open(dir.path(), KIND).err().unwrap().to_string();
    assert_eq!(folder, format!("{} is no good: it is no plain file", dir.path().display()));
    let missing = Reader::open(&dir.path().join("missing"), KIND).err().unwrap();
    assert!(matches!(missing, StoreError::Io { .. }), "{missing:?}");
}

#[test]
fn nothing_is_written_over() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    let writer = Writer::create(&path, KIND).unwrap();
    // Somebody takes the name while it is written.
    fs::write(&path, "theirs").unwrap();
    let exists = |refused: StoreError| assert!(matches!(refused, StoreError::FileExists { .. }), "{refused:?}");
    exists(writer.finish().unwrap_err());
    exists(Writer::create(&path, KIND).err().unwrap());
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(dir.path()).len()), ("theirs", 1));
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    exists(Writer::create(&path, KIND).err().unwrap());
}

#[test]
fn one_that_is_given_up_leaves_nothing_and_what_was_left_is_cleared() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    let writer = Writer::create(&path, KIND).unwrap();
    drop((writer.side().unwrap(), writer));
    assert_eq!(names(dir.path()), [""; 0]);
    // A killed process's, another file's, and one that is being written.
    for name in [".file.12-0.part", ".file.b.12-0.part", ".filed.12-0.part"] {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    let busy = Writer::create(&path, KIND).unwrap();
    let other = Writer::create(&path, KIND).unwrap();
    let mut left = names(dir.path());
    left.retain(|name| !name.starts_with(&format!(".file.{}", std::process::id())));
    left.sort();
    assert_eq!((left.join(" ").as_str(), names(dir.path()).len()), (".file.b.12-0.part .filed.12-0.part", 4));
    busy.finish().unwrap();
    drop(other);
    assert!(File::open(path).is_ok());
}
