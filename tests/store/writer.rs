//! A process that commits until it is killed, and says on its output what was acknowledged.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use understory_store::{Backend, Commit, Disk, Expect, Prefix, SledBackend, SledOptions, Version, Write};

use super::key;

const DIR: &str = "UNDERSTORY_STORE_WRITER";
const ROUND: &str = "UNDERSTORY_STORE_WRITER_ROUND";
const UNSYNCED: &str = "UNDERSTORY_STORE_WRITER_UNSYNCED";
const BACKUPS: &str = "UNDERSTORY_STORE_WRITER_BACKUPS";
/// How many tasks commit at once.
pub(super) const TASKS: u64 = 8;
/// A task removes its queue rows again after so many commits.
pub(super) const QUEUED: u64 = 10;

/// Which commit it was: of which process, by which of its tasks, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) round: u64,
    pub(super) task: u64,
    pub(super) number: u64,
}

/// The process, and what it has acknowledged.
pub(super) struct Writer {
    child: Child,
    output: BufReader<ChildStdout>,
    /// The backups it has begun, and what was durable before each.
    backups: Vec<(String, Version)>,
}

/// A disk that claims to sync.
struct Liar;

impl Disk for Liar {
    fn sync(&self, _file: &File, _through: Version) -> io::Result<()> {
        Ok(())
    }
}

impl Mark {
    pub(super) fn name(self, table: &str) -> String {
        format!("{table}/{:03}/{}/{:06}", self.round, self.task, self.number)
    }

    pub(super) fn parse(name: &str) -> Mark {
        let mut numbers = name.split('/').skip(1).map(|number| number.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Mark { round: next(), task: next(), number: next() }
    }

    pub(super) fn payload(self) -> Bytes {
        let length = 64 + (self.number * 7919 + self.task * 104_729) % 1500;
        vec![self.number as u8; length as usize].into()
    }

    fn commit(self) -> Commit {
        let row = key(self.name("row"));
        let mut writes = vec![
            Write::Put(row.clone(), self.payload()),
            Write::Append(Prefix::new(format!("log/{}", self.task)), self.name("row").into()),
            Write::Put(key(format!("last/{}", self.task)), self.name("row").into()),
            Write::Put(key(self.name("twin")), self.payload()),
            Write::Put(key(self.name("queue")), Bytes::new()),
        ];
        if self.number >= QUEUED {
            writes.push(Write::Delete(key(Mark { number: self.number - QUEUED, ..self }.name("queue"))));
        }
        Commit { expects: vec![Expect::Absent(row)], writes, events: vec![self.name("row").into()], above: 0 }
    }
}

impl Writer {
    /// Starts one on the store in `dir`; an unsynced one only claims to sync.
    pub(super) fn start(dir: &Path, round: u64, synced: bool) -> Writer {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "store::writer::write_until_killed", "--nocapture"]);
        command.env(DIR, dir).env(ROUND, round.to_string());
        if !synced {
            command.env(UNSYNCED, "1");
        }
        Writer::spawned(command)
    }

    /// Starts one that writes backups into `folder` meanwhile, one after the other.
    pub(super) fn start_with_backups(dir: &Path, round: u64, folder: &Path) -> Writer {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "store::writer::write_until_killed", "--nocapture"]);
        command.env(DIR, dir).env(ROUND, round.to_string()).env(BACKUPS, folder);
        Writer::spawned(command)
    }

    fn spawned(mut command: Command) -> Writer {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Writer { child, output, backups: Vec::new() }
    }

    /// Waits until it opens the store.
    pub(super) fn opening(&mut self) {
        while self.line().expect("it opens the store before it ends") != "opening" {}
    }

    /// Waits for the next acknowledgement, unless it has ended.
    pub(super) fn acknowledged(&mut self) -> Option<(Mark, Version)> {
        loop {
            let line = self.line()?;
            if let Some((file, last)) = line.strip_prefix("backup ").and_then(|backup| backup.split_once(' ')) {
                self.backups.push((file.to_owned(), last.parse().unwrap()));
            }
            if let Some((name, version)) = line.strip_prefix("ack/").and_then(|ack| ack.split_once(' ')) {
                return Some((Mark::parse(&format!("ack/{name}")), version.parse().unwrap()));
            }
        }
    }

    /// The backups that it has begun so far, and the last commit that was durable before each.
    pub(super) fn backups(&self) -> Vec<(String, Version)> {
        self.backups.clone()
    }

    /// Kills it with SIGKILL, and returns what it had still acknowledged.
    pub(super) fn kill(mut self) -> Vec<(Mark, Version)> {
        self.child.kill().unwrap();
        let rest = std::iter::from_fn(|| self.acknowledged()).collect();
        self.child.wait().unwrap();
        rest
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        // A line that was cut by the kill was not said.
        line.strip_suffix('\n').map(str::to_owned)
    }
}

/// Not a test of its own: what [`Writer::start`] runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_until_killed() {
    let Some(dir) = env::var_os(DIR) else { return };
    let round = env::var(ROUND).unwrap().parse().unwrap();
    say("opening");
    let mut options = SledOptions::default();
    if env::var_os(UNSYNCED).is_some() {
        options.disk = Arc::new(Liar);
    }
    let backend = Arc::new(SledBackend::open(dir, options).await.unwrap());
    if let Some(folder) = env::var_os(BACKUPS).map(PathBuf::from) {
        let backend = backend.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let file = format!("backup{round}-{number}");
                say(&format!("backup {file} {}", backend.last()));
                backend.backup(folder.join(file)).await.unwrap();
            }
        });
    }
    let tasks = (0..TASKS).map(|task| {
        let backend = backend.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let mark = Mark { round, task, number };
                let version = backend.commit(mark.commit()).await.unwrap();
                say(&format!("{} {version}", mark.name("ack")));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

fn say(line: &str) {
    // At once and whole, so that a kill does not lose what was said.
    io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
    io::stdout().lock().flush().unwrap();
}
