//! Jobs that are closed, cancelled or shut down in the middle, or whose process dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Semaphore;
use understory_paths::AgentPath;
use understory_store::MemoryBackend;

use super::table::{Table, number};
use super::world::{LONG, Setting, World, at, process, until};
use crate::brain::BrainError;
use crate::job::JobRequest;

/// A world whose brain `slow` works on a row for each permit, or until it is cancelled; it counts those at work.
fn slow() -> (Setting, Arc<Semaphore>, Arc<AtomicU32>) {
    let (permits, working) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU32::new(0)));
    let (given, count) = (permits.clone(), working.clone());
    let setting = World::setting().brain("slow", move |turn| {
        let (given, count) = (given.clone(), count.clone());
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = tokio::select! {
                permit = given.acquire() => {
                    permit.expect("never closed").forget();
                    number(&turn)
                }
                () = turn.cancelled() => Err(BrainError::refused("cancelled")),
            };
            count.fetch_sub(1, Ordering::SeqCst);
            answer
        }
    });
    (setting, permits, working)
}

/// Starts the job of twenty rows, four at once, and lets five of them be done.
async fn begun(world: &World, table: &Table, permits: &Semaphore) -> AgentPath {
    let request = JobRequest { concurrency: 4, ..table.request("slow") };
    let job = world.system.start_job(request).await.unwrap().job.path;
    permits.add_permits(5);
    until(async || {
        let counts = world.system.job(&job).await.unwrap().job.counts;
        counts.completed == 5 && counts.running == 4
    })
    .await;
    world.check_job(&job).await;
    job
}

/// What is there of a job's rows by word, and how often one of them was charged.
async fn tally(world: &World, job: &AgentPath) -> String {
    let items = world.items(job).await;
    let count = |status: &str| items.iter().filter(|view| view.status == status).count();
    let words =
        ["pending", "running", "completed", "failed", "cancelled"].map(|word| format!("{word} {}", count(word)));
    let charged = items.iter().map(|view| view.item.failures + view.item.crashes).sum::<u32>();
    format!("{}; charged {charged}", words.join(", "))
}

#[tokio::test(start_paused = true)]
async fn a_close_takes_rows_back_uncharged_and_a_resume_goes_on() {
    for path in ["/root/up/job", "/root/up"] {
        let (setting, permits, working) = slow();
        let world = setting.open().await;
        world.spawn("/root/up", "echo").await;
        let table = Table::of(20);
        let request = JobRequest { owner: at("/root/up"), concurrency: 4, ..table.request("slow") };
        let job = world.system.start_job(request).await.unwrap().job.path;
        permits.add_permits(5);
        until(async || working.load(Ordering::SeqCst) == 4 && permits.available_permits() == 0).await;
        let closed = world.system.close(&at(path), LONG).await.unwrap();
        assert_eq!((closed.overdue, working.load(Ordering::SeqCst)), (0, 0));
        assert_eq!(tally(&world, &job).await, "pending 15, running 0, completed 5, failed 0, cancelled 0; charged 0");
        world.check_job(&job).await;
        assert!(world.system.job_finished(&job).await.is_err(), "it is closed");
        world.system.resume(&at(path)).await.unwrap();
        permits.add_permits(15);
        world.job_over(&job).await;
        assert_eq!(tally(&world, &job).await, "pending 0, running 0, completed 20, failed 0, cancelled 0; charged 0");
        assert_eq!(table.output().len(), 20);
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_resume_while_a_job_is_closing_waits_for_its_workers() {
    let working = Arc::new(AtomicU32::new(0));
    let count = working.clone();
    let world = World::setting().brain("deaf", move |turn| {
        let (count, run) = (count.clone(), turn.number());
        async move {
            assert_eq!(count.fetch_add(1, Ordering::SeqCst), 0, "two workers of one row");
            // Dropped after its grace only.
            let _gone = Gone(count);
            if run == 1 { std::future::pending().await } else { number(&turn) }
        }
    });
    struct Gone(Arc<AtomicU32>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let world = world.open().await;
    let table = Table::of(1);
    let job = world.system.start_job(table.request("deaf")).await.unwrap().job.path;
    until(async || working.load(Ordering::SeqCst) == 1).await;
    let resume = async {
        until(async || world.status("/root/job").await == "closed").await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        world.system.resume(&job).await.unwrap();
    };
    let (closed, ()) = futures::join!(world.system.close(&job, LONG), resume);
    closed.unwrap();
    world.job_over(&job).await;
    assert_eq!(world.item_words(&job).await, "a1: completed run 2");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_takes_rows_back_uncharged_and_the_next_process_goes_on() {
    let (setting, permits, working) = slow();
    let world = setting.open().await;
    let table = Table::of(20);
    let job = begun(&world, &table, &permits).await;
    let backend = world.backend.clone();
    world.end().await;
    assert_eq!(working.load(Ordering::SeqCst), 0);
    let (setting, permits, _) = slow();
    let world = setting.over(backend).open().await;
    assert_eq!(tally(&world, &job).await, "pending 15, running 0, completed 5, failed 0, cancelled 0; charged 0");
    permits.add_permits(15);
    world.system.resume_job(&job).await.unwrap();
    world.job_over(&job).await;
    let output = table.output();
    assert_eq!(output.iter().filter(|line| line.attempts == 1).count(), 16);
    assert_eq!(output.iter().filter(|line| line.attempts == 2).count(), 4);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_lets_running_rows_finish_and_no_other_start() {
    let (setting, permits, _) = slow();
    let world = setting.open().await;
    let table = Table::of(20);
    let job = begun(&world, &table, &permits).await;
    assert!(world.system.cancel_job(&job).await.unwrap());
    assert!(!world.system.cancel_job(&job).await.unwrap(), "it is being cancelled already");
    permits.add_permits(20);
    let view = world.job_over(&job).await;
    assert_eq!(view.job.state.as_str(), "cancelled");
    assert_eq!(tally(&world, &job).await, "pending 0, running 0, completed 9, failed 0, cancelled 11; charged 0");
    assert_eq!(table.output().len(), 20);
    let error = world.system.cancel_job(&at("/root")).await.unwrap_err();
    assert_eq!(error.to_string(), "/root is an agent, which cannot be asked to do what a job does");
    world.end().await;
}

/// J23: rows that a process died in are worked on again, and the output is whole.
#[test]
fn a_row_is_run_again_after_a_crash_until_it_is_called_crashed() {
    let backend = MemoryBackend::new();
    let table = Table::text("id\nkiller\nfine\n");
    for life in 0..5 {
        process(async || {
            let world = World::setting().over(backend.clone()).brain("killer", |turn| async move {
                match turn.row().expect("a row").item_id.as_ref() {
                    "killer" => std::future::pending().await,
                    _ => number(&turn),
                }
            });
            let world = world.open().await;
            if life == 0 {
                world.system.start_job(table.request("killer")).await.unwrap();
            } else {
                world.system.resume_job(&at("/root/job")).await.unwrap();
            }
            let run = format!("killer: running run {}", life + 1);
            until(async || world.item_words(&at("/root/job")).await.contains(&run)).await;
            until(async || world.item_words(&at("/root/job")).await.contains("fine: completed")).await;
            world.abandon();
        });
    }
    let words = process(async || {
        let world = World::setting().over(backend.clone()).brain("killer", |turn| async move { number(&turn) });
        let world = world.open().await;
        world.system.resume_job(&at("/root/job")).await.unwrap();
        world.job_over(&at("/root/job")).await;
        let words = world.item_words(&at("/root/job")).await;
        world.end().await;
        words
    });
    insta::assert_snapshot!(words, @r#"
    killer: failed run 5 crashed 5 (crashed: the process died in 5 runs of this row)
    fine: completed run 1
    "#);
    assert_eq!(table.output().len(), 2);
}

#[test]
fn a_cancel_after_a_crash_does_not_wait_for_the_dead() {
    for run_first in [false, true] {
        let (backend, table) = (MemoryBackend::new(), Table::of(6));
        process(async || {
            let (setting, _, working) = slow();
            let world = setting.over(backend.clone()).open().await;
            world.system.start_job(JobRequest { concurrency: 4, ..table.request("slow") }).await.unwrap();
            until(async || working.load(Ordering::SeqCst) == 4).await;
            world.abandon();
        });
        process(async || {
            let (setting, permits, working) = slow();
            // Fewer slots than rows that were running.
            let world = setting.over(backend.clone()).limits(|limits| limits.turns = 1).open().await;
            let job = at("/root/job");
            if run_first {
                world.system.resume_job(&job).await.unwrap();
                until(async || working.load(Ordering::SeqCst) == 1).await;
            }
            world.system.cancel_job(&job).await.unwrap();
            permits.add_permits(9);
            let view = world.job_over(&job).await;
            assert_eq!(view.job.state.as_str(), "cancelled");
            assert_eq!(table.output().len(), 6);
            world.end().await;
        });
    }
}

#[test]
fn an_import_that_was_cut_goes_on_only_with_the_same_table() {
    for changed in [false, true] {
        let (backend, table) = (MemoryBackend::new(), Table::of(2000));
        process(async || {
            let world = World::setting().over(backend.clone()).brain("number", |turn| async move { number(&turn) });
            let world = world.open().await;
            let job = world.system.start_job(table.request("number")).await.unwrap().job.path;
            until(async || world.system.job(&job).await.unwrap().job.imported > 0).await;
            world.abandon();
        });
        process(async || {
            let world = World::setting().over(backend.clone()).brain("number", |turn| async move { number(&turn) });
            let world = world.open().await;
            let job = at("/root/job");
            let imported = world.system.job(&job).await.unwrap().job.imported;
            assert!((1..2000).contains(&imported), "{imported} rows");
            if changed {
                table.rewrite("id,n\na1,1\n");
            }
            world.system.resume_job(&job).await.unwrap();
            let view = world.job_over(&job).await;
            if changed {
                let reason = view.job.state.reason().unwrap();
                assert!(reason.ends_with("in.csv has changed since the job was started"), "{reason}");
                assert_eq!(view.job.state.as_str(), "failed");
            } else {
                assert_eq!(view.job.counts.completed, 2000);
                assert_eq!(table.output().len(), 2000);
            }
            world.end().await;
        });
    }
}

#[test]
fn an_import_whose_table_is_not_there_goes_on_when_it_is() {
    let (backend, table) = (MemoryBackend::new(), Table::of(2000));
    let setting = || World::setting().over(backend.clone()).brain("number", |turn| async move { number(&turn) });
    process(async || {
        let world = setting().open().await;
        let job = world.system.start_job(table.request("number")).await.unwrap().job.path;
        until(async || world.system.job(&job).await.unwrap().job.imported > 0).await;
        world.abandon();
    });
    process(async || {
        let (world, job) = (setting().open().await, at("/root/job"));
        table.take_away();
        world.system.resume_job(&job).await.unwrap();
        let error = tokio::time::timeout(LONG, world.system.job_finished(&job)).await.unwrap().unwrap_err();
        assert!(error.to_string().ends_with("in.csv does not exist"), "{error}");
        assert_eq!(world.system.job(&job).await.unwrap().job.state.as_str(), "importing");
        until(async || world.system.residents() == 0).await;
        table.bring_back();
        world.system.resume_job(&job).await.unwrap();
        assert_eq!(world.job_over(&job).await.job.counts.completed, 2000);
        world.end().await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_closed_while_it_imports_goes_on_when_resumed() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    let table = Table::of(2000);
    let job = world.system.start_job(table.request("number")).await.unwrap().job.path;
    until(async || world.system.job(&job).await.unwrap().job.imported > 0).await;
    let (closed, resumed) = futures::join!(world.system.close(&job, LONG), async {
        until(async || world.status("/root/job").await == "closed").await;
        world.system.resume(&job).await
    });
    assert!(closed.unwrap().marked && resumed.unwrap());
    world.job_over(&job).await;
    assert_eq!(table.output().len(), 2000);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_output_that_cannot_be_written_is_told_and_written_when_it_can_be() {
    let (setting, permits, _) = slow();
    let world = setting.open().await;
    let table = Table::of(3);
    let job = world.system.start_job(table.request("slow")).await.unwrap().job.path;
    std::fs::create_dir(table.output_path()).unwrap();
    permits.add_permits(3);
    let error = tokio::time::timeout(LONG, world.system.job_finished(&job)).await.unwrap().unwrap_err();
    assert!(error.to_string().contains(": failed to write output "), "{error}");
    until(async || world.system.residents() == 0).await;
    std::fs::remove_dir(table.output_path()).unwrap();
    world.system.resume_job(&job).await.unwrap();
    assert_eq!(world.job_over(&job).await.job.state.as_str(), "completed");
    assert_eq!(table.output().len(), 3);
    world.end().await;
}
