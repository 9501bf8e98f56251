//! Pages of a list: nothing is skipped and nothing told twice, whatever comes and goes in between, and no more is read than
//! it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::counting::Counting;
use super::table::Table;
use super::world::{World, at, pass};
use crate::{Cursor, LIST_MAX, Order, Part, Query, SpawnRequest};

/// Creates or removes a few agents of `names` below `/root`, none of those that are to stay.
async fn churn(world: &World, random: &mut fastrand::Rng, stay: &BTreeSet<String>) {
    for _ in 0..random.usize(0..4) {
        let path = format!("/root/n{:02}", random.u8(0..60));
        if random.bool() {
            pass(u32::from(random.bool())).await;
            drop(world.system.spawn(vec![SpawnRequest::at(at(&path))]).await);
        } else if !stay.contains(&path) && world.system.show(&at(&path)).await.is_ok() {
            world.system.close(&at(&path), Duration::from_secs(1)).await.unwrap();
            world.system.remove(&at(&path)).await.unwrap();
        }
    }
}

/// Goes through all pages from one end; each row it tells, in the order told.
async fn told(world: &World, order: Order, back: bool, limit: usize, mut between: impl AsyncFnMut()) -> Vec<String> {
    let part = match back {
        true => Part::Before(end_of(world, order).await),
        false => Part::First,
    };
    let mut query = Query { order, part, limit, ..Query::of(at("/root")) };
    let mut told = Vec::new();
    loop {
        let page = world.system.query(&query).await.unwrap();
        let mut rows: Vec<String> = page.rows.iter().map(|view| view.path.to_string()).collect();
        assert!(rows.len() <= limit);
        if back {
            rows.reverse();
        }
        told.extend(rows);
        let Some(cursor) = (if back { page.previous } else { page.next }) else { return told };
        // As it goes through a terminal.
        let cursor = cursor.to_string().parse().unwrap();
        query.part = if back { Part::Before(cursor) } else { Part::After(cursor) };
        between().await;
    }
}

/// A place behind the last row there is now.
async fn end_of(world: &World, order: Order) -> Cursor {
    let page = world.system.query(&Query { order, limit: LIST_MAX, ..Query::of(at("/root")) }).await.unwrap();
    let last = page.rows.last().unwrap();
    let (letter, time) = match order {
        Order::Path => ('p', 0),
        Order::Created => ('c', last.created().unwrap().0),
        Order::Active => ('a', last.active().unwrap().0),
    };
    format!("{letter}b{time:x}.{}", last.path).parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_row_that_stays_is_skipped_or_told_twice() {
    for seed in 0..60 {
        let (world, mut random) = (World::new().await, fastrand::Rng::with_seed(seed));
        // Most of one moment, so that many rows have equal keys.
        for _ in 0..random.usize(1..8) {
            let paths: BTreeSet<u8> = (0..random.usize(1..12)).map(|_| random.u8(0..60)).collect();
            let there = |n: &u8| SpawnRequest { or_existing: true, ..SpawnRequest::at(at(&format!("/root/n{n:02}"))) };
            world.system.spawn(paths.iter().map(there).collect()).await.unwrap();
            pass(u32::from(random.u8(0..4) == 0)).await;
        }
        let order = [Order::Path, Order::Created, Order::Active][random.usize(0..3)];
        let (back, limit) = (random.bool(), random.usize(1..9));
        let rows = world.system.query(&Query { limit: LIST_MAX, ..Query::of(at("/root")) }).await.unwrap().rows;
        let stay: BTreeSet<String> = rows.iter().filter(|_| random.bool()).map(|view| view.path.to_string()).collect();
        let told = told(&world, order, back, limit, async || churn(&world, &mut random, &stay).await).await;
        let mut times = BTreeMap::<&str, usize>::new();
        told.iter().for_each(|path| *times.entry(path).or_default() += 1);
        let missed: Vec<_> = stay.iter().filter(|path| !times.contains_key(path.as_str())).collect();
        let twice: Vec<_> =
            stay.iter().filter(|path| times.get(path.as_str()).is_some_and(|times| *times > 1)).collect();
        assert!(
            missed.is_empty() && twice.is_empty(),
            "seed {seed} {order:?} back {back} {limit}: {missed:?} {twice:?}"
        );
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_came_to_be_empty_leads_back() {
    let world = World::new().await;
    for path in ["/root/a", "/root/b", "/root/c"] {
        world.spawn(path, "echo").await;
    }
    let query = Query { limit: 3, ..Query::of(at("/root")) };
    let first = world.system.query(&query).await.unwrap();
    assert_eq!((first.rows.len(), first.previous), (3, None));
    world.system.close(&at("/root/c"), Duration::from_secs(1)).await.unwrap();
    world.system.remove(&at("/root/c")).await.unwrap();
    let second = Query { part: Part::After(first.next.unwrap()), ..query.clone() };
    let second = world.system.query(&second).await.unwrap();
    assert_eq!((second.rows.len(), second.next), (0, None));
    let again = Query { part: Part::Before(second.previous.unwrap()), ..query };
    assert_eq!(world.system.query(&again).await.unwrap().rows, first.rows);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn of_ten_thousand_a_page_reads_its_own() {
    const AGENTS: usize = 10_000;
    const LIMIT: usize = 50;
    let store = Counting::default();
    let world = World::setting().open_on(Arc::new(store.clone())).await;
    let paths: Vec<String> = (0..AGENTS / 10)
        .flat_map(|n| {
            (0..10).map(move |k| if k == 0 { format!("/root/n{n:04}") } else { format!("/root/n{n:04}/k{k}") })
        })
        .collect();
    for paths in paths.chunks(250) {
        world.system.spawn(paths.iter().map(|path| SpawnRequest::at(at(path))).collect()).await.unwrap();
    }
    let check = async |query: Query, rows: usize, most: usize| {
        let before = store.rows();
        let page = world.system.query(&query).await.unwrap();
        assert_eq!(page.rows.len(), rows, "{query:?}");
        let read = store.rows() - before;
        assert!(read <= most, "{read} reads for {query:?}");
        page
    };
    let plain = Query { limit: LIMIT, ..Query::of(at("/root")) };
    let first = check(plain.clone(), LIMIT, 2 * LIMIT).await;
    let part = Part::After(first.next.unwrap());
    let second = check(Query { part, ..plain.clone() }, LIMIT, 2 * LIMIT).await;
    let part = Part::Before(second.previous.unwrap());
    assert_eq!(check(Query { part, ..plain.clone() }, LIMIT, 2 * LIMIT).await.rows, first.rows);
    // Below each of the first level lie nine that are passed over.
    check(Query { depth: Some(1), ..plain.clone() }, LIMIT, 20 * LIMIT).await;
    check(Query { text: Some("n0000/k".to_owned()), limit: 9, ..plain }, 9, 3 * AGENTS).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_rows_of_a_job_are_passed_over_unread() {
    const ROWS: u32 = 3_000;
    let store = Counting::default();
    let setting = World::setting().brain("report", |_| async { Ok(crate::Response::report("{}".to_owned())) });
    let world = setting.open_on(Arc::new(store.clone())).await;
    for path in ["/root/a", "/root/z"] {
        world.spawn(path, "echo").await;
    }
    world.run_job(Table::of(ROWS).request("report")).await;
    let end = end_of(&world, Order::Path).await;
    for part in [Part::First, Part::Before(end)] {
        let before = store.rows();
        let page = world.system.query(&Query { part, ..Query::of(at("/root")) }).await.unwrap();
        let paths: Vec<&str> = page.rows.iter().map(|view| view.path.as_str()).collect();
        assert_eq!(paths, ["/root", "/root/a", "/root/job", "/root/z"]);
        let read = store.rows() - before;
        assert!(read < 500, "{read} reads");
    }
    world.end().await;
}
