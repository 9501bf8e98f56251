//! Where the command runs: its home, its working directory, its environment. Only the terminal reads some more of it.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use understory::{AgentPath, TEXT_MAX, Token, chain};
use understory_adapters::ALLOWED;
use understory_server::{Code, Failure, Identity, named};

/// The token of the agent that the command acts as.
const TOKEN_VARIABLE: &str = "UNDERSTORY_TOKEN";
/// Which agent that is.
const PATH_VARIABLE: &str = "UNDERSTORY_PATH";
/// Where the process listens that has the agent's store, if the home is not said.
const SOCKET_VARIABLE: &str = "UNDERSTORY_SOCKET";

/// Where the command runs.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Where everything is kept, absolute.
    pub(crate) home: PathBuf,
    /// The working directory.
    pub(crate) cwd: PathBuf,
    /// Where programs are looked for.
    pub(crate) path_var: Option<OsString>,
    /// What of the environment workers see.
    pub(crate) allowed: Vec<(OsString, OsString)>,
    /// Which agent the command acts as, instead of the operator.
    pub(crate) identity: Option<Identity>,
}

impl Setting {
    /// Reads the environment. `home` is what the command line says, if it says anything.
    pub(crate) fn read(home: Option<PathBuf>) -> Result<Self, Failure> {
        let identity = identity()?;
        let socket = std::env::var_os(SOCKET_VARIABLE).filter(|_| identity.is_some()).map(PathBuf::from);
        let home = match (home, socket.as_deref().and_then(Path::parent)) {
            (Some(home), _) => home,
            (None, Some(home)) => home.to_owned(),
            (None, None) => platform_home()?,
        };
        let failed = |error: io::Error| Failure::new(Code::Failure, format!("no working directory: {error}"));
        let allowed = ALLOWED.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))).collect();
        Ok(Setting {
            home: std::path::absolute(home).map_err(failed)?,
            cwd: std::env::current_dir().map_err(failed)?,
            path_var: std::env::var_os("PATH"),
            allowed,
            identity,
        })
    }

    /// Makes the home, for its owner alone, if it is not there.
    pub(crate) fn make_home(&self) -> Result<(), Failure> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.home);
        made.map_err(|error| unwritable("make the home", &self.home, &error))
    }

    /// Where the store lies.
    pub(crate) fn store(&self) -> PathBuf {
        self.home.join("store")
    }

    /// Where the process that has the store listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.home.join(understory_server::SOCKET)
    }

    /// Where the records of running workers lie.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.home.join("run")
    }

    /// Where role files lie.
    pub(crate) fn roles(&self) -> PathBuf {
        self.home.join("roles")
    }

    /// Where tables from stdin lie.
    pub(crate) fn spool(&self) -> PathBuf {
        self.home.join("spool")
    }
}

/// A path as people write it: absolute, or below `/root`.
pub(crate) fn agent_path(text: &str) -> Result<AgentPath, Failure> {
    AgentPath::root().resolve(text).map_err(|error| Failure::from(understory::Error::from(error)))
}

/// Reads a text file that the command names, at most as long as a text may be. Waits for a file that is a pipe.
pub(crate) fn read_text(what: &str, path: &Path) -> Result<String, Failure> {
    let details = || serde_json::json!({ "path": named(path) });
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(TEXT_MAX as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| {
        let code = if error.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::Failure };
        Failure::new(code, format!("failed to read {what} {}: {error}", path.display())).details(details())
    })?;
    if bytes.len() > TEXT_MAX {
        let message = format!("{what} {} is over the limit of {TEXT_MAX} bytes", path.display());
        let details = serde_json::json!({ "path": named(path), "limit": TEXT_MAX });
        return Err(Failure::new(Code::Limit, message).details(details));
    }
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let message = format!("{what} {} has invalid utf-8 at byte {byte}", path.display());
        Failure::new(Code::InvalidText, message).details(details())
    })
}

/// A path that cannot be written.
pub(crate) fn unwritable(doing: &str, path: &Path, error: &io::Error) -> Failure {
    let code = if error.kind() == io::ErrorKind::StorageFull { Code::DiskFull } else { Code::Unwritable };
    let message = format!("failed to {doing} {}: {}", path.display(), chain(error));
    Failure::new(code, message).details(serde_json::json!({ "path": named(path) }))
}

/// Which agent the environment says the command acts as. Whoever holds a token is never taken for the operator, not even with
/// an empty one.
fn identity() -> Result<Option<Identity>, Failure> {
    let Some(token) = std::env::var_os(TOKEN_VARIABLE) else { return Ok(None) };
    let usage = |what: &str| Failure::new(Code::Usage, format!("{TOKEN_VARIABLE} is set, and {what}"));
    let token = token.into_string().map_err(|_| usage("it is no text"))?;
    let path = std::env::var(PATH_VARIABLE).map_err(|_| usage(&format!("{PATH_VARIABLE} does not say whose it is")))?;
    Ok(Some(Identity { path: agent_path(&path)?, token: Token::claimed(token) }))
}

fn platform_home() -> Result<PathBuf, Failure> {
    let strategy = etcetera::choose_base_strategy().map_err(|error| {
        Failure::new(Code::Usage, format!("no home directory: {error}")).hint("say where with --home")
    })?;
    Ok(strategy.data_dir().join("understory"))
}
