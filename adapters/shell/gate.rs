//! Holding a worker back until its record is written.
//!
//! A worker has its columns from the moment its program is started, and may begin without reading stdin. So that none
//! ever runs unrecorded, what is started is a shell that waits for a line and then becomes the program: same process,
//! same group, same start time. When the owner is killed before it wrote the line, the shell reads the end of the file
//! and exits. Without it there would be an instant in which a killed owner leaves a worker that nobody knows of, or a
//! search of all environments for workers that have not put theirs in place yet. It costs one `exec` of `sh`.
//!
//! `read` takes the line byte by byte, so the program finds stdin right after it.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::settings::ShellSettings;

/// What opens the gate: it is written before the worker's own input.
pub(crate) const OPEN: u8 = b'\n';

const NAME: &str = "understory-gate";
const SCRIPT: &str = r#"IFS= read -r go || exit 125; exec "$@""#;

/// The command of a worker behind its gate, as the leader of a group of its own, with nothing but `variables` to see.
pub(crate) fn command<'v>(
    settings: &ShellSettings,
    directory: &Path,
    variables: impl IntoIterator<Item = (&'v OsStr, &'v OsStr)>,
) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT, NAME]).arg(&settings.program).args(&settings.args).current_dir(directory);
    command.env_clear().envs(variables).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What the gate said if it could not become the program.
pub(crate) fn refusal(status: ExitStatus, errors: &str) -> Option<&str> {
    // A worker may exit with these codes too, but hardly under the gate's name.
    let failed = matches!(status.code(), Some(126 | 127)) && status.signal().is_none();
    errors.strip_prefix(NAME)?.strip_prefix(": ").filter(|_| failed)
}

/// Owned variables as [`command`] takes them.
pub(crate) fn borrowed(variables: &[(OsString, OsString)]) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
}
