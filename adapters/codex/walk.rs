//! The rollout files of some folders, in the order of their names, of which no more is held than the folders on the way.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use understory_actors::import::{Found, FoundFile};

/// How many folders may lie in each other.
const DEPTH_MAX: usize = 8;

/// What is left to be met.
pub(super) struct Walk {
    folders: std::vec::IntoIter<(&'static str, PathBuf)>,
    /// The folders on the way, each with what is left of it, the last name first.
    way: Vec<Folder>,
}

struct Folder {
    name: String,
    place: PathBuf,
    left: Vec<OsString>,
}

impl Walk {
    pub(super) fn new(folders: Vec<(&'static str, PathBuf)>) -> Self {
        Walk { folders: folders.into_iter(), way: Vec::new() }
    }

    /// What lies at a place: a folder is gone into and is nothing by itself.
    fn meet(&mut self, name: String, place: PathBuf) -> Option<Found> {
        let there = match fs::symlink_metadata(&place) {
            Ok(there) => there,
            // It was moved away meanwhile, and is met elsewhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return Some(Found::Failed { name, error: error.to_string() }),
        };
        if there.is_symlink() {
            return Some(Found::Link { name });
        }
        if there.is_dir() {
            return self.enter(name, place);
        }
        if !there.is_file() || !is_rollout(&name) {
            return None;
        }
        let modified = there.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        Some(Found::File(FoundFile { name, size: there.len(), modified }))
    }

    fn enter(&mut self, name: String, place: PathBuf) -> Option<Found> {
        if self.way.len() == DEPTH_MAX {
            return Some(Found::Failed { name, error: format!("it lies over {DEPTH_MAX} folders deep") });
        }
        match names(&place) {
            Ok(left) => {
                self.way.push(Folder { name, place, left });
                None
            }
            Err(error) => Some(Found::Failed { name, error: error.to_string() }),
        }
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let (name, place) = match self.way.last_mut() {
                None => {
                    let (name, place) = self.folders.next()?;
                    (name.to_owned(), place)
                }
                Some(folder) => match folder.left.pop() {
                    None => {
                        self.way.pop();
                        continue;
                    }
                    Some(own) => (format!("{}/{}", folder.name, own.to_string_lossy()), folder.place.join(&own)),
                },
            };
            if let Some(found) = self.meet(name, place) {
                return Some(found);
            }
        }
    }
}

/// What lies in a folder, the last name first.
fn names(place: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(place)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable_by(|one, other| other.cmp(one));
    Ok(names)
}

fn is_rollout(name: &str) -> bool {
    let own = name.rsplit('/').next().unwrap_or(name);
    own.starts_with("rollout-") && (own.ends_with(".jsonl") || own.ends_with(".jsonl.zst"))
}
