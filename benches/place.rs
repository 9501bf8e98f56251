//! Where the stores of a run lie: on a disk, or what is measured is memory.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// File systems by the number that the operating system gives them.
const FILE_SYSTEMS: [(u64, &str); 8] = [
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x2fc1_2fc1, "zfs"),
    (0xf2f5_2010, "f2fs"),
    (0x794c_7630, "overlay"),
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
];

/// A directory on a disk.
pub(crate) struct Place {
    dir: PathBuf,
    pub(crate) file_system: String,
}

impl Place {
    /// Makes the directory. Refuses one in memory.
    pub(crate) fn make(dir: &Path) -> Outcome<Place> {
        fs::create_dir_all(dir)?;
        let kind = rustix::fs::statfs(dir)?.f_type as u64;
        let known = FILE_SYSTEMS.iter().find(|(number, _)| *number == kind);
        let file_system = known.map_or_else(|| format!("file system {kind:#x}"), |(_, name)| (*name).to_owned());
        if ["tmpfs", "ramfs"].contains(&file_system.as_str()) {
            return Err(
                format!("{} is on {file_system}: choose a directory on a disk with --dir", dir.display()).into()
            );
        }
        Ok(Place { dir: dir.to_owned(), file_system })
    }

    /// A directory of this name with nothing in it.
    pub(crate) fn fresh(&self, name: &str) -> Outcome<PathBuf> {
        let dir = self.dir.join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    /// Removes what a workload left.
    pub(crate) fn clear(&self, dirs: &[&Path]) -> Outcome<()> {
        dirs.iter().filter(|dir| dir.exists()).try_for_each(fs::remove_dir_all)?;
        Ok(())
    }
}

/// The bytes that a directory's files take on the disk.
pub(crate) fn bytes_on_disk(dir: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_on_disk(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
