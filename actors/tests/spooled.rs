//! Jobs over rows and streams, which are kept in the spool until they are stored.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use understory_paths::AgentPath;
use understory_store::{BrainChoice, FaultPoint, FaultyBackend, MemoryBackend, TableFormat};

use super::crashes::at_every_commit;
use super::table::number;
use super::world::{LONG, Setting, World, at, process};
use crate::brain::Response;
use crate::job::{Begun, JobError, JobRequest};
use crate::{Error, chain};

const WITHIN: Duration = Duration::from_secs(600);

/// A folder with a spool, which holds what is no table as well.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(TempDir::new().unwrap());
        std::fs::create_dir(place.spool()).unwrap();
        std::fs::write(place.spool().join("mine"), "").unwrap();
        place
    }

    fn spool(&self) -> PathBuf {
        self.0.path().join("spool")
    }

    /// The tables that are kept.
    fn kept(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.spool()).unwrap();
        let mut names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names.remove(0), "mine", "{names:?}");
        names
    }

    fn setting(&self) -> Setting {
        World::setting().spool(self.spool()).brain("number", |turn| async move { number(&turn) })
    }
}

fn request() -> JobRequest {
    let brain = BrainChoice { name: "number".to_owned(), settings: String::new() };
    JobRequest { id_column: Some("id".to_owned()), ..JobRequest::new("", brain) }
}

fn rows(count: usize) -> impl Iterator<Item = Value> + Send + 'static {
    (1..=count).map(move |row| json!({ "id": format!("a{row}"), "n": row, "of": { "all": [count] } }))
}

async fn refused(world: &World, place: &Place, error: Error) -> String {
    assert!(place.kept().is_empty(), "{:?}", place.kept());
    assert!(world.system.jobs(&AgentPath::root(), None, 9).await.unwrap().is_empty());
    chain(&error)
}

#[tokio::test]
async fn rows_from_the_host_are_the_rows_of_a_job() {
    let (place, seen) = (Place::new(), Arc::new(Mutex::new(Vec::new())));
    let log = seen.clone();
    let setting = place.setting().brain("number", move |turn| {
        let row = turn.row().unwrap();
        log.lock().unwrap().push((row.item_id.to_string(), row.json.to_string()));
        async move { Ok(Response::report("{}")) }
    });
    let world = setting.open().await;
    let job = world.system.start_job_of(request(), rows(700)).await.unwrap();
    assert_eq!(job.begun, Begun::New);
    let view = world.job_over(&job.job.path).await;
    assert_eq!((view.job.counts.completed, view.spec.input.as_str(), view.spec.output.as_str()), (700, "", ""));
    assert_eq!(view.spec.format, TableFormat::JsonLines);
    assert_eq!(view.spec.headers, ["id", "n", "of"]);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert!(seen.contains(&("a700".to_owned(), r#"{"id":"a700","n":700,"of":{"all":[700]}}"#.to_owned())), "{seen:?}");
    world.end().await;
    assert!(place.kept().is_empty(), "{:?}", place.kept());
}

#[tokio::test]
async fn the_same_rows_are_the_same_command() {
    let place = Place::new();
    let world = place.setting().open().await;
    let first = world.system.start_job_of(request(), rows(3)).await.unwrap();
    world.job_over(&first.job.path).await;
    let same = world.system.start_job_of(request(), rows(3)).await.unwrap();
    assert_eq!((same.begun, &same.job.path), (Begun::Finished, &first.job.path));
    let other = world.system.start_job_of(request(), rows(4)).await.unwrap();
    assert_eq!(other.begun, Begun::New);
    world.job_over(&other.job.path).await;
    let text: String = rows(3).map(|row| format!("{row}\n")).collect();
    let read = JobRequest { format: Some(TableFormat::JsonLines), ..request() };
    let same = world.system.start_job_from(read, std::io::Cursor::new(text)).await.unwrap();
    assert_eq!((same.begun, &same.job.path), (Begun::Finished, &first.job.path), "the bytes are the same");
    world.end().await;
    assert!(place.kept().is_empty(), "{:?}", place.kept());
}

#[tokio::test]
async fn a_table_without_rows_is_let_go() {
    let place = Place::new();
    let world = place.setting().open().await;
    let job = world.system.start_job_of(request(), rows(0)).await.unwrap();
    assert_eq!(world.job_over(&job.job.path).await.job.state.as_str(), "completed");
    world.end().await;
    assert!(place.kept().is_empty(), "{:?}", place.kept());
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let place = Place::new();
    let world = place.setting().limits(|limits| limits.rows = 1000).open().await;
    let said = async |rows: Vec<Value>, request: JobRequest| {
        let error = world.system.start_job_of(request, rows).await.unwrap_err();
        refused(&world, &place, error).await
    };
    assert_eq!(
        said(vec![json!({"id": 1}), json!([2])], request()).await,
        "line 2, column 1: invalid type: sequence, expected an object"
    );
    assert_eq!(said(vec![json!({"a": 1})], request()).await, "id column \"id\" is not in the table, which has \"a\"");
    let below = |path: &str| JobRequest { owner: at(path), ..request() };
    assert_eq!(said(vec![json!({"id": 1})], below("/root/nobody")).await, "/root/nobody does not exist");
    let unwritable = JobRequest { output: Some(place.spool().join("mine/out.csv")), ..request() };
    assert!(said(vec![json!({"id": 1})], unwritable).await.starts_with("failed to write output"));

    let endless = std::iter::repeat_with(|| json!({"id": 1}));
    let error = world.system.start_job_of(request(), endless).await.unwrap_err();
    assert_eq!(refused(&world, &place, error).await, "line 1001 is one row too many, the limit is 1000 rows");
    let unwritable = [HashMap::new(), HashMap::from([(vec![1], 1)])];
    let error = world.system.start_job_of(JobRequest { id_column: None, ..request() }, unwritable).await.unwrap_err();
    assert_eq!(
        refused(&world, &place, error).await,
        "failed to read the table: row 2 cannot be written as json: key must be a string"
    );
    world.end().await;
}

#[tokio::test]
async fn a_runtime_without_a_spool_takes_no_rows() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    let error = world.system.start_job_of(request(), rows(1)).await.unwrap_err();
    assert!(matches!(error, Error::Job(JobError::NoSpool)), "{error}");
    world.end().await;

    let place = Place::new();
    let world = World::setting().spool(place.spool().join("mine")).brain("number", |turn| async move { number(&turn) });
    let world = world.open().await;
    let error = world.system.start_job_of(request(), rows(1)).await.unwrap_err();
    assert!(matches!(error, Error::Job(JobError::Unkept { .. })), "{error}");
    world.end().await;
}

#[tokio::test]
async fn what_dead_processes_left_goes_with_the_next_table() {
    let place = Place::new();
    for name in ["table-part-x1y2z3", "table-0192ab3f-0000-7000-8000-000000000001"] {
        std::fs::write(place.spool().join(name), "{}").unwrap();
    }
    let world = place.setting().open().await;
    assert_eq!(place.kept().len(), 2);
    let job = world.system.start_job_of(request(), rows(1)).await.unwrap();
    world.job_over(&job.job.path).await;
    world.end().await;
    assert!(place.kept().is_empty(), "{:?}", place.kept());
}

/// Rows of more than a batch.
const MANY: usize = 250;

async fn host(world: &World) -> Result<AgentPath, Error> {
    let job = world.system.start_job_of(request(), rows(MANY)).await?.job.path;
    world.system.job_finished(&job).await?;
    Ok(job)
}

#[test]
fn a_job_over_rows_survives_a_death_at_every_commit() {
    let place = Place::new();
    let commits = at_every_commit(
        async |faulty| {
            let Ok(world) = place.setting().try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world)).await;
            assert!(matches!(outcome, Ok(Ok(_))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |backend, point| {
            let world = place.setting().over(backend).open().await;
            let job = tokio::time::timeout(WITHIN, host(&world)).await.unwrap().unwrap();
            assert_eq!(world.system.jobs(&AgentPath::root(), None, 9).await.unwrap().len(), 1, "{point:?}");
            world.check_job(&job).await;
            assert_eq!(world.system.job(&job).await.unwrap().job.counts.completed as usize, MANY, "{point:?}");
            world.end().await;
            assert!(place.kept().is_empty(), "{point:?}: {:?}", place.kept());
        },
    );
    assert!(commits >= 5, "{commits} commits");
}

/// Starts a job over rows in a process that dies before any row is stored.
fn cut(place: &Place) -> (AgentPath, MemoryBackend) {
    let backend = MemoryBackend::new();
    // `/root` and the job are commits of their own.
    let faulty = Arc::new(FaultyBackend::new(backend.clone(), Some(FaultPoint::Before(3))));
    process(async || {
        let world = place.setting().open_on(faulty.clone()).await;
        // Whether it is told of the job depends on which of the two is done first.
        let _ = world.system.start_job_of(JobRequest { name: Some("job".to_owned()), ..request() }, rows(MANY)).await;
        world.abandon();
    });
    (at("/root/job"), backend)
}

#[test]
fn a_table_of_an_import_that_was_cut_is_there_for_the_next_process() {
    let place = Place::new();
    let (job, backend) = cut(&place);
    process(async || {
        let world = place.setting().over(backend.clone()).open().await;
        world.system.resume_job(&job).await.unwrap();
        assert_eq!(world.job_over(&job).await.job.counts.completed as usize, MANY);
        world.end().await;
    });
    assert!(place.kept().is_empty(), "{:?}", place.kept());
}

#[test]
fn the_table_of_an_import_goes_with_its_job() {
    let place = Place::new();
    let (job, backend) = cut(&place);
    process(async || {
        let world = place.setting().over(backend.clone()).open().await;
        world.system.close(&job, LONG).await.unwrap();
        assert_eq!(place.kept().len(), 1, "a job that is closed may go on");
        world.system.remove(&job).await.unwrap();
        assert!(place.kept().is_empty(), "{:?}", place.kept());
        world.end().await;
    });
}

#[test]
fn a_job_whose_table_is_another_fails_and_says_so() {
    let place = Place::new();
    let (job, backend) = cut(&place);
    let table = place.spool().join(Path::new(&place.kept()[0]));
    std::fs::write(&table, "{\"id\":\"other\"}\n").unwrap();
    process(async || {
        let world = place.setting().over(backend.clone()).open().await;
        world.system.resume_job(&job).await.unwrap();
        let view = world.job_over(&job).await;
        let reason = view.job.state.reason().unwrap_or_default().replace(&table.display().to_string(), "[table]");
        assert_eq!(view.job.state.as_str(), "failed");
        assert_eq!(reason, "[table] has changed since the job was started");
        world.end().await;
    });
    assert!(place.kept().is_empty(), "{:?}", place.kept());
}
