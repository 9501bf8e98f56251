//! A table that comes through a pipe, kept in the home under the name of its hash: a job reads its table twice, and again
//! after a crash.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use understory_server::{Code, Failure};

use crate::setting::unwritable;

/// The table that is read from stdin.
pub(crate) const STDIN: &str = "-";
/// What is not whole yet. A process that was killed leaves it, and the next one writes over it.
const PART: &str = ".part";

/// Reads all of a table into a file of `dir`. The same table comes to lie in the same file. Only the process that has the
/// store of the home may call this.
pub(crate) fn spool(table: &Path, dir: &Path) -> Result<PathBuf, Failure> {
    let unread =
        |error: io::Error| Failure::new(Code::Failure, format!("failed to read table {}: {error}", table.display()));
    let unkept = |error: io::Error| unwritable("keep the table in", dir, &error);
    let mut input: Box<dyn Read> = match table == Path::new(STDIN) {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(table).map_err(unread)?),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(unkept)?;
    let part = dir.join(PART);
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
    let mut file = opened.map_err(unkept)?;
    let kept = copy(&mut input, &mut file, unread, unkept).and_then(|name| {
        // The name of the table may say its format.
        let extension = table.extension().unwrap_or("csv".as_ref());
        let place = dir.join(name).with_extension(extension);
        fs::rename(&part, &place).and_then(|()| File::open(dir)?.sync_all()).map_err(unkept)?;
        Ok(place)
    });
    if kept.is_err() {
        // Half a table is of no use to anyone.
        let _ = fs::remove_file(&part);
    }
    kept
}

/// Copies all of `input`, durably; returns its hash.
fn copy(
    input: &mut impl Read,
    file: &mut File,
    unread: impl Fn(io::Error) -> Failure,
    unkept: impl Fn(io::Error) -> Failure,
) -> Result<String, Failure> {
    let (mut hash, mut chunk) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                hash.update(&chunk[..read]);
                file.write_all(&chunk[..read]).map_err(&unkept)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unread(error)),
        }
    }
    file.sync_all().map_err(unkept)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<std::ffi::OsString> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn what_a_killed_process_left_is_no_part_of_a_table() {
        let home = tempfile::tempdir().unwrap();
        let (table, dir) = (home.path().join("table"), home.path().join("spool"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(PART), "half of a table that was much longer").unwrap();
        fs::write(&table, "id\n1\n").unwrap();
        let kept = spool(&table, &dir).unwrap();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "id\n1\n");
        assert_eq!(spool(&table, &dir).unwrap(), kept);
        assert_eq!(names(&dir).len(), 1);
    }

    #[test]
    fn a_table_that_cannot_be_read_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("spool");
        let failure = spool(home.path(), &dir).unwrap_err();
        assert!(failure.message.starts_with("failed to read table"), "{failure}");
        assert!(names(&dir).is_empty());
    }
}
