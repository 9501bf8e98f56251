//! A job's files in a directory of its own, and what must hold of a job whenever one looks.

use std::fmt::Write as _;
use std::path::PathBuf;

use tempfile::TempDir;
use understory_paths::AgentPath;
use understory_store::{BrainChoice, Counts, ItemState};

use super::world::{LONG, World};
use crate::brain::{BrainError, Response, Turn};
use crate::job::{ItemView, JobRequest, JobView};

/// A table on disk and the output beside it.
pub(crate) struct Table {
    directory: TempDir,
}

/// A row of the output: the cells of the table, and what became of it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) item_id: String,
    pub(crate) status: String,
    pub(crate) attempts: u32,
    pub(crate) error: String,
    pub(crate) result: String,
}

impl Table {
    /// Rows `a1` … with a column `n` of their number.
    pub(crate) fn of(rows: u32) -> Table {
        let mut text = "id,n\n".to_owned();
        for number in 1..=rows {
            writeln!(text, "a{number},{number}").expect("a string takes everything");
        }
        Table::text(&text)
    }

    pub(crate) fn text(text: &str) -> Table {
        let table = Table { directory: TempDir::new().unwrap() };
        table.rewrite(text);
        table
    }

    pub(crate) fn rewrite(&self, text: &str) {
        std::fs::write(self.input(), text).unwrap();
    }

    /// Has the table be where nobody finds it.
    pub(crate) fn take_away(&self) {
        std::fs::rename(self.input(), self.directory.path().join("away")).unwrap();
    }

    pub(crate) fn bring_back(&self) {
        std::fs::rename(self.directory.path().join("away"), self.input()).unwrap();
    }

    fn input(&self) -> PathBuf {
        self.directory.path().join("in.csv")
    }

    pub(crate) fn output_path(&self) -> PathBuf {
        self.directory.path().join("out.csv")
    }

    /// The job `/root/job` over it.
    pub(crate) fn request(&self, brain: &str) -> JobRequest {
        let brain = BrainChoice { name: brain.to_owned(), settings: String::new() };
        JobRequest {
            name: Some("job".to_owned()),
            output: Some(self.output_path()),
            overwrite: true,
            id_column: Some("id".to_owned()),
            ..JobRequest::new(self.input(), brain)
        }
    }

    pub(crate) fn output(&self) -> Vec<Line> {
        let mut reader = csv::Reader::from_path(self.output_path()).unwrap();
        let headers = reader.headers().unwrap().clone();
        let place = |name: &str| headers.iter().position(|header| header == name).unwrap();
        let line = |row: csv::StringRecord| Line {
            item_id: row[place("item_id")].to_owned(),
            status: row[place("status")].to_owned(),
            attempts: row[place("attempt_count")].parse().unwrap(),
            error: row[place("last_error")].to_owned(),
            result: row[place("result_json")].to_owned(),
        };
        reader.records().map(|row| line(row.unwrap())).collect()
    }
}

impl World {
    /// Starts a job and waits until it is over; then everything that must hold of it holds.
    pub(crate) async fn run_job(&self, request: JobRequest) -> JobView {
        let started = self.system.start_job(request).await.unwrap();
        self.job_over(&started.job.path).await
    }

    pub(crate) async fn job_over(&self, path: &AgentPath) -> JobView {
        let finished = tokio::time::timeout(LONG, self.system.job_finished(path)).await;
        let view = finished.expect("a job comes to an end").unwrap();
        self.check_job(path).await;
        view
    }

    pub(crate) async fn items(&self, path: &AgentPath) -> Vec<ItemView> {
        self.system.items(path, 1, 100_000).await.unwrap()
    }

    /// The items in few words.
    pub(crate) async fn item_words(&self, path: &AgentPath) -> String {
        let word = |view: &ItemView| {
            let item = &view.item;
            let mut word = format!("{}: {} run {}", item.item_id, view.status, item.run);
            for (count, what) in [(item.failures, "failed"), (item.crashes, "crashed")] {
                if count > 0 {
                    write!(word, " {what} {count}").expect("a string takes everything");
                }
            }
            if let Some(error) = &item.last_error {
                write!(word, " ({error})").expect("a string takes everything");
            }
            word
        };
        self.items(path).await.iter().map(word).collect::<Vec<_>>().join("\n")
    }

    /// Demands of a job what holds at every moment: counts are those of its items, every row before the cursor is final,
    /// and a job that runs has a row that is not.
    pub(crate) async fn check_job(&self, path: &AgentPath) {
        let job = self.system.job(path).await.unwrap().job;
        let items = self.items(path).await;
        let mut counts = Counts::default();
        for item in &items {
            match item.item.state {
                ItemState::Pending { .. } => counts.pending += 1,
                ItemState::Running { .. } => counts.running += 1,
                ItemState::Completed { .. } => counts.completed += 1,
                ItemState::Failed { .. } => counts.failed += 1,
                ItemState::Skipped { .. } => counts.skipped += 1,
            }
        }
        assert_eq!(job.counts, counts, "{job:?}");
        assert_eq!(items.len(), job.imported as usize);
        let open = items.iter().find(|item| !item.item.state.is_final()).map(|item| item.number);
        assert!(open.is_none_or(|open| job.cursor <= open), "{job:?}: row {open:?} is not final");
        match job.state.as_str() {
            "running" => assert!(open.is_some(), "every row is final and the job runs: {job:?}"),
            "completed" => assert!(open.is_none(), "{job:?}: row {open:?} is not final"),
            "cancelled" => assert_eq!(counts.running, 0, "{job:?}"),
            _ => {}
        }
    }
}

/// A report of the row's number.
pub(crate) fn number(turn: &Turn) -> Result<Response, BrainError> {
    let number = turn.row().expect("an item's turn has a row").number;
    Ok(Response::report(format!("{{\"row\":{number}}}")))
}
