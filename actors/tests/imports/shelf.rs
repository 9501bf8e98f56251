//! An archive in memory. The first line of a file says whose conversation it is, the others are made up as tests need them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use crate::import::{Archive, ArchiveError, Conversation, Found, FoundFile, Part, Speaks, Step, Thread, Tokens};

type Hook = Arc<dyn Fn() + Send + Sync>;

/// Files by their names, with how often each was written.
#[derive(Default)]
pub(crate) struct Shelf {
    files: Mutex<BTreeMap<String, (Vec<String>, u64)>>,
    hook: Mutex<Option<Hook>>,
}

/// A file that is being read.
struct Reader {
    lines: std::vec::IntoIter<String>,
    read: String,
    thread: Thread,
    hook: Option<Hook>,
}

impl Shelf {
    /// A shelf with these files: a name and its lines, parted by `|`.
    pub(crate) fn of(files: &[(&str, &str)]) -> Arc<Shelf> {
        let shelf = Arc::new(Shelf::default());
        files.iter().for_each(|(name, lines)| shelf.write(name, lines));
        shelf
    }

    /// Writes a file anew.
    pub(crate) fn write(&self, name: &str, lines: &str) {
        let mut files = self.files.lock().unwrap();
        let file = files.entry(name.to_owned()).or_default();
        *file = (lines.split('|').map(str::to_owned).collect(), file.1 + 1);
    }

    /// Adds lines to a file.
    pub(crate) fn grow(&self, name: &str, lines: &str) {
        let mut files = self.files.lock().unwrap();
        let file = files.get_mut(name).unwrap();
        file.0.extend(lines.split('|').map(str::to_owned));
        file.1 += 1;
    }

    /// Gives a file another name.
    pub(crate) fn move_to(&self, name: &str, other: &str) {
        let mut files = self.files.lock().unwrap();
        let file = files.remove(name).unwrap();
        files.insert(other.to_owned(), file);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.files.lock().unwrap().remove(name).unwrap();
    }

    /// What happens at a line `hook`, the first time.
    pub(crate) fn hook(&self, hook: impl Fn() + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Arc::new(hook));
    }
}

impl Archive for Shelf {
    fn files(&self) -> Box<dyn Iterator<Item = Found> + Send> {
        let found = |(name, (lines, times)): (&String, &(Vec<String>, u64))| match lines[0].as_str() {
            "a link" => Found::Link { name: name.clone() },
            "a locked folder" => Found::Failed { name: name.clone(), error: "locked".to_owned() },
            _ => {
                let size = lines.iter().map(|line| line.len() as u64 + 1).sum();
                Found::File(FoundFile { name: name.clone(), size, modified: *times })
            }
        };
        let files: Vec<Found> = self.files.lock().unwrap().iter().map(found).collect();
        Box::new(files.into_iter())
    }

    fn has(&self, name: &str) -> bool {
        self.files.lock().unwrap().contains_key(name)
    }

    fn open(&self, name: &str) -> Result<Box<dyn Conversation>, ArchiveError> {
        let lines = self.files.lock().unwrap().get(name).ok_or("it is gone")?.0.clone();
        let mut lines = lines.into_iter();
        let first = lines.next().ok_or("it is empty")?;
        let mut words = first.split(' ');
        if words.next() != Some("thread") {
            return Err(format!("it begins with {first:?}").into());
        }
        let name = words.next().unwrap_or_default().to_owned();
        let mut thread = Thread { name, created_at: Some(1_000), ..Thread::default() };
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            match key {
                "parent" => thread.parent = Some(value.to_owned()),
                "nickname" => thread.nickname = Some(value.to_owned()),
                _ => drop(thread.labels.insert("codex/cwd", value.to_owned())),
            }
        }
        let hook = self.hook.lock().unwrap().clone();
        Ok(Box::new(Reader { lines, read: format!("{first}\n"), thread, hook }))
    }
}

impl Conversation for Reader {
    fn thread(&self) -> &Thread {
        &self.thread
    }

    fn step(&mut self) -> Result<Step, ArchiveError> {
        let Some(line) = self.lines.next() else { return Ok(Step::End) };
        let (kind, text) = line.split_once(' ').unwrap_or((&line, ""));
        let (text, mut at) = (text.to_owned(), None);
        let part = match kind {
            "user" => Some(Part::Said { by: Speaks::User, text }),
            "then" => {
                let (time, text) = text.split_once(' ').unwrap();
                at = Some(time.parse()?);
                Some(Part::Said { by: Speaks::User, text: text.to_owned() })
            }
            "long" => Some(Part::Said { by: Speaks::Assistant, text: "x".repeat(text.parse()?) }),
            "call" => Some(Part::Called { call: 1, name: "shell".to_owned(), arguments: "y".repeat(text.parse()?) }),
            "answer" => Some(Part::Answered { call: 1, name: "shell".to_owned(), done: true, text }),
            "title" => {
                self.thread.title = Some(text);
                None
            }
            "tokens" => {
                self.thread.tokens = Tokens { input: text.parse()?, cached: 1, output: 2 };
                None
            }
            "bad" => {
                self.thread.skipped += 1;
                None
            }
            "hook" => {
                self.hook.iter().for_each(|hook| hook());
                None
            }
            _ => return Err(format!("it breaks at {line:?}").into()),
        };
        self.read = format!("{}{line}\n", self.read);
        Ok(part.map_or(Step::Nothing, |part| Step::Part(part, at)))
    }

    fn bytes(&self) -> u64 {
        self.read.len() as u64
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.read).into()
    }
}
