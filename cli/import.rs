//! `import codex`: this process has the store and reads the other program's files.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use understory::{ImportReport, ImportRequest, ImportTally, chain};
use understory_adapters::{Codex, CodexError};
use understory_server::{Code, Failure, named};

use crate::arguments::ImportVerb;
use crate::command::Session;
use crate::door::Door;
use crate::exit;
use crate::render::{self, grouped};
use crate::setting::agent_path;
use crate::terminal::Terminal;

/// How far an import is: a line that changes on a terminal, lines at intervals elsewhere, events with `--json`.
struct Course {
    terminal: Terminal,
    bar: Option<ProgressBar>,
    told: Mutex<Instant>,
}

/// Imports, and tells what came of it.
pub(crate) async fn import(session: &Session, verb: ImportVerb) -> Result<u8, Failure> {
    let ImportVerb::Codex { dir, at, dry_run } = verb;
    let (at, dir) = (agent_path(&at)?, session.setting.cwd.join(dir));
    let archive = Arc::new(session.aside(move || open(&dir)).await?);
    let owner = Door::own(session, "import codex").await?;
    let (runtime, others_answered) = (owner.runtime.clone(), owner.others_answered());
    let course = Course::begin(&session.terminal);
    let request = ImportRequest { at, archive, dry_run };
    let work = async {
        let report = runtime.import(&request, &|tally| course.stands(tally)).await?;
        course.end();
        print(session, &report).await?;
        others_answered.await;
        Ok(report)
    };
    let go_on = || Failure::new(Code::Interrupted, "").hint("the same command goes on");
    let outcome = owner.until_signal(work, go_on).await;
    course.end();
    Ok(if outcome?.tally.failed > 0 { exit::FAILED_ROWS } else { exit::OK })
}

fn open(dir: &Path) -> Result<Codex, Failure> {
    Codex::open(dir).map_err(|error| {
        let not_there = matches!(&error, CodexError::Io(error) if error.kind() == std::io::ErrorKind::NotFound);
        let code = match &error {
            CodexError::Io(_) if not_there => Code::NotFound,
            CodexError::Io(_) => Code::Failure,
            _ => Code::InvalidTable,
        };
        let message = match &error {
            CodexError::Io(error) => format!("failed to read {}: {}", dir.display(), chain(error)),
            error => error.to_string(),
        };
        Failure::new(code, message).details(json!({ "path": named(dir) }))
    })
}

async fn print(session: &Session, report: &ImportReport) -> Result<(), Failure> {
    for link in &report.links {
        session
            .terminal
            .warn(&format!("{link} is a symbolic link, which is not followed: import the folder it leads to"));
    }
    match session.terminal.json() {
        true => session.data(json!(report).to_string()).await,
        false => session.data(render::imported(report)).await,
    }
}

impl Course {
    fn begin(terminal: &Terminal) -> Course {
        let bar = (terminal.draws() && !terminal.json()).then(|| {
            let style = ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is sound");
            ProgressBar::new_spinner().with_style(style)
        });
        terminal.draw(bar.clone());
        Course { terminal: terminal.clone(), bar, told: Mutex::new(Instant::now()) }
    }

    fn stands(&self, tally: &ImportTally) {
        if let Some(bar) = &self.bar {
            bar.set_message(line(tally));
            bar.tick();
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= self.terminal.every() {
            *told = Instant::now();
            match self.terminal.json() {
                true => self.terminal.event(&json!({ "event": "progress", "counts": tally }).to_string()),
                false => self.terminal.note(&line(tally)),
            }
        }
    }

    fn end(&self) {
        self.terminal.draw(None);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(tally: &ImportTally) -> String {
    let (files, entries) = (grouped(tally.files), grouped(tally.entries));
    format!("{files} files, {entries} entries, at {}", render::escaped(&tally.last))
}
