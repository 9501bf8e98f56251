//! A job killed with SIGKILL at seeded rows and started again by the same command: no row lost, none reported twice, rows
//! already completed not run again, and no two workers of one row at once.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// How many rows are worked on at once: those alone may be run a second time.
const CONCURRENCY: usize = 16;

/// One job in a folder of its own.
struct Story {
    folder: TempDir,
    rows: usize,
}

/// What a finished job left.
struct Told {
    /// The runs of each row that its worker logged, in order.
    runs: BTreeMap<u32, Vec<u32>>,
    /// Status and run of each row of the output, in its order.
    output: Vec<(String, u32)>,
    /// Rows whose worker found another at work on its row.
    overlaps: String,
}

/// Holds a lock on its row while it lives, logs row and run, and tells the pipe that it did. While there is a file `stay`
/// it does not end by itself.
const WORKER: &str = r#"#!/bin/sh
exec 9>"lock/$UNDERSTORY_ROW"
flock -n 9 || echo "$UNDERSTORY_ROW" >>overlaps
echo "$UNDERSTORY_ROW $UNDERSTORY_RUN" >>log
echo "$UNDERSTORY_ROW" >pipe
[ -e stay ] && exec sleep 600
echo "{\"row\":$UNDERSTORY_ROW}"
"#;

impl Story {
    /// A table of `rows` rows, or the table at `table`.
    fn new(rows: usize, table: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let story = Story { folder, rows };
        fs::create_dir(story.at("lock")).unwrap();
        fs::write(story.at("worker.sh"), WORKER).unwrap();
        make_executable(&story.at("worker.sh"));
        match table {
            Some(table) => drop(fs::copy(table, story.at("table.csv")).unwrap()),
            None => {
                let lines = (1..=rows).map(|row| format!("k{row},{}\n", row * 7));
                fs::write(story.at("table.csv"), std::iter::once("id,n\n".to_owned()).chain(lines).collect::<String>())
                    .unwrap();
            }
        }
        assert!(Command::new("mkfifo").arg(story.at("pipe")).status().unwrap().success());
        story
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_understory"));
        let concurrency = CONCURRENCY.to_string();
        command.current_dir(self.folder.path()).env("HOME", self.folder.path()).env_remove("XDG_DATA_HOME");
        command.args(["--home", "home", "job", "run", "table.csv"]).args([
            "--brain",
            "shell",
            "--command",
            "./worker.sh",
            "--out",
            "out.csv",
            "--concurrency",
            &concurrency,
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(self.at("stderr")).unwrap());
        command
    }

    /// The pipe that workers tell of their rows through; held open both ways, so that neither side waits for the other.
    fn pipe(&self) -> BufReader<File> {
        BufReader::new(OpenOptions::new().read(true).write(true).open(self.at("pipe")).unwrap())
    }

    /// Runs the job until `rows` workers have told of their rows, then kills it.
    fn run_until_killed(&self, rows: usize) {
        let pipe = self.pipe();
        let mut job = self.command().spawn().unwrap();
        pipe.lines().take(rows).for_each(|line| drop(line.unwrap()));
        kill(&mut job);
        assert!(!self.at("out.csv").exists(), "a job that was killed half way has no output");
    }

    /// Runs the job to its end with the same command.
    fn run_to_the_end(&self) -> Told {
        let pipe = self.pipe();
        // Somebody has to read what the workers tell, or they would wait.
        let reader = std::thread::spawn(move || pipe.lines().map(Result::unwrap).find(|line| line == "end"));
        let status = self.command().status().unwrap();
        fs::write(self.at("pipe"), "end\n").unwrap();
        assert_eq!(reader.join().unwrap().as_deref(), Some("end"));
        let said = fs::read_to_string(self.at("stderr")).unwrap();
        assert!(status.success(), "{status}: {said}");
        assert!(said.contains("goes on"), "it says that it goes on: {said}");
        self.tell()
    }

    fn tell(&self) -> Told {
        let mut runs = BTreeMap::<u32, Vec<u32>>::new();
        for line in fs::read_to_string(self.at("log")).unwrap().lines() {
            let (row, run) = line.split_once(' ').unwrap();
            runs.entry(row.parse().unwrap()).or_default().push(run.parse().unwrap());
        }
        let mut output = csv::Reader::from_path(self.at("out.csv")).unwrap();
        let headers = output.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
        let (status, run, result) = (column("status"), column("attempt_count"), column("result_json"));
        let rows = output.records().zip(1..).map(|(row, number)| {
            let row = row.unwrap();
            assert_eq!(&row[result], format!("{{\"row\":{number}}}"), "the result of row {number} is its own");
            (row[status].to_owned(), row[run].parse().unwrap())
        });
        let output = rows.collect();
        let overlaps = fs::read_to_string(self.at("overlaps")).unwrap_or_default();
        Told { runs, output, overlaps }
    }

    /// What must hold of a job that was killed so often and then came to its end.
    fn check(&self, told: &Told, kills: usize) {
        assert_eq!(told.output.len(), self.rows, "the output has every row");
        assert_eq!(told.overlaps, "", "rows that two workers were at");
        for (number, (status, last_run)) in (1..).zip(&told.output) {
            assert_eq!(status, "completed", "row {number}");
            let runs = told.runs.get(&number).unwrap_or_else(|| panic!("row {number} has a result and no run"));
            assert_eq!(runs.last(), Some(last_run), "the result of row {number} is its last run's");
            let mut once = runs.clone();
            once.dedup();
            assert_eq!(runs, &once, "a run of row {number} had two workers");
        }
        let again: u32 = told.output.iter().map(|(_, run)| run - 1).sum();
        let most = kills * CONCURRENCY;
        assert!(
            again as usize <= most,
            "{again} runs were repeated, {most} at the most were at work when it was killed"
        );
    }
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn kill(job: &mut Child) {
    job.kill().unwrap();
    job.wait().unwrap();
}

/// Killed at random over a table of 1,000 rows, 25 times before it is let come to its end; in the long form forty such jobs.
///
/// Fewer rows than that lie between two kills, so that no row is at work at five of them, which would fail it.
#[test]
fn a_job_killed_again_and_again_loses_no_row_and_doubles_none() {
    const ROWS: usize = 1000;
    const KILLS: usize = 25;
    let mut random = fastrand::Rng::with_seed(0x5eed);
    let jobs = if std::env::var_os("UNDERSTORY_LONG").is_some() { 40 } else { 1 };
    for job in 1..=jobs {
        let story = Story::new(ROWS, None);
        for _ in 0..KILLS {
            story.run_until_killed(random.usize(CONCURRENCY..2 * CONCURRENCY));
        }
        let told = story.run_to_the_end();
        story.check(&told, KILLS);
        if jobs > 1 {
            eprintln!("job {job}: killed {KILLS} times, {} rows, none lost, none doubled", told.output.len());
        }
    }
}

/// A row that kills the process of its job at each run is failed, and the job ends.
#[test]
fn a_row_that_kills_its_host_does_not_keep_the_job_from_its_end() {
    let story = Story::new(40, None);
    let killer =
        WORKER.replace("[ -e stay ]", "[ \"$UNDERSTORY_ROW\" = 7 ] && kill -9 $PPID && exec sleep 600\n[ -e stay ]");
    fs::write(story.at("worker.sh"), killer).unwrap();
    let pipe = story.pipe();
    let reader = std::thread::spawn(move || pipe.lines().map(Result::unwrap).find(|line| line == "end"));
    let ends: Vec<Option<i32>> = (0..6).map(|_| story.command().status().unwrap().code()).collect();
    fs::write(story.at("pipe"), "end\n").unwrap();
    reader.join().unwrap();
    assert_eq!(ends, [None, None, None, None, None, Some(6)], "killed five times, then a row has failed");
    let mut output = csv::Reader::from_path(story.at("out.csv")).unwrap();
    let failed: Vec<_> =
        output.records().map(Result::unwrap).filter(|row| row.iter().any(|cell| cell == "failed")).collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].iter().any(|cell| cell == "crashed: the process died in 5 runs of this row"), "{failed:?}");
}

/// Workers that outlive their killed owner are ended before their rows run again.
#[test]
fn no_two_workers_of_a_row_are_alive_at_once() {
    let story = Story::new(CONCURRENCY, None);
    fs::write(story.at("stay"), "").unwrap();
    story.run_until_killed(CONCURRENCY);
    fs::remove_file(story.at("stay")).unwrap();
    let told = story.run_to_the_end();
    story.check(&told, 1);
    assert!(told.output.iter().all(|(_, run)| *run == 2), "every row was at work when its owner was killed");
}

/// The same over the whole table of airports, in the long form.
#[test]
fn a_killed_job_goes_on_over_the_whole_table() {
    if std::env::var_os("UNDERSTORY_LONG").is_none() {
        eprintln!("skipped: the whole table is run with UNDERSTORY_LONG=1");
        return;
    }
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/airports.csv");
    let story = Story::new(3376, Some(&table));
    story.run_until_killed(1700);
    let told = story.run_to_the_end();
    story.check(&told, 1);
}
