//! A folder with a home in it, in which the command is run.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

/// A command that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The folder. Commands run in it, with `home` below it as their home. Who is told of no home finds the one that is the default
/// below it, too: what lies in that of whoever runs the tests changes nothing.
pub(crate) struct Folder(TempDir);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    /// One with a table `in.csv` of an id and a number, `rows` rows, and a worker `double` that reports twice the number.
    pub(crate) fn with_table(rows: usize) -> Folder {
        let folder = Folder::new();
        folder.table(rows);
        folder.worker("double", r#"echo "{\"twice\":$((UNDERSTORY_COL_N * 2))}""#);
        folder
    }

    /// One with an agent `ada` that has answered, and `ada/pages` below it, which has a message to read.
    pub(crate) fn planted() -> Folder {
        let folder = Folder::new();
        folder.ok("spawn ada --brain shell --command cat --nickname Ada -m hello");
        folder.ok("spawn ada/pages");
        folder.ok("send ada/pages 'read this'");
        folder
    }

    pub(crate) fn table(&self, rows: usize) {
        let rows = (1..=rows).map(|row| format!("k{row},{row}\n"));
        self.write("in.csv", &std::iter::once("id,n\n".to_owned()).chain(rows).collect::<String>());
    }

    /// A worker that logs its row to `log` and then does `script`.
    pub(crate) fn worker(&self, name: &str, script: &str) {
        self.write(name, &format!("#!/bin/sh\necho \"$UNDERSTORY_ROW $UNDERSTORY_RUN\" >>log\n{script}\n"));
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.at("home")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    /// The lines of a file; none if it is not there.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.at(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The command with these words, in this folder, with hardly an environment and nothing to read.
    pub(crate) fn command(&self, words: &str) -> Command {
        let words = shell_split(words);
        let mut command = Command::new(env!("CARGO_BIN_EXE_understory"));
        command.args(words).current_dir(self.0.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("UNDERSTORY_HOME", self.home()).env("HOME", self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, words: &str) -> Ran {
        self.ended(self.command(words).spawn().unwrap())
    }

    /// Runs it to its end, which must be a good one; gives back what it printed.
    pub(crate) fn ok(&self, words: &str) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, 0, "{words}: {ran:?}");
        ran.out
    }

    /// Runs it with `--json` to its end and gives back its exit code and the document. Whatever is said is JSON, too.
    pub(crate) fn json(&self, words: &str) -> (i32, serde_json::Value) {
        let ran = self.run(&format!("--json {words}"));
        said(&ran.err);
        let text = if ran.out.is_empty() { &ran.err } else { &ran.out };
        let last = text.lines().last().unwrap_or_default();
        (ran.code, serde_json::from_str(last).unwrap_or_else(|error| panic!("{words}: {error}: {ran:?}")))
    }

    /// Makes a pipe with a name.
    pub(crate) fn pipe(&self, name: &str) {
        mknodat(CWD, self.at(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    /// Opens a pipe for writing, once somebody reads it. If nobody does, the test fails.
    pub(crate) fn reached(&self, pipe: &str) -> File {
        let (sender, receiver) = mpsc::channel();
        let pipe = self.at(pipe);
        thread::spawn(move || sender.send(File::options().write(true).open(pipe)));
        receiver.recv_timeout(PATIENCE).expect("nobody reads the pipe").unwrap()
    }

    /// Waits for a command to end. One that does not is killed, and the test fails.
    pub(crate) fn ended(&self, child: Child) -> Ran {
        let pid = rustix::process::Pid::from_child(&child);
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        let Ok(output) = receiver.recv_timeout(PATIENCE) else {
            // A trace of its threads would be nice to have; that it hangs is all that is known here.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            panic!("the command did not end");
        };
        let Output { status, stdout, stderr } = output.unwrap();
        let text = |bytes| self.normal(&String::from_utf8(bytes).unwrap());
        Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
    }

    /// A text without the name of the folder.
    fn normal(&self, text: &str) -> String {
        let own = fs::canonicalize(self.0.path()).unwrap();
        text.replace(own.to_str().unwrap(), "[dir]").replace(self.0.path().to_str().unwrap(), "[dir]")
    }
}

/// What was said with `--json`, a document a line. The log's lines, which begin with the time, are none of it.
pub(crate) fn said(err: &str) -> Vec<serde_json::Value> {
    let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    err.lines().filter(|line| !line.starts_with("20")).map(line).collect()
}

/// Words as a shell splits them, as far as tests need it: blanks between, single quotes around.
fn shell_split(words: &str) -> Vec<String> {
    let (mut split, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in words.chars() {
        match c {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if std::mem::take(&mut begun) {
                    split.push(std::mem::take(&mut word));
                }
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    split.extend(begun.then_some(word));
    split
}

/// A file of the project.
pub(crate) fn project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
