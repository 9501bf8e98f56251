//! A job whose actor is killed all the time: no row is lost, run by two workers at once or charged.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use understory_store::MemoryBackend;

use super::lagging::Lagging;
use super::storm::long;
use super::table::{Table, number};
use super::world::World;
use crate::brain::Response;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_a_job() {
    let working: Arc<Mutex<HashMap<u32, u32>>> = Arc::default();
    let (count, together) = (working.clone(), Arc::new(AtomicU64::new(0)));
    let seen = together.clone();
    let world = World::setting().brain("number", move |turn| {
        let (count, seen) = (count.clone(), seen.clone());
        async move {
            let row = turn.row().expect("a row").number;
            let at_work = {
                let mut count = count.lock().unwrap();
                let at_work = count.entry(row).or_default();
                *at_work += 1;
                *at_work
            };
            seen.fetch_add(u64::from(at_work > 1), Ordering::Relaxed);
            for _ in 0..row % 40 {
                tokio::task::yield_now().await;
            }
            let by_tool = row.is_multiple_of(3) && turn.report(&format!("{{\"row\":{row}}}"), false).await.is_ok();
            *count.lock().unwrap().get_mut(&row).expect("it works") -= 1;
            if by_tool { Ok(Response::text("reported")) } else { number(&turn) }
        }
    });
    let world = world.open_on(Arc::new(Lagging::new(MemoryBackend::new()))).await;
    let rows = if long() { 20_000 } else { 600 };
    let table = Table::of(rows);
    let job = world.system.start_job(table.request("number")).await.unwrap().job.path;
    let (system, path, over) = (world.system.clone(), job.clone(), Arc::new(AtomicBool::new(false)));
    let ended = over.clone();
    let killing = tokio::spawn(async move {
        let (mut chance, mut killed) = (fastrand::Rng::with_seed(5), 0);
        while !ended.load(Ordering::Relaxed) {
            killed += u64::from(system.jobs.kill(&path));
            for _ in 0..chance.u16(..800) {
                tokio::task::yield_now().await;
            }
        }
        killed
    });
    let view = world.job_over(&job).await;
    over.store(true, Ordering::Relaxed);
    assert!(killing.await.unwrap() > 10, "it was no storm");
    assert_eq!((view.job.counts.completed, together.load(Ordering::Relaxed)), (rows, 0));
    let charged = |view: &crate::job::ItemView| view.item.failures + view.item.crashes;
    assert_eq!(world.items(&job).await.iter().map(charged).sum::<u32>(), 0, "{}", world.item_words(&job).await);
    for (at, line) in (1..).zip(table.output()) {
        assert_eq!(line.result, format!("{{\"row\":{at}}}"));
    }
    world.end().await;
}
