//! A family whose members interrupt each other, while an operator interrupts them too: whatever ends a turn, every message is
//! taken once and in order, and everybody comes to rest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use understory_store::{MemoryBackend, MessageKind, Phase, Sender, Table, TranscriptEntry};

use super::lagging::Lagging;
use super::storm::{long, seed};
use super::world::{LONG, World, at, letter};
use crate::brain::{Response, Turn};
use crate::tools::ToolError;
use crate::{Error, System, Until};

const FAMILY: [&str; 7] =
    ["/root/a", "/root/a/b", "/root/a/b/c", "/root/a/b/d", "/root/a/e", "/root/a/e/f", "/root/a/e/g"];

/// How often what happened.
#[derive(Debug, Default)]
struct Seen {
    by_ancestor: AtomicU64,
    by_operator: AtomicU64,
    refused: AtomicU64,
}

/// Interrupts a few of the family by chance, and then answers, sooner or later.
async fn act(turn: Turn, seen: Arc<Seen>, chance_of: u64) -> Response {
    let mut chance = fastrand::Rng::with_seed(chance_of);
    for _ in 0..chance.u8(..4) {
        let whom = FAMILY[chance.usize(..FAMILY.len())];
        let below = turn.path().contains(&at(whom)) && turn.path() != &at(whom);
        match turn.interrupt(whom, chance.bool()).await {
            Ok(count) => {
                assert!(below, "{} interrupted {whom}", turn.path());
                seen.by_ancestor.fetch_add(count as u64, Ordering::Relaxed);
            }
            Err(ToolError::Refused(Error::NotFound { .. })) => {
                assert!(!below, "{} may interrupt {whom}", turn.path());
                seen.refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
    // Some are at it for so long that somebody meets them.
    for _ in 0..chance.usize(..3) * 2_000 {
        if turn.cancel().is_cancelled() {
            break;
        }
        tokio::task::yield_now().await;
    }
    Response::text("done")
}

/// Sends to the family by chance, with an interrupt or without, and interrupts it besides; gives back what was accepted.
async fn operate(system: System, seen: Arc<Seen>, from: usize, messages: u64) -> BTreeMap<&'static str, Vec<String>> {
    let mut chance = fastrand::Rng::with_seed(seed() + from as u64);
    let mut sent: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for number in 0..messages {
        let to = FAMILY[chance.usize(..FAMILY.len())];
        let letter = letter(to, &format!("{from} {number}"), chance.u8(..4) > 0);
        sent.entry(to).or_default().push(letter.text.clone());
        let interrupted = match chance.u8(..4) {
            0 => u64::from(system.send_interrupting(letter).await.unwrap().1),
            1 => {
                system.send(letter).await.unwrap();
                system.interrupt_subtree(&at(to)).await.unwrap().len() as u64
            }
            _ => system.send(letter).await.map(|_| 0).unwrap(),
        };
        seen.by_operator.fetch_add(interrupted, Ordering::Relaxed);
        for _ in 0..chance.u8(..10) {
            tokio::task::yield_now().await;
        }
    }
    sent
}

/// The messages that operators sent to an agent, as its turns took them, with what lies there still.
async fn taken(world: &World, path: &str) -> Vec<String> {
    let range = Table::Transcript.rows_of(&at(path));
    let rows = world.store().page::<TranscriptEntry>(range, None, understory_store::Direction::Forward, 100_000);
    let taken = rows.await.unwrap().into_iter().filter_map(|row| match row.value {
        TranscriptEntry::Message { message, .. } => Some(message),
        _ => None,
    });
    let said = taken.chain(world.inbox(path).await).filter(|message| message.kind == MessageKind::Said);
    said.filter(|message| message.from == Sender::Operator).map(|message| message.text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_that_interrupts_itself_loses_nothing_and_comes_to_rest() {
    let (seen, turns) = (Arc::new(Seen::default()), Arc::new(AtomicU64::new(seed())));
    let (witness, number) = (seen.clone(), turns.clone());
    let setting = World::setting().limits(|limits| limits.turns = 6).brain("kin", move |turn| {
        let (seen, chance) = (witness.clone(), number.fetch_add(1, Ordering::Relaxed));
        async move { Ok(act(turn, seen, chance).await) }
    });
    // In memory a read is done at once; here everything takes a while, in another order each time.
    let world = setting.open_on(Arc::new(Lagging::new(MemoryBackend::new()))).await;
    for path in FAMILY {
        world.spawn(path, "kin").await;
    }
    world.system.run(&at("/root")).await.unwrap();
    let messages = if long() { 5_000 } else { 150 };
    let operators = (0..3).map(|from| tokio::spawn(operate(world.system.clone(), seen.clone(), from, messages)));
    let sent: Vec<_> = join_all(operators).await.into_iter().map(Result::unwrap).collect();
    let all = FAMILY.map(at);
    tokio::time::timeout(LONG, world.system.wait(&all, Until::All, LONG)).await.expect("it comes to rest").unwrap();
    for path in FAMILY {
        assert_eq!(world.agent(path).await.phase, Phase::IDLE, "{path}, seed {}", seed());
        let taken = taken(&world, path).await;
        for (from, sent) in sent.iter().enumerate() {
            let mine: Vec<_> = taken.iter().filter(|text| text.starts_with(&format!("{from} "))).collect();
            let sent: Vec<_> = sent.get(path).into_iter().flatten().collect();
            assert_eq!(mine, sent, "sender {from} to {path}, seed {}", seed());
        }
        let ends = world.turns(path).await.into_iter().map(|(_, end)| end);
        let wrong: Vec<_> = ends.filter(|end| !end.starts_with("interrupted: ") && end != "completed: done").collect();
        assert!(wrong.is_empty(), "{path}: {wrong:?}, seed {}", seed());
    }
    let happened = [&seen.by_ancestor, &seen.by_operator, &seen.refused].map(|count| count.load(Ordering::Relaxed));
    assert!(happened.iter().all(|count| *count > 10), "{seen:?}");
    world.end().await;
}
