//! The brains of the command line, and what the flags about them mean.

use std::io;
use std::path::Path;

use understory::{BrainChoice, Builder, Runtime, chain};
use understory_adapters::{Git, ScriptError, Scripted, Shell, ShellError, ShellSettings};
use understory_server::{Code, Failure, named};

use crate::arguments::BrainArguments;
use crate::command::{Session, blocking};
use crate::role;
use crate::setting::Setting;

const SHELL: &str = "shell";
const SCRIPTED: &str = "scripted";

/// A runtime in the making that knows both brains, and the roles of the home: an agent's record remembers its brain's
/// settings, so a later process needs no flags to run it.
pub(crate) async fn builder(setting: &Setting) -> Result<Builder, Failure> {
    let setting = setting.clone();
    let (bare, hint) = (bare(&setting), "understory role check");
    blocking(move || role::with_files(bare, &setting).map_err(|failure| failure.hint(hint))).await
}

/// The same without the home's roles.
pub(crate) fn bare(setting: &Setting) -> Builder {
    let shell = Shell::new(setting.run_dir(), setting.allowed.clone()).reached_at(setting.socket());
    let builder = Runtime::builder().brain(SHELL, shell).brain(SCRIPTED, Scripted::from_settings());
    builder.spool_in(setting.spool()).surveyor(Git::on_path(setting.path_var.as_deref()))
}

/// The brain that the flags choose, with settings that hold wherever a later process is started. Nothing if none is chosen.
pub(crate) async fn choice(session: &Session, flags: BrainArguments) -> Result<Option<BrainChoice>, Failure> {
    let setting = session.setting.clone();
    session.aside(move || chosen(&flags, &setting)).await
}

fn chosen(flags: &BrainArguments, setting: &Setting) -> Result<Option<BrainChoice>, Failure> {
    let BrainArguments { brain, command, script } = flags;
    let implied = command.as_ref().map(|_| SHELL).or(script.as_ref().map(|_| SCRIPTED));
    let Some(name) = brain.as_deref().or(implied) else { return Ok(None) };
    let settings = match (name, command, script) {
        (SHELL, Some(command), None) => shell_settings(command, setting)?,
        (SHELL, _, _) => return Err(Failure::new(Code::Usage, "the brain shell needs --command 'PROGRAM ARGUMENTS'")),
        (SCRIPTED, None, Some(script)) => {
            Scripted::from_file(script).map_err(|error| script_failure(&error))?;
            let file = std::path::absolute(script).unwrap_or_else(|_| setting.cwd.join(script));
            let Some(file) = file.to_str() else {
                let message = format!("the script {} cannot be kept: its name is not utf-8", file.display());
                return Err(Failure::new(Code::InvalidText, message));
            };
            serde_json::json!({ "file": file }).to_string()
        }
        (SCRIPTED, _, _) => return Err(Failure::new(Code::Usage, "the brain scripted needs --script FILE")),
        (other, _, _) => {
            let message = format!("brain {other:?} is not known; known are {SCRIPTED}, {SHELL}");
            return Err(Failure::new(Code::NotFound, message).details(serde_json::json!({ "name": other })));
        }
    };
    Ok(Some(BrainChoice { name: name.to_owned(), settings }))
}

/// The brain `shell` for a command of a role file in a folder: its workers are started there, wherever the process was.
pub(crate) fn shell_choice(command: &str, folder: &Path, setting: &Setting) -> Result<BrainChoice, Failure> {
    let setting = Setting { cwd: folder.to_owned(), ..setting.clone() };
    Ok(BrainChoice { name: SHELL.to_owned(), settings: shell_settings(command, &setting)? })
}

fn shell_settings(command: &str, setting: &Setting) -> Result<String, Failure> {
    let parsed = ShellSettings::parse(command, &setting.cwd, setting.path_var.as_deref());
    parsed.and_then(|settings| settings.to_json()).map_err(|error| shell_failure(&error))
}

fn shell_failure(error: &ShellError) -> Failure {
    let (code, details) = match error {
        ShellError::Words { command, .. } => (Code::Usage, serde_json::json!({ "command": command })),
        ShellError::Empty => (Code::Usage, serde_json::json!({})),
        ShellError::Missing { program, .. } => (Code::NotFound, serde_json::json!({ "program": program })),
        ShellError::NoDirectory { cwd } => (Code::NotFound, serde_json::json!({ "path": named(cwd) })),
        ShellError::NotExecutable { program } => (Code::Failure, serde_json::json!({ "program": named(program) })),
        _ => (Code::Failure, serde_json::json!({})),
    };
    Failure::new(code, chain(error)).details(details)
}

fn script_failure(error: &ScriptError) -> Failure {
    let code = match error {
        ScriptError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => Code::NotFound,
        ScriptError::Unreadable { .. } => Code::Failure,
        _ => Code::InvalidText,
    };
    Failure::new(code, chain(error))
}
