//! Reports of rows and the start of their runs, at the edges.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use understory_store::ItemState;

use crate::System;
use crate::brain::{AnyBrain, BrainError, BrainFactory, Response, Seat, Turn};
use crate::job::JobRequest;
use crate::tests::counting::Counting;
use crate::tests::resting::Slow;
use crate::tests::table::{Table, number};
use crate::tests::world::{World, at, pass, until};

/// J1: one report says all at once: the result and when it came, with nothing left of what went before.
#[tokio::test(start_paused = true)]
async fn a_report_is_in_the_row_and_the_output_with_its_time() {
    let world = World::setting().brain("second", |turn| async move {
        if turn.number() == 1 {
            return Err(BrainError::refused("not yet"));
        }
        turn.report(r#"{"row":1}"#, false).await.map_err(|error| BrainError::refused(error.to_string()))?;
        Ok(Response::text("reported"))
    });
    let world = world.open().await;
    let table = Table::of(1);
    let view = world.run_job(table.request("second")).await;
    assert_eq!((view.job.counts.completed, view.job.counts.done()), (1, 1));
    let item = world.items(&view.path).await.remove(0).item;
    let ItemState::Completed { at: reported, .. } = item.state else { panic!("{item:?}") };
    assert_eq!((item.last_error, item.took_ms), (None, Some(0)));
    let mut output = csv::Reader::from_path(table.output_path()).unwrap();
    let headers = output.headers().unwrap().clone();
    let row = output.records().next().unwrap().unwrap();
    let cell = |name| headers.iter().position(|header| header == name).map(|at| row[at].to_owned()).unwrap();
    let milliseconds = format!(".{:03}Z", reported.0 % 1000);
    assert!(cell("reported_at").ends_with(&milliseconds), "{row:?}");
    assert_eq!((cell("completed_at"), cell("last_error")), (cell("reported_at"), String::new()));
    assert_eq!(cell("result_json"), r#"{"row":1}"#);
    world.end().await;
}

/// J2: a row that failed stays so, whatever its worker says after that.
#[tokio::test(start_paused = true)]
async fn a_report_of_a_row_that_failed_is_refused() {
    let (kept, said) = (Arc::<Mutex<Option<Turn>>>::default(), Arc::<OnceLock<String>>::default());
    let (first, told) = (kept.clone(), said.clone());
    let setting = World::setting().brain("worker", move |turn| {
        let (first, told) = (first.clone(), told.clone());
        async move {
            if turn.row().expect("a row").number == 1 {
                *first.lock().unwrap() = Some(turn);
                return Err(BrainError::refused("broken"));
            }
            let late = first.lock().unwrap().take().expect("the first row ran before");
            told.set(late.report(r#"{"late":1}"#, true).await.unwrap_err().to_string()).unwrap();
            number(&turn)
        }
    });
    let world = setting.open().await;
    let table = Table::of(2);
    let view = world.run_job(JobRequest { attempts: 1, concurrency: 1, ..table.request("worker") }).await;
    assert_eq!(said.get().unwrap(), "run 1 of row 1 is over: its report is not taken");
    assert_eq!(world.item_words(&view.path).await, "a1: failed run 1 failed 1 (broken)\na2: completed run 1");
    let line = table.output().remove(0);
    assert_eq!((line.status.as_str(), line.error.as_str(), line.result.as_str()), ("failed", "broken", ""));
    assert_eq!(view.job.state.as_str(), "completed", "nor does it stop the job");
    world.end().await;
}

/// J3 and J13: a report has a result and names no row; it is that of the run it comes from.
#[tokio::test(start_paused = true)]
async fn a_report_names_no_row() {
    let said = Arc::<Mutex<Vec<String>>>::default();
    let told = said.clone();
    let setting = World::setting().brain("worker", move |turn| {
        let told = told.clone();
        async move {
            let own = turn.row().expect("a row").number;
            if own == 2 {
                for call in [
                    "{}",
                    r#"{"stop":true}"#,
                    r#"{"result":{"by":2},"row":1}"#,
                    r#"{"result":{"by":2},"item_id":"a1"}"#,
                    r#"{"result":{"by":2},"job_id":"j","path":"/root/job/r00000001"}"#,
                    r#"{"result":{"by":2,"row":1,"item_id":"a1"}}"#,
                ] {
                    let answer = turn.tools().expect("there is a runtime").call("report", call).await;
                    told.lock().unwrap().push(answer.unwrap_or_else(|error| error.to_string()));
                }
            }
            Ok(Response::report(format!("{{\"by\":{own}}}")))
        }
    });
    let world = setting.open().await;
    let table = Table::of(3);
    world.run_job(JobRequest { attempts: 1, ..table.request("worker") }).await;
    insta::assert_snapshot!(said.lock().unwrap().join("\n"), @r#"
    wrong arguments: missing field `result` at line 1 column 2
    wrong arguments: missing field `result` at line 1 column 13
    wrong arguments: unknown field `row`, expected `result` or `stop` at line 1 column 24
    wrong arguments: unknown field `item_id`, expected `result` or `stop` at line 1 column 28
    wrong arguments: unknown field `job_id`, expected `result` or `stop` at line 1 column 27
    {"accepted":true}
    "#);
    let results: Vec<_> = table.output().into_iter().map(|line| line.result).collect();
    assert_eq!(results, [r#"{"by":1}"#, r#"{"by":2,"row":1,"item_id":"a1"}"#, r#"{"by":3}"#]);
    world.end().await;
}

/// A factory that makes no worker, and notes when it was asked.
#[derive(Clone, Default)]
struct Barren(Arc<Mutex<Vec<tokio::time::Instant>>>);

impl BrainFactory for Barren {
    fn make(&self, _: &Seat) -> Result<Box<dyn AnyBrain>, BrainError> {
        self.0.lock().unwrap().push(tokio::time::Instant::now());
        Err(BrainError::refused("none today"))
    }
}

/// D1: a row whose worker cannot be made is tried as often as any other, with the same pauses, and then failed.
#[tokio::test(start_paused = true)]
async fn a_worker_that_cannot_be_made_is_a_failed_run() {
    let barren = Barren::default();
    let world = World::setting().factory("barren", Arc::new(barren.clone())).open().await;
    let table = Table::of(1);
    let view = world.run_job(table.request("barren")).await;
    assert_eq!(world.item_words(&view.path).await, "a1: failed run 3 failed 3 (none today)");
    let asked = barren.0.lock().unwrap().clone();
    assert_eq!(asked.len(), 3);
    for (pair, least) in asked.windows(2).zip([375, 750]) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(least), "{asked:?}");
    }
    world.end().await;
}

/// D2: a row is on record as running before its worker begins, so that no report can come too early, on however slow a disk.
#[tokio::test(start_paused = true)]
async fn a_worker_begins_when_its_row_is_on_record_as_running() {
    let system = Arc::<OnceLock<System>>::default();
    let seen = system.clone();
    let setting = World::setting().brain("hasty", move |turn| {
        let system = seen.get().expect("the world is open").clone();
        async move {
            let row = turn.row().expect("a row").number;
            let stands = system.items(&at("/root/job"), row, 1).await.unwrap().remove(0);
            assert_eq!((stands.status, stands.item.run), ("running", 1));
            turn.report(&format!("{{\"row\":{row}}}"), false)
                .await
                .map_err(|error| BrainError::refused(error.to_string()))?;
            Ok(Response::text("reported"))
        }
    });
    let world = setting.open_on(Slow::new()).await;
    assert!(system.set(world.system.clone()).is_ok());
    let table = Table::of(20);
    let view = world.run_job(JobRequest { attempts: 1, concurrency: 4, ..table.request("hasty") }).await;
    assert_eq!(view.job.counts.completed, 20, "{}", world.item_words(&view.path).await);
    world.end().await;
}

/// D3: rows for which there is no slot wait without a word, and are charged nothing for it.
#[tokio::test(start_paused = true)]
async fn rows_without_a_slot_do_nothing() {
    let counting = Counting::default();
    let setting = World::setting().limits(|limits| limits.turns = 1);
    let setting =
        setting.brain("wall", |_| std::future::pending()).brain("number", |turn| async move { number(&turn) });
    let world = setting.open_on(Arc::new(counting.clone())).await;
    let (wall, table) = (Table::of(1), Table::of(40));
    let request = JobRequest { attempts: 1, timeout: Duration::from_secs(600), ..wall.request("wall") };
    let wall = world.system.start_job(JobRequest { name: Some("wall".to_owned()), ..request }).await.unwrap().job.path;
    until(async || world.system.job(&wall).await.unwrap().job.counts.running == 1).await;
    let job = world.system.start_job(table.request("number")).await.unwrap().job.path;
    until(async || world.system.job(&job).await.unwrap().job.imported == 40).await;
    pass(2).await;
    let before = (counting.reads(), world.store().last());
    pass(500).await;
    assert_eq!(world.store().last(), before.1);
    // The process sweeps what is past now and then.
    assert!(counting.reads() - before.0 <= 5, "{} reads while nothing happens", counting.reads() - before.0);
    assert_eq!(world.items(&job).await.iter().filter(|view| view.status == "pending").count(), 40);
    let view = world.job_over(&job).await;
    assert_eq!(view.job.counts.completed, 40);
    assert!(world.items(&job).await.iter().all(|view| (view.item.run, view.item.failures) == (1, 0)));
    world.job_over(&wall).await;
    world.end().await;
}
