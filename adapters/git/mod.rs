//! How directories stand, as the `git` program tells.
//!
//! A repository is what somebody else wrote, its settings too, and there are settings by which `git status` runs programs. None
//! is run: the filters that the repository names are taken away, and so are its hooks, its file monitor, whatever would fetch,
//! and all settings of the system and the user. Nothing is written, and nobody is asked for a password. So a file that a user's
//! own settings pass over counts as a change here, and one that a filter keeps (git-lfs) may.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::task::spawn_blocking;
use understory_actors::{Checkout, DIGEST_COMMITS, Revision, Shortlist, Surveyor};

use crate::shell::on_path;

/// The longest name of a branch or commit that is kept, in bytes.
const NAME_MAX: usize = 256;
/// The most settings of a repository that are taken away.
const FILTERS_MAX: usize = 256;
/// How far commits are counted.
const COMMITS_MAX: u64 = 1_000;
/// How much is read of what git prints about those, and of what it says went wrong.
const OUTPUT_MAX: u64 = 64 << 10;
/// Settings that hold whatever a repository says.
const SETTINGS: [(&str, &str); 5] = [
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.pager", "cat"),
    ("status.submoduleSummary", "false"),
    // Whose directory it is does not matter where nothing of it is run.
    ("safe.directory", "*"),
];
/// The environment of git, beside its settings.
const ENVIRONMENT: [(&str, &str); 9] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("LC_ALL", "C"),
];

/// Looks at directories with the `git` program. Without one it tells of a directory that is there nothing at all.
#[derive(Clone, Debug)]
pub struct Git {
    program: Option<PathBuf>,
}

impl Git {
    /// The git that is found first on `path_var`, the value of `PATH`.
    pub fn on_path(path_var: Option<&OsStr>) -> Self {
        Git { program: on_path("git", Path::new("/"), path_var).ok() }
    }

    /// How a directory stands that is there.
    async fn look(program: &Path, directory: &Path) -> io::Result<Option<Checkout>> {
        let Some(filters) = filters(program, directory).await? else { return Ok(None) };
        let settings: Vec<(OsString, OsString)> = filters.into_iter().map(|name| (name, OsString::new())).collect();
        let mut command = git(program, directory, &settings);
        command.args(["--no-pager", "status", "--porcelain=v2", "--branch", "-z", "--no-ahead-behind", "--no-renames"]);
        // What lies beside the directory is somebody else's; of a submodule only its commit counts.
        command.args(["--untracked-files=normal", "--ignore-submodules=dirty", "--", "."]);
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        // What it says is read beside what it tells, so that neither waits for the other.
        let mut said = pin!(said(child.stderr.take().expect("its errors are piped")));
        let mut head = pin!(Head::read(child.stdout.take().expect("its output is piped")));
        let mut words = None;
        let told = loop {
            tokio::select! {
                told = &mut head => break told?,
                heard = &mut said, if words.is_none() => words = Some(heard?),
            }
        };
        if let Some(head) = told {
            // The first change that is told is enough: dropped, the child is killed.
            return Ok(Some(head.into()));
        }
        let said = match words {
            Some(words) => words,
            None => said.await?,
        };
        let is_none = said.contains("not a git repository") || said.contains("must be run in a work tree");
        Ok(is_none.then_some(Checkout::Plain))
    }

    /// The commits from behind `from` to `to`.
    async fn list(
        program: &Path,
        directory: &Path,
        from: Option<&str>,
        to: &str,
    ) -> io::Result<Option<Shortlist<Revision>>> {
        let mut command = git(program, directory, &[]);
        command.args(["rev-list", "--no-commit-header", "--format=%H %s", &format!("--max-count={COMMITS_MAX}")]);
        command.args(["--end-of-options", to]);
        command.args(from.map(|from| format!("^{from}")));
        let mut child = command.spawn()?;
        let output = child.stdout.take().expect("its output is piped");
        let (mut lines, mut line) = (BufReader::new(output), Vec::new());
        let (mut first, mut count) = (Vec::new(), 0);
        loop {
            line.clear();
            (&mut lines).take(OUTPUT_MAX).read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                break;
            }
            count += 1;
            if first.len() < DIGEST_COMMITS {
                let line = String::from_utf8_lossy(&line);
                let (commit, subject) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
                first.push(Revision { commit: cut(commit), subject: subject.to_owned() });
            }
        }
        let more = count - first.len() as u64;
        // One of the two may be gone: a branch that was written anew, say.
        Ok(child.wait().await?.success().then_some(Shortlist { first, more, counted: count < COMMITS_MAX }))
    }
}

impl Surveyor for Git {
    fn survey(&self, directory: Arc<Path>) -> BoxFuture<'_, Option<Checkout>> {
        Box::pin(async move {
            let at = directory.clone();
            match spawn_blocking(move || at.metadata()).await.ok()? {
                Ok(found) if found.is_dir() => {}
                Ok(_) => return Some(Checkout::Gone),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Some(Checkout::Gone);
                }
                Err(_) => return None,
            }
            let looked = Git::look(self.program.as_ref()?, &directory).await;
            looked.unwrap_or_else(|error| {
                tracing::debug!(directory = %directory.display(), %error, "git was not asked");
                None
            })
        })
    }

    fn revisions(
        &self,
        directory: Arc<Path>,
        from: Option<String>,
        to: String,
    ) -> BoxFuture<'_, Option<Shortlist<Revision>>> {
        Box::pin(async move {
            let listed = Git::list(self.program.as_ref()?, &directory, from.as_deref(), &to).await;
            listed.unwrap_or_else(|error| {
                tracing::debug!(directory = %directory.display(), %error, "git was not asked");
                None
            })
        })
    }
}

/// What `git status` tells before the first change, and whether there is one.
#[derive(Debug, Default)]
struct Head {
    commit: Option<String>,
    branch: Option<String>,
    dirty: bool,
}

impl Head {
    /// Reads it; nothing if git told nothing.
    async fn read(output: ChildStdout) -> io::Result<Option<Head>> {
        let (mut lines, mut line) = (BufReader::new(output), Vec::new());
        let mut head = None;
        loop {
            line.clear();
            // A line is a path with some words before it; who writes a longer one has a change in any case.
            (&mut lines).take(OUTPUT_MAX).read_until(0, &mut line).await?;
            if line.last() == Some(&0) {
                line.pop();
            } else if line.is_empty() {
                return Ok(head);
            }
            let head = head.get_or_insert_with(Head::default);
            let Some(words) = line.strip_prefix(b"# ") else {
                head.dirty = true;
                break;
            };
            match String::from_utf8_lossy(words).split_once(' ') {
                Some(("branch.oid", "(initial)")) | Some(("branch.head", "(detached)")) => {}
                Some(("branch.oid", commit)) => head.commit = Some(cut(commit)),
                Some(("branch.head", branch)) => head.branch = Some(cut(branch)),
                _ => {}
            }
        }
        Ok(head)
    }
}

impl From<Head> for Checkout {
    fn from(Head { commit, branch, dirty }: Head) -> Self {
        Checkout::Repository { commit, branch, dirty }
    }
}

/// The settings of the directory's repository by which a filter would be run; nothing if there are too many.
async fn filters(program: &Path, directory: &Path) -> io::Result<Option<Vec<OsString>>> {
    use std::os::unix::ffi::OsStringExt;
    let mut command = git(program, directory, &[]);
    command.args(["config", "--null", "--name-only", "--get-regexp", r"^filter\."]);
    let mut child = command.spawn()?;
    let mut names = Vec::new();
    let output = child.stdout.take().expect("its output is piped");
    output.take(OUTPUT_MAX).read_to_end(&mut names).await?;
    if names.len() as u64 == OUTPUT_MAX {
        return Ok(None);
    }
    // That there is none is told as a failure.
    child.wait().await?;
    let names: Vec<OsString> = names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| OsString::from_vec(name.to_vec()))
        .collect();
    Ok((names.len() <= FILTERS_MAX).then_some(names))
}

/// A call of git with no environment but its own, these settings taking the place of the repository's.
fn git(program: &Path, directory: &Path, settings: &[(OsString, OsString)]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).env_clear().envs(ENVIRONMENT);
    let fixed = SETTINGS.map(|(name, value)| (name.into(), value.into()));
    let all = fixed.iter().chain(settings);
    command.env("GIT_CONFIG_COUNT", (fixed.len() + settings.len()).to_string());
    for (n, (name, value)) in all.enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{n}"), name).env(format!("GIT_CONFIG_VALUE_{n}"), value);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

/// What git says went wrong.
async fn said(errors: ChildStderr) -> io::Result<String> {
    let (mut said, mut errors) = (Vec::new(), errors.take(OUTPUT_MAX));
    errors.read_to_end(&mut said).await?;
    // The rest is read, too, or it would wait for that.
    tokio::io::copy(&mut errors.into_inner(), &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(NAME_MAX)].to_owned()
}
