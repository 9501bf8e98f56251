//! Real processes, waited for by what they do.

mod answers;
mod endings;
mod environment;
mod gate;
mod settings;
mod sweeping;

use std::ffi::OsString;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use understory_actors::{BrainError, BrainFactory, JobRow, Response, Seat, Turn};
use understory_paths::AgentPath;
use understory_store::AgentId;

use super::exit::Exit;
use super::process::Process;
use super::{Shell, ShellSettings};

/// A home of its own, and a factory of workers in it.
struct Home {
    dir: TempDir,
    shell: Shell,
}

impl Home {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let allow = vec![("PATH".into(), std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin")))];
        let shell = Shell::new(dir.path().join("home/run"), allow);
        Home { dir, shell }
    }

    fn run_dir(&self) -> PathBuf {
        self.dir.path().join("home/run")
    }

    /// What lies in the run directory, sorted.
    fn run_files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.run_dir()).into_iter().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A named pipe, for a worker to say where it is.
    fn fifo(&self) -> PathBuf {
        let path = self.dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    /// A seat of a worker that is a script of `sh`; `$1` is `argument`.
    fn script(&self, script: &str, argument: &Path) -> Seat {
        self.seat(Path::new("/bin/sh"), &["-c", script, "worker", argument.to_str().unwrap()])
    }

    fn seat(&self, program: &Path, args: &[&str]) -> Seat {
        let settings = ShellSettings {
            program: program.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            cwd: self.dir.path().to_owned(),
            model: None,
        };
        let path: AgentPath = AgentPath::root().join("job").unwrap();
        Seat { path, id: AgentId::from_u128(7), role: "default".into(), settings: settings.to_json().unwrap().into() }
    }

    async fn turn(&self, turn: Turn) -> Result<Response, BrainError> {
        let mut brain = self.shell.make(turn.seat()).unwrap();
        within(brain.turn_boxed(turn)).await
    }

    /// What an agent's worker answers that runs this script, in words.
    async fn ask(&self, script: &str) -> Result<String, BrainError> {
        let turn = Turn::detached(self.script(script, &self.run_dir()), Vec::new(), None);
        self.turn(turn).await.map(|response| response.content)
    }

    /// What the worker of a row answers that runs this script, given `text` on stdin.
    async fn ask_row(&self, script: &str, json: &str, text: Option<&str>) -> Result<Response, BrainError> {
        let seat = self.script(script, &self.run_dir());
        self.turn(Turn::detached(seat, Vec::new(), Some(row(json, text)))).await
    }

    /// Starts a turn and returns once its worker has written its first line to the named pipe `$1`.
    async fn begin(&self, script: &str) -> Begun {
        let (fifo, cancel) = (self.fifo(), CancellationToken::new());
        let row = Some(row("{}", None));
        let turn = Turn::detached(self.script(script, &fifo), Vec::new(), row).cancelled_by(cancel.clone());
        let mut brain = self.shell.make(turn.seat()).unwrap();
        let turn = tokio::spawn(async move { brain.turn_boxed(turn).await });
        let said = within(spawn_blocking(move || fs::read_to_string(fifo).unwrap())).await.unwrap();
        Begun { turn, cancel, said: said.trim().to_owned() }
    }
}

/// A turn whose worker is at work.
struct Begun {
    turn: tokio::task::JoinHandle<Result<Response, BrainError>>,
    cancel: CancellationToken,
    said: String,
}

fn row(json: &str, instruction: Option<&str>) -> JobRow {
    JobRow {
        job: AgentPath::root().join("job").unwrap(),
        item_id: "K-1".into(),
        number: 12,
        run: 3,
        json: json.into(),
        instruction: instruction.map(Into::into),
        schema: None,
    }
}

fn output(text: &str) -> String {
    json!({ "output": text }).to_string()
}

/// Lets a test that would hang fail.
async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("what the test waits for comes within a minute")
}

/// Waits until the process has ended; it need not be a child.
async fn ended(pid: i32) {
    if let Some(process) = Process::find(pid).unwrap().filter(|process| !process.zombie) {
        let mut exit = Exit::of(Pid::from_raw(process.pid).unwrap()).unwrap();
        within(exit.ended()).await.unwrap();
    }
}

fn runs(pid: i32) -> bool {
    Process::find(pid).unwrap().is_some_and(|process| !process.zombie)
}

fn pid(text: &str) -> i32 {
    text.trim().parse().unwrap_or_else(|_| panic!("`{text}` is a pid"))
}

const LEAVER: &str = "UNDERSTORY_TEST_LEAVER";

/// A script of `sh` that becomes a process which joins the group of its owner, says so in the file `$1`, and stays.
fn leaver() -> String {
    let program = std::env::current_exe().unwrap();
    format!("export {LEAVER}=\"$1\"; exec '{}' --exact shell::tests::leave_the_group", program.display())
}

/// Not a test of its own: what [`leaver`] runs.
#[test]
fn leave_the_group() {
    let Some(said) = std::env::var_os(LEAVER) else { return };
    let owner = rustix::process::getpgid(rustix::process::getppid()).unwrap();
    rustix::process::setpgid(None, Some(owner)).unwrap();
    fs::write(said, std::process::id().to_string()).unwrap();
    loop {
        std::thread::park();
    }
}
