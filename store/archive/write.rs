//! Writing one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::{END, RECORD_MAX, failed, first_line, place};
use crate::error::StoreError;

/// How much is gathered before it is written.
const BUFFER: usize = 256 << 10;
/// What a file that is not whole yet is called ends so.
const PART: &str = ".part";

/// Tells apart the files of one process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A file in the making. Dropped before it is finished, it leaves nothing behind.
pub(crate) struct Writer {
    output: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
    target: PathBuf,
    part: Part,
}

/// The name it has meanwhile.
struct Part(Option<PathBuf>);

impl Writer {
    /// Begins a file of such a kind that will have the name `target`, for its owner alone.
    ///
    /// # Errors
    /// Something has that name already, or nothing can be written beside it.
    pub(crate) fn create(target: &Path, kind: &str) -> Result<Self, StoreError> {
        if target.symlink_metadata().is_ok() {
            return Err(StoreError::FileExists { path: target.display().to_string() });
        }
        let name = target.file_name().ok_or_else(|| {
            let error = io::Error::new(io::ErrorKind::IsADirectory, "it names no file");
            failed("write", target, error)
        })?;
        let prefix = format!(".{}.", name.to_string_lossy());
        // What cannot be cleared away takes room, and nothing else.
        let _ = clear(target, &prefix);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = target.with_file_name(format!("{prefix}{}-{number}{PART}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| failed("create", target, error))?;
        let part = Part(Some(path));
        file.lock().map_err(|error| failed("lock", target, error))?;
        let output = BufWriter::with_capacity(BUFFER, file);
        let mut writer = Writer { output, hash: Sha256::new(), bytes: 0, target: target.to_owned(), part };
        writer.write(first_line(kind).as_bytes())?;
        Ok(writer)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn record(&mut self, tag: u8, bytes: &[u8]) -> Result<(), StoreError> {
        assert!(tag != END && bytes.len() <= RECORD_MAX, "a record is within its bound and is not the end");
        let length = u32::try_from(bytes.len()).expect("a record is at most RECORD_MAX");
        self.write(&[tag])?;
        self.write(&length.to_be_bytes())?;
        self.write(bytes)
    }

    /// Puts the whole file in its place, durably, and says how many bytes it has.
    ///
    /// # Errors
    /// Something has its name by now, or it cannot be written; then nothing is left of it.
    pub(crate) fn finish(mut self) -> Result<u64, StoreError> {
        self.write(&[END])?;
        let hash = self.hash.clone().finalize();
        self.write(&hash)?;
        let Writer { mut output, bytes, target, mut part, .. } = self;
        let written = output.flush().and_then(|()| output.get_ref().sync_all());
        written.map_err(|error| failed("write", &target, error))?;
        let path = part.0.as_deref().expect("a part has its name until it is put");
        place::put(path, &target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => StoreError::FileExists { path: target.display().to_string() },
            _ => failed("write", &target, error),
        })?;
        part.0 = None;
        place::sync_parent(&target).map_err(|error| failed("write", &target, error))?;
        Ok(bytes)
    }

    /// A file without a name in the same folder, which is gone when it is closed.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn side(&self) -> Result<File, StoreError> {
        let path = self.part.0.as_deref().expect("a part has its name until it is put").with_extension("side");
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.and_then(|file| fs::remove_file(&path).map(|()| file));
        file.map_err(|error| failed("write beside", &self.target, error))
    }

    /// What becomes of an error at the file.
    pub(crate) fn failed(&self, error: io::Error) -> StoreError {
        failed("write", &self.target, error)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.output.write_all(bytes).map_err(|error| failed("write", &self.target, error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What stays is cleared away by the next that is written there.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes what killed processes left of the file: parts that nobody has locked.
fn clear(target: &Path, prefix: &str) -> io::Result<()> {
    let folder = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(PART));
        let is_part = rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'));
        if is_part && entry.file_type()?.is_file() && File::open(entry.path())?.try_lock().is_ok() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
