//! A file that is not at its path yet.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// The random characters between the two ends of a partial file's name.
const RANDOM: usize = 12;
const SUFFIX: &str = ".partial";

/// The longest file name that appears in its partial file's name; file systems allow 255 bytes in all.
const NAME_MAX: usize = 200;

/// A file in the directory of its path under another name, removed when dropped. It is locked for as long as it is written.
#[derive(Debug)]
pub(super) struct Partial {
    file: NamedTempFile,
    target: PathBuf,
}

impl Partial {
    /// Makes an empty one and the directories above it; removes those that killed processes left for the same path.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        // A link keeps its place: what it points to is written.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let directory = directory(&target);
        create_directories(directory)?;
        let prefix = prefix(&target)?;
        remove_left_over(directory, &prefix)?;
        Ok(Self { file: locked(&prefix, directory)?, target })
    }

    /// The file once more, to be written to wherever it is.
    pub(super) fn file(&self) -> io::Result<File> {
        self.file.as_file().try_clone()
    }

    /// Puts the file at its path, and waits for no disk.
    pub(super) fn show(self) -> io::Result<()> {
        self.file.persist(&self.target).map(drop).map_err(|error| error.error)
    }

    /// Puts the file at its path; both are durable when this returns.
    pub(super) fn place(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.target).map_err(|error| error.error)?;
        sync_directory(directory(&self.target))
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Makes a partial file in the nearest directory there is, and removes it again.
///
/// Permission bits do not tell: they say nothing of a read-only file system, and do not bind everybody.
pub(super) fn check(path: &Path) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let nearest = target.ancestors().skip(1).map(or_here).find(|above| above.exists());
    named(&prefix(&target)?, nearest.unwrap_or(Path::new("."))).and_then(NamedTempFile::close)
}

fn named(prefix: &OsStr, directory: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).rand_bytes(RANDOM).suffix(SUFFIX);
    #[cfg(unix)]
    {
        // As for any file a program makes, the process's mask decides; a temporary one would be its owner's alone.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(Permissions::from_mode(0o666));
    }
    builder.tempfile_in(directory)
}

/// One that is locked, so that nobody takes it for left over.
fn locked(prefix: &OsStr, directory: &Path) -> io::Result<NamedTempFile> {
    let file = named(prefix, directory)?;
    match file.as_file().try_lock() {
        Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => return Err(error),
        _ => {}
    }
    // Somebody may have taken it for that before it was locked.
    if file.path().exists() { Ok(file) } else { locked(prefix, directory) }
}

fn prefix(target: &Path) -> io::Result<OsString> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut prefix = OsString::from(".");
    if name.len() <= NAME_MAX {
        prefix.push(name);
    } else {
        let digest = Sha256::digest(name.as_encoded_bytes());
        digest.iter().for_each(|byte| prefix.push(format!("{byte:02x}")));
    }
    prefix.push(".");
    Ok(prefix)
}

/// Removes what nobody writes any more, as far as that is allowed.
fn remove_left_over(directory: &Path, prefix: &OsStr) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let random = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        let random = random.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
        if random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric)) {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
                // It may be another's, or gone by now.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}

/// Makes the directories that are missing, each durable in the one above it.
fn create_directories(directory: &Path) -> io::Result<()> {
    if directory.exists() {
        return Ok(());
    }
    let above = directory.parent().map(or_here);
    above.map_or(Ok(()), create_directories)?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    above.map_or(Ok(()), sync_directory)
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn directory(target: &Path) -> &Path {
    target.parent().map_or(Path::new("."), or_here)
}

/// The directory above a bare name is an empty path, which means the current one.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}
