//! Roles from files: one TOML file a role, laid over what the program and the runtime say of it.
//!
//! A file may name what it wants and leave out the rest, which stays as it is beneath. It can hide more tools, set
//! lower limits and isolate, never the other way round.

mod source;

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;
use understory_actors::tools::TOOLS;
use understory_actors::{NicknamePool, OnResult, Role, Shares};
use understory_store::BrainChoice;

use source::{NicknamesSource, OffWord, RoleSource};

/// The longest instructions of a role, in bytes.
const INSTRUCTIONS_MAX: usize = 32 << 10;
/// The longest description of a role, in bytes.
const DESCRIPTION_MAX: usize = 1 << 10;
/// The longest role file, in bytes.
const FILE_MAX: u64 = 128 << 10;
/// The longest name of a role, in bytes.
const NAME_MAX: usize = 64;

/// What is wrong with a role file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleError {
    /// The file, or the folder of role files.
    pub file: PathBuf,
    /// The line, from 1, if it is about one.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// Whether the file is not there at all.
    pub missing: bool,
}

/// What is wrong with role files, each in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleErrors(pub Vec<RoleError>);

/// Makes a brain from the words of a program, for the key `command`.
pub(crate) type Commands<'a> = &'a dyn Fn(&str) -> Result<BrainChoice, String>;

/// What role files are laid over.
pub(crate) struct Beneath<'a> {
    pub(crate) roles: &'a HashMap<String, Role>,
    pub(crate) brains: Vec<&'a str>,
    pub(crate) commands: Commands<'a>,
}

impl Beneath<'_> {
    /// Reads every `*.toml` in a folder, in the order of their names. A folder that is not there holds no roles.
    pub(crate) fn read_all(&self, dir: &Path) -> Result<Vec<(String, Role)>, RoleErrors> {
        let (mut read, mut errors) = (Vec::<(String, Role)>::new(), Vec::new());
        for file in files(dir).map_err(|error| RoleErrors(vec![error]))? {
            match self.read(&file) {
                Ok((name, _)) if read.iter().any(|(other, _)| *other == name) => {
                    errors.push(RoleError::whole(&file, format!("another file has the role {name:?} too")));
                }
                Ok(role) => read.push(role),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(read) } else { Err(RoleErrors(errors)) }
    }

    /// Reads one role file and lays it over the role of that name, or the built-in one.
    pub(crate) fn read(&self, file: &Path) -> Result<(String, Role), RoleError> {
        let text = text(file)?;
        let page = Page { file, text: &text, beneath: self };
        let source: RoleSource =
            toml::from_str(&text).map_err(|error| page.error(error.span(), error.message().replace('\n', ", ")))?;
        let name = page.name(&source)?;
        let role = self.roles.get(&name).cloned().or_else(|| Role::built_in(&name)).unwrap_or_default();
        let role = page.role(source, role)?;
        if role.description.is_empty() {
            return Err(RoleError::whole(file, format!("role {name:?} must define a description")));
        }
        Ok((name, role))
    }
}

/// A role file's text, for errors that name a line of it.
struct Page<'a> {
    file: &'a Path,
    text: &'a str,
    beneath: &'a Beneath<'a>,
}

impl RoleError {
    fn whole(file: &Path, what: impl Into<String>) -> Self {
        RoleError { file: file.to_owned(), line: None, what: what.into(), missing: false }
    }
}

impl fmt::Display for RoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.what),
            None => write!(f, "{}: {}", self.file.display(), self.what),
        }
    }
}

impl fmt::Display for RoleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&errors.join("; "))
    }
}

impl Error for RoleErrors {}

impl Error for RoleError {}

impl Page<'_> {
    fn error(&self, span: Option<Range<usize>>, what: impl Into<String>) -> RoleError {
        let line = span.map(|span| 1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count());
        RoleError { file: self.file.to_owned(), line, what: what.into(), missing: false }
    }

    /// What the file says it is called, or else what it is.
    fn name(&self, source: &RoleSource) -> Result<String, RoleError> {
        let stem = || self.file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let (name, span) = match &source.name {
            Some(name) => (name.get_ref().clone(), Some(name.span())),
            None => (stem(), None),
        };
        let fits = (1..=NAME_MAX).contains(&name.len())
            && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'));
        match fits {
            true => Ok(name),
            false => {
                let what = format!("a role's name has 1 to {NAME_MAX} of a-z, 0-9, _ and -, not {name:?}");
                Err(self.error(span, what))
            }
        }
    }

    fn role(&self, source: RoleSource, mut role: Role) -> Result<Role, RoleError> {
        if let Some(description) = &source.description {
            role.description = self.line_of_text("description", description, DESCRIPTION_MAX)?;
        }
        if let Some(instructions) = &source.instructions {
            role.instructions = Some(self.line_of_text("instructions", instructions, INSTRUCTIONS_MAX)?.into());
        }
        if let Some(brain) = self.brain(source.brain, source.settings, source.command)? {
            role.brain = Some(brain);
        }
        if let Some(names) = source.nicknames {
            let span = names.span();
            role.nicknames = match names.into_inner() {
                NicknamesSource::Pool(names) => {
                    Some(NicknamePool::new(names).map_err(|error| self.error(Some(span), error.to_string()))?)
                }
                NicknamesSource::Word(OffWord::Off) | NicknamesSource::Switch(false) => Some(NicknamePool::none()),
                NicknamesSource::Switch(true) => None,
            };
        }
        if let Some(wake) = source.wake_on_result {
            role.on_result = if wake { OnResult::Wake } else { OnResult::Keep };
        }
        role.on_drift = source.drift.map_or(role.on_drift, Into::into);
        if let Some(policy) = source.policy {
            role.policy.restart = policy.restart.map_or(role.policy.restart, Into::into);
            role.policy.faults = policy.faults.unwrap_or(role.policy.faults);
            role.policy.strategy = policy.strategy.map_or(role.policy.strategy, Into::into);
            if let Some(within) = policy.within {
                match *within.get_ref() {
                    0 => return Err(self.error(Some(within.span()), "within is at least 1 second")),
                    seconds => role.policy.within = Duration::from_secs(seconds.into()),
                }
            }
        }
        if let Some(tools) = source.tools {
            role.hidden = Arc::new(&*role.hidden | &self.hidden(&tools.hide, tools.allow.as_deref())?);
        }
        if let Some(limits) = source.limits {
            role.limits.agents = lower(role.limits.agents, limits.agents);
            role.limits.depth = lower(role.limits.depth, limits.depth);
        }
        role.isolated |= source.isolated.unwrap_or_default();
        role.summary = source.summary.unwrap_or(role.summary);
        role.untrusted |= source.untrusted.unwrap_or_default();
        if let Some(shared) = source.memory.and_then(|memory| memory.shared).map(Shares::from) {
            // What the program has said of it is not widened.
            role.shares = Some(role.shares.map_or(shared, |said| said.min(shared)));
        }
        Ok(role)
    }

    fn line_of_text(&self, what: &str, text: &Spanned<String>, max: usize) -> Result<String, RoleError> {
        let trimmed = text.get_ref().trim();
        match trimmed.len() {
            0 => Err(self.error(Some(text.span()), format!("{what} cannot be blank"))),
            _ if trimmed.contains('\0') => Err(self.error(Some(text.span()), format!("{what} has a NUL in it"))),
            bytes if bytes > max => {
                Err(self.error(Some(text.span()), format!("{what} has {bytes} bytes, over the limit of {max}")))
            }
            _ => Ok(trimmed.to_owned()),
        }
    }

    fn brain(
        &self,
        brain: Option<Spanned<String>>,
        settings: Option<Spanned<toml::Value>>,
        command: Option<Spanned<String>>,
    ) -> Result<Option<BrainChoice>, RoleError> {
        match (brain, settings, command) {
            (None, None, None) => Ok(None),
            (brain, None, Some(command)) => {
                let choice = (self.beneath.commands)(command.get_ref())
                    .map_err(|what| self.error(Some(command.span()), what))?;
                match brain {
                    Some(brain) if *brain.get_ref() != choice.name => {
                        let what = format!("command is for the brain {:?}, not {:?}", choice.name, brain.get_ref());
                        Err(self.error(Some(command.span()), what))
                    }
                    _ => Ok(Some(choice)),
                }
            }
            (_, Some(_), Some(command)) => {
                Err(self.error(Some(command.span()), "command and settings exclude one another"))
            }
            (None, Some(settings), None) => Err(self.error(Some(settings.span()), "settings need a brain")),
            (Some(brain), settings, None) => {
                if !self.beneath.brains.contains(&brain.get_ref().as_str()) {
                    let known = self.beneath.brains.join(", ");
                    let what = format!("brain {:?} is not known; known are {known}", brain.get_ref());
                    return Err(self.error(Some(brain.span()), what));
                }
                let settings = settings.map(|settings| self.settings(settings)).transpose()?.unwrap_or_default();
                Ok(Some(BrainChoice { name: brain.into_inner(), settings }))
            }
        }
    }

    fn settings(&self, settings: Spanned<toml::Value>) -> Result<String, RoleError> {
        let span = settings.span();
        match settings.into_inner() {
            toml::Value::String(text) => Ok(text),
            toml::Value::Table(table) => {
                serde_json::to_string(&table).map_err(|error| self.error(Some(span), error.to_string()))
            }
            _ => Err(self.error(Some(span), "settings are a text or a table")),
        }
    }

    /// The tools that are not to be had.
    fn hidden(
        &self,
        hide: &[Spanned<String>],
        allow: Option<&[Spanned<String>]>,
    ) -> Result<BTreeSet<&'static str>, RoleError> {
        let known = |tool: &Spanned<String>| {
            let found = TOOLS.iter().map(|tool| tool.name).find(|name| name == tool.get_ref());
            found.ok_or_else(|| {
                let names = TOOLS.map(|tool| tool.name).join(", ");
                self.error(Some(tool.span()), format!("no tool {:?}; there are {names}", tool.get_ref()))
            })
        };
        let mut hidden = hide.iter().map(known).collect::<Result<BTreeSet<_>, _>>()?;
        if let Some(allow) = allow {
            let allowed = allow.iter().map(known).collect::<Result<BTreeSet<_>, _>>()?;
            hidden.extend(TOOLS.iter().map(|tool| tool.name).filter(|name| !allowed.contains(name)));
        }
        Ok(hidden)
    }
}

/// The lower of two limits.
fn lower(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, RoleError> {
    let failed = |error: &std::io::Error| RoleError::whole(dir, format!("failed to read the folder: {error}"));
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(&error))?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn text(file: &Path) -> Result<String, RoleError> {
    let whole = |what: String| RoleError::whole(file, what);
    let known = std::fs::metadata(file).map_err(|error| RoleError {
        missing: error.kind() == std::io::ErrorKind::NotFound,
        ..whole(format!("failed to read it: {error}"))
    })?;
    if !known.is_file() {
        return Err(whole("it is not a file".to_owned()));
    }
    if known.len() > FILE_MAX {
        return Err(whole(format!("it has {} bytes, over the limit of {FILE_MAX}", known.len())));
    }
    std::fs::read_to_string(file).map_err(|error| whole(format!("failed to read it: {error}")))
}

#[cfg(test)]
mod tests;
