//! `understory role`: what roles there are, and whether the files that say so are good.

use std::path::{Path, PathBuf};

use serde_json::json;
use understory::{Builder, Role, RoleError, RoleErrors};
use understory_server::{Code, Failure, Request, named};

use crate::brains;
use crate::command::Session;
use crate::exit;
use crate::render;
use crate::setting::Setting;

/// `role list`.
pub(crate) async fn list(session: &Session) -> Result<u8, Failure> {
    session.done(Request::Roles).await
}

/// `role show`.
pub(crate) async fn show(session: &Session, name: String) -> Result<u8, Failure> {
    session.done(Request::Role { name }).await
}

/// `role check`: opens no store, so that it can be asked at any time.
pub(crate) async fn check(session: &Session, file: Option<PathBuf>) -> Result<u8, Failure> {
    let (setting, given) = (session.setting.clone(), file.clone());
    let mut names = session.aside(move || checked(&setting, given.as_deref())).await?;
    names.sort();
    let text = match (session.terminal.json(), names.as_slice()) {
        (true, names) => json!({ "roles": names }).to_string(),
        (false, []) => format!("no role files in {}\n", render::escaped(&session.setting.roles().to_string_lossy())),
        (false, names) => names.iter().map(|name| format!("{name}: good\n")).collect(),
    };
    session.signals.unless(session.data(text)).await?;
    Ok(exit::OK)
}

/// Adds the roles of the home to a runtime in the making.
pub(crate) fn with_files(builder: Builder, setting: &Setting) -> Result<Builder, Failure> {
    let roles = setting.roles();
    let commands = |words: &str| brains::shell_choice(words, &roles, setting).map_err(|failure| failure.message);
    builder.roles_with(&roles, &commands).map_err(|errors| refused(&errors))
}

fn checked(setting: &Setting, file: Option<&Path>) -> Result<Vec<String>, Failure> {
    // Words that name a file mean one beside the role file.
    let folder = match file {
        Some(file) => setting.cwd.join(file).parent().map_or_else(|| setting.cwd.clone(), Path::to_owned),
        None => setting.roles(),
    };
    let commands = |words: &str| brains::shell_choice(words, &folder, setting).map_err(|failure| failure.message);
    let bare = brains::bare(setting);
    let read = |file: &Path| bare.read_role(file, &commands).map(|(name, _): (String, Role)| name);
    match file {
        Some(file) => Ok(vec![read(file).map_err(|error| refused(&RoleErrors(vec![error])))?]),
        None => bare.role_names(setting.roles(), &commands).map_err(|errors| refused(&errors)),
    }
}

fn refused(errors: &RoleErrors) -> Failure {
    let problem = |error: &RoleError| json!({ "file": named(&error.file), "line": error.line, "message": error.what });
    let problems: Vec<_> = errors.0.iter().map(problem).collect();
    let code = if errors.0.iter().all(|error| error.missing) { Code::NotFound } else { Code::InvalidText };
    let message = match errors.0.len() {
        1 => errors.to_string(),
        many => format!("{many} role files are no good: {errors}"),
    };
    Failure::new(code, message).details(json!({ "problems": problems }))
}
