//! What program is run, and where.

use std::ffi::OsStr;
use std::io;
use std::path::{self, Path, PathBuf};

use rustix::fs::{Access, access};
use serde::{Deserialize, Serialize};

/// Which program a worker is. As JSON it is the settings text of a seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShellSettings {
    /// The program, absolute.
    pub program: PathBuf,
    /// Its arguments, as they are: no shell reads them.
    #[serde(default)]
    pub args: Vec<String>,
    /// The directory it runs in, absolute, where its agent or job has none.
    pub cwd: PathBuf,
    /// The model that it is told of in `UNDERSTORY_MODEL`, where none was kept for its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// Why a command is no worker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShellError {
    /// The command is not made of words.
    #[error("cannot split the command `{command}` into words")]
    Words {
        /// The command.
        command: String,
        /// What is wrong with it.
        #[source]
        source: shell_words::ParseError,
    },
    /// The command has no words.
    #[error("the command is empty")]
    Empty,
    /// There is no such program.
    #[error("no program {program}{}", if *.searched { " on the PATH" } else { "" })]
    Missing {
        /// The program: as it was written, or where it should have been.
        program: String,
        /// Whether it was looked for on the PATH.
        searched: bool,
    },
    /// There is a file, but it cannot be run.
    #[error("{} is not an executable file", program.display())]
    NotExecutable {
        /// The file.
        program: PathBuf,
    },
    /// The working directory is not there.
    #[error("no directory {} to run the command in", cwd.display())]
    NoDirectory {
        /// The directory.
        cwd: PathBuf,
    },
    /// A path that cannot be kept as JSON.
    #[error("{} is not UTF-8", path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// A path that must be absolute and is not.
    #[error("{} is not absolute", path.display())]
    NotAbsolute {
        /// The path.
        path: PathBuf,
    },
    /// The settings text is something else.
    #[error("not {{\"program\": …, \"args\": […], \"cwd\": …}}")]
    Json(#[source] serde_json::Error),
}

impl ShellSettings {
    /// Takes a command line apart and finds its program.
    ///
    /// The words are split with a shell's quoting rules; nothing is expanded. A program with a slash is looked for from
    /// `cwd`, another one on `path_var`, the value of `PATH`. It is kept absolute, so that a later process, started
    /// elsewhere, runs the same one.
    ///
    /// # Errors
    /// The command has no words, or its program or `cwd` is not there or is of no use.
    pub fn parse(command: &str, cwd: &Path, path_var: Option<&OsStr>) -> Result<Self, ShellError> {
        let words =
            shell_words::split(command).map_err(|source| ShellError::Words { command: command.to_owned(), source })?;
        let mut words = words.into_iter();
        let name = words.next().filter(|name| !name.is_empty()).ok_or(ShellError::Empty)?;
        let cwd = path::absolute(cwd).map_err(|_| ShellError::NoDirectory { cwd: cwd.to_owned() })?;
        if !cwd.is_dir() {
            return Err(ShellError::NoDirectory { cwd });
        }
        let program = if name.contains('/') { at_place(&cwd.join(&name))? } else { on_path(&name, &cwd, path_var)? };
        for path in [&program, &cwd] {
            if path.to_str().is_none() {
                return Err(ShellError::NotUtf8 { path: path.clone() });
            }
        }
        Ok(ShellSettings { program, args: words.collect(), cwd, model: None })
    }

    /// Reads the settings text of a seat.
    ///
    /// # Errors
    /// It is not the JSON of settings, or a path in it is not absolute. Whether the program is there is seen at the turn.
    pub fn from_json(text: &str) -> Result<Self, ShellError> {
        let settings: ShellSettings = serde_json::from_str(text).map_err(ShellError::Json)?;
        for path in [&settings.program, &settings.cwd] {
            if !path.is_absolute() {
                return Err(ShellError::NotAbsolute { path: path.clone() });
            }
        }
        Ok(settings)
    }

    /// The settings text of a seat.
    ///
    /// # Errors
    /// A path is not UTF-8, which [`ShellSettings::parse`] never returns.
    pub fn to_json(&self) -> Result<String, ShellError> {
        serde_json::to_string(self).map_err(ShellError::Json)
    }
}

/// Whether the file can be run by this process; `Err` tells why not.
pub(crate) fn executable(program: &Path) -> io::Result<()> {
    // A directory is executable too, in its own sense.
    if program.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(access(program, Access::EXEC_OK)?)
}

/// The first that can be run; as a shell does, a file that cannot is passed over, and named if there is no other.
pub(crate) fn on_path(name: &str, cwd: &Path, path_var: Option<&OsStr>) -> Result<PathBuf, ShellError> {
    let mut refused = None;
    for dir in path_var.iter().flat_map(std::env::split_paths) {
        match at_place(&cwd.join(dir).join(name)) {
            Ok(program) => return Ok(program),
            Err(error @ ShellError::NotExecutable { .. }) => refused = refused.or(Some(error)),
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or(ShellError::Missing { program: name.to_owned(), searched: true }))
}

fn at_place(program: &Path) -> Result<PathBuf, ShellError> {
    // What a lone `.` leaves in the path goes; nothing else is changed, since `..` may go through a link.
    let program = path::absolute(program).unwrap_or_else(|_| program.to_owned());
    match executable(&program) {
        Ok(()) => Ok(program),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(ShellError::Missing { program: program.display().to_string(), searched: false })
        }
        Err(_) => Err(ShellError::NotExecutable { program }),
    }
}
