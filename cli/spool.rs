//! A table from stdin, kept in the home under the name of its hash: a job reads its table twice, and again after a crash.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use understory_server::Failure;

use crate::setting::unwritable;

/// Reads all of `input` into a file of `dir`. The same table comes to lie in the same file.
pub(crate) fn spool(input: &mut impl Read, dir: &Path) -> Result<PathBuf, Failure> {
    let part = dir.join(format!(".part.{}", std::process::id()));
    let spooled = copy(input, dir, &part);
    if spooled.is_err() {
        // Half a table is of no use to anyone.
        let _ = fs::remove_file(&part);
    }
    spooled.map_err(|error| unwritable("keep the table from stdin in", dir, &error))
}

fn copy(input: &mut impl Read, dir: &Path, part: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(part)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                hash.update(&chunk[..read]);
                file.write_all(&chunk[..read])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.sync_all()?;
    let name: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let place = dir.join(format!("{name}.csv"));
    fs::rename(part, &place)?;
    File::open(dir)?.sync_all()?;
    Ok(place)
}
