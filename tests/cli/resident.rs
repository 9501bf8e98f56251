//! A command that runs while the test does other things, and workers that tell when they begin and wait to be let go.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout};

use rustix::process::{Pid, Signal, kill_process};

use super::folder::{Folder, Ran};

/// What a worker does to tell that it began, and to wait until it is let go: the ends of two pipes.
pub(crate) const HELD: &str = "echo \"$UNDERSTORY_ROW\" >began\n: <gate";

/// A command at work, in a folder.
pub(crate) struct Resident<'f> {
    folder: &'f Folder,
    child: Option<Child>,
    began: BufReader<File>,
    gate: Option<File>,
}

impl Folder {
    /// Starts a command whose workers do what [`HELD`] says.
    pub(crate) fn start(&self, words: &str) -> Resident<'_> {
        for name in ["began", "gate"] {
            let _ = std::fs::remove_file(self.at(name));
            self.pipe(name);
        }
        // Open both ways, it neither waits for a writer nor ends with one.
        let began = File::options().read(true).write(true).open(self.at("began")).unwrap();
        let child = self.command(words).spawn().unwrap();
        watch(&child, self.at("began"));
        Resident { folder: self, child: Some(child), began: BufReader::new(began), gate: None }
    }
}

impl Resident<'_> {
    /// Waits until `count` workers have begun; gives back their rows.
    pub(crate) fn began(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> String {
        let mut line = String::new();
        self.began.read_line(&mut line).unwrap();
        assert_ne!(line, "ended\n", "the command ended before its workers began: {:?}", self.ended());
        line.trim().to_owned()
    }

    /// Lets all workers go, those that begin later too.
    pub(crate) fn let_go(&mut self) {
        self.gate = Some(File::options().read(true).write(true).open(self.folder.at("gate")).unwrap());
    }

    /// Waits until it has said something on stderr, and drops what it said so far.
    pub(crate) fn says(&mut self, words: &str) {
        let stderr = self.child.as_mut().unwrap().stderr.as_mut().unwrap();
        let (mut said, mut byte) = (Vec::new(), [0]);
        while !String::from_utf8_lossy(&said).contains(words) {
            // What comes later is left to be read at the end.
            assert_eq!(stderr.read(&mut byte).unwrap(), 1, "it only said {}", String::from_utf8_lossy(&said));
            said.push(byte[0]);
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().unwrap())
    }

    /// Takes its stdout, which is read by nobody else then.
    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.as_mut().unwrap().stdout.take().unwrap()
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> Ran {
        self.folder.ended(self.child.take().unwrap())
    }
}

impl Drop for Resident<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Tells through the pipe when a process has ended, so that nobody waits for its workers.
fn watch(child: &Child, began: std::path::PathBuf) {
    use rustix::process::{WaitId, WaitIdOptions, waitid};

    let pid = Pid::from_child(child);
    std::thread::spawn(move || {
        // It stays to be waited for by whoever has it; if that came first, there is nobody to tell.
        if waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).is_ok()
            && let Ok(mut pipe) = File::options().write(true).read(true).open(began)
        {
            let _ = std::io::Write::write_all(&mut pipe, b"ended\n");
        }
    });
}
