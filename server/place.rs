//! Where a process answers: a socket in its home.
//!
//! A socket's address holds hardly more than 100 bytes of path, and a home may lie deeper. On Linux the home is opened then,
//! and the socket reached through its descriptor; elsewhere such a home has no socket, and the error says so.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// What the socket is called in its home.
pub const SOCKET: &str = "control.sock";
/// The longest path that every system takes in a socket's address, with room for a temporary name.
const PATH_MAX: usize = 90;

/// Listens in a home. The socket is there whole, for its owner alone, or not at all; an older owner's is replaced.
///
/// Only the process that has the home's store may call this.
pub(crate) fn listen(home: &Path) -> io::Result<UnixListener> {
    let reach = Reach::of(home)?;
    let name = format!(".control.{}", std::process::id());
    let (new, place) = (reach.path(&name), reach.path(SOCKET));
    // What a dead process of the same number left.
    let _ = fs::remove_file(&new);
    let listener = UnixListener::bind(&new)?;
    let ready = fs::set_permissions(&new, Permissions::from_mode(0o600)).and_then(|()| fs::rename(&new, &place));
    if ready.is_err() {
        let _ = fs::remove_file(&new);
    }
    ready.map(|()| listener)
}

/// Reaches whoever listens in a home; nothing if there is nobody.
pub(crate) async fn connect(home: &Path) -> io::Result<Option<UnixStream>> {
    let stream = match Reach::of(home) {
        Ok(reach) => UnixStream::connect(reach.path(SOCKET)).await,
        Err(error) => Err(error),
    };
    match stream {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes the socket away.
pub(crate) fn remove(home: &Path) {
    match fs::remove_file(home.join(SOCKET)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(home = %home.display(), %error, "failed to remove the control socket");
        }
        _ => {}
    }
}

/// A way to a home that is short enough for a socket's address.
struct Reach {
    dir: PathBuf,
    /// What `dir` goes through, if it is not the home's own path.
    _open: Option<fs::File>,
}

impl Reach {
    fn of(home: &Path) -> io::Result<Self> {
        if home.as_os_str().as_bytes().len() + SOCKET.len() < PATH_MAX {
            return Ok(Reach { dir: home.to_owned(), _open: None });
        }
        Reach::through(home)
    }

    #[cfg(target_os = "linux")]
    fn through(home: &Path) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        let open = fs::File::open(home)?;
        Ok(Reach { dir: PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd())), _open: Some(open) })
    }

    #[cfg(not(target_os = "linux"))]
    fn through(_: &Path) -> io::Result<Self> {
        let message = "the path of the home is too long for a socket on this system";
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}
