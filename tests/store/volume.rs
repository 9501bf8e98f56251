//! File systems of a test's own, where the machine lets it mount some.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file system, mounted until it is dropped.
pub(crate) struct Volume {
    root: TempDir,
    mounted: bool,
}

impl Volume {
    /// Makes an ext4 in a file.
    pub(crate) fn ext4(megabytes: u64) -> Result<Volume, String> {
        let volume = Volume { root: TempDir::new().unwrap(), mounted: false };
        File::create(volume.image()).unwrap().set_len(megabytes << 20).unwrap();
        std::fs::create_dir(volume.path()).unwrap();
        run("mkfs.ext4", [OsStr::new("-q"), "-F".as_ref(), volume.image().as_ref()])?;
        volume.mount()
    }

    /// Makes one in memory.
    pub(crate) fn tmpfs(kilobytes: u64) -> Result<Volume, String> {
        let mut volume = Volume { root: TempDir::new().unwrap(), mounted: false };
        std::fs::create_dir(volume.path()).unwrap();
        let size = format!("size={kilobytes}k");
        run(
            "mount",
            ["-t".as_ref(), "tmpfs".as_ref(), "-o".as_ref(), size.as_ref(), "none".as_ref(), volume.path().as_os_str()],
        )?;
        volume.mounted = true;
        Ok(volume)
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("mounted")
    }

    /// Gives one in memory more room.
    pub(crate) fn grow(&self, kilobytes: u64) {
        let options = format!("remount,size={kilobytes}k");
        run("mount", ["-o".as_ref(), options.as_ref(), self.path().as_os_str()]).unwrap();
    }

    /// Takes the power away: nothing that is not on disk by now, not even the journal in memory, will be.
    pub(crate) fn cut(&self) -> Result<(), String> {
        // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
        let script =
            r#"open(my $d, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl($d, 0x8004587d, $how) or die $!"#;
        run("perl", ["-e".as_ref(), script.as_ref(), self.path().join("lost+found").as_os_str()])
    }

    /// Gives the power back after a cut, when nobody has files open there any more.
    pub(crate) fn restart(mut self) -> Volume {
        run("umount", [self.path()]).unwrap();
        self.mounted = false;
        self.mount().unwrap()
    }

    fn image(&self) -> PathBuf {
        self.root.path().join("image")
    }

    fn mount(mut self) -> Result<Volume, String> {
        run("mount", ["-o".as_ref(), "loop".as_ref(), self.image().as_os_str(), self.path().as_os_str()])?;
        self.mounted = true;
        Ok(self)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.mounted {
            // Nothing more can be done about a failure; the next one tells.
            let _ = run("umount", [Path::new("-l"), &self.path()]);
        }
    }
}

fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<(), String> {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let output = Command::new(program).args(arguments).env("PATH", path).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
