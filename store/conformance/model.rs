//! Random commits against a map.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use futures::future::join_all;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRng, TestRunner};

use super::Kind;
use crate::error::CommitError;
use crate::seam::{Backend, Change, Commit, Direction, Entry, Expect, Key, KeyRange, Prefix, Version, Write};

/// An expectation before it is known what is there.
#[derive(Clone, Debug)]
enum Demand {
    Absent,
    Present,
    AsIs,
    At(Version),
    HoldsStill,
    Holds(Bytes),
}

#[derive(Clone, Debug)]
struct Attempt {
    demands: Vec<(Key, Demand)>,
    writes: Vec<Write>,
    events: Vec<Bytes>,
    above: Version,
}

#[derive(Default)]
struct Model {
    rows: BTreeMap<Key, (Bytes, Version)>,
    last: Version,
    changes: Vec<Change>,
}

impl Model {
    fn version(&self, key: &Key) -> Option<Version> {
        self.rows.get(key).map(|(_, version)| *version)
    }

    fn commit(&mut self, commit: Commit) -> Result<Version, (Key, Option<Version>)> {
        for expect in &commit.expects {
            let found = self.version(expect.key());
            let payload = self.rows.get(expect.key()).map(|(payload, _)| payload);
            let holds = match expect {
                Expect::Absent(_) => found.is_none(),
                Expect::Present(_) => found.is_some(),
                Expect::At(_, version) => found == Some(*version),
                Expect::Holds(_, held) => payload == Some(held),
            };
            if !holds {
                return Err((expect.key().clone(), found));
            }
        }
        self.last = self.last.max(commit.above) + 1;
        for (n, write) in commit.writes.into_iter().enumerate() {
            match write {
                Write::Put(key, payload) => drop(self.rows.insert(key, (payload, self.last))),
                Write::Delete(key) => drop(self.rows.remove(&key)),
                Write::Append(prefix, payload) => {
                    let mut key = prefix.as_bytes().to_vec();
                    key.push(0);
                    key.extend(self.last.to_be_bytes());
                    key.extend((n as u16).to_be_bytes());
                    self.rows.insert(Key::new(key), (payload, self.last));
                }
            }
        }
        if !commit.events.is_empty() {
            self.changes.push(Change { version: self.last, events: commit.events });
        }
        Ok(self.last)
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |(key, (payload, version)): (&Key, &(Bytes, Version))| Entry {
            key: key.clone(),
            payload: payload.clone(),
            version: *version,
        };
        self.rows.iter().map(entry).collect()
    }
}

fn key() -> impl Strategy<Value = Key> {
    prop::collection::vec(select(vec![0x01, 0x0d, 0x0f, b'a', 0xff]), 1..3).prop_map(Key::new)
}

/// Short and of few letters often, so that two rows happen to hold the same.
fn payload() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        prop::collection::vec(select(vec![b'x', b'y']), 0..2).prop_map(Bytes::from),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from),
    ]
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let demand = prop_oneof![
        1 => Just(Demand::Absent),
        1 => Just(Demand::Present),
        3 => Just(Demand::AsIs),
        1 => (0..30u64).prop_map(Demand::At),
        2 => Just(Demand::HoldsStill),
        1 => payload().prop_map(Demand::Holds),
    ];
    let write = prop_oneof![
        3 => (key(), payload()).prop_map(|(key, payload)| Write::Put(key, payload)),
        2 => key().prop_map(Write::Delete),
        1 => (key(), payload()).prop_map(|(key, payload)| Write::Append(Prefix::new(key.as_bytes().to_vec()), payload)),
    ];
    (
        prop::collection::vec((key(), demand), 0..3),
        prop::collection::vec(write, 0..4),
        prop::collection::vec(payload(), 0..3),
        prop_oneof![9 => Just(0), 1 => 0..200_u64],
    )
        .prop_map(|(demands, writes, events, above)| Attempt { demands, writes, events, above })
}

async fn check(kind: Kind, groups: Vec<Vec<Attempt>>) -> Result<(), TestCaseError> {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    let mut model = Model::default();
    for group in groups {
        let commits: Vec<Commit> = group.into_iter().map(|attempt| commit(&model, attempt)).collect();
        // Polled first to last, so that they are asked for in this order, and decided together where that is done.
        let answers = join_all(commits.iter().map(|commit| backend.commit(commit.clone()))).await;
        for (commit, answer) in commits.into_iter().zip(answers) {
            let answer = match answer {
                Ok(version) => Ok(version),
                Err(CommitError::Conflict { key, found }) => Err((key, found)),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            prop_assert_eq!(answer, model.commit(commit));
        }
        compare(backend, &model).await?;
    }
    Ok(())
}

fn commit(model: &Model, attempt: Attempt) -> Commit {
    let expect = |(key, demand): (Key, Demand)| match (demand, model.rows.get(&key)) {
        (Demand::Absent, _) | (Demand::AsIs | Demand::HoldsStill, None) => Expect::Absent(key),
        (Demand::Present, _) => Expect::Present(key),
        (Demand::AsIs, Some((_, version))) => Expect::At(key, *version),
        (Demand::At(version), _) => Expect::At(key, version),
        (Demand::HoldsStill, Some((payload, _))) => Expect::Holds(key, payload.clone()),
        (Demand::Holds(payload), _) => Expect::Holds(key, payload),
    };
    let expects = attempt.demands.into_iter().map(expect).collect();
    Commit { expects, writes: attempt.writes, events: attempt.events, above: attempt.above }
}

async fn compare(backend: &dyn Backend, model: &Model) -> Result<(), TestCaseError> {
    let all = || KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    let mut expected = model.entries();
    let forward = backend.scan(all(), None, Direction::Forward, 1000).await.unwrap();
    prop_assert_eq!((&forward.rows, forward.through), (&expected, model.last));
    let keys = expected.iter().map(|entry| entry.key.clone()).collect();
    let got: Vec<Entry> = backend.get(keys).await.unwrap().rows.into_iter().flatten().collect();
    prop_assert_eq!(&got, &expected);
    expected.reverse();
    let backward = backend.scan(all(), None, Direction::Backward, 1000).await.unwrap().rows;
    prop_assert_eq!(backward, expected);
    prop_assert_eq!(backend.last(), model.last);
    let changes = backend.changes(0, 1000).await.unwrap();
    prop_assert_eq!((&changes.changes, changes.through), (&model.changes, model.last));
    Ok(())
}

fn run(kind: Kind, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    let groups = prop::collection::vec(prop::collection::vec(attempt(), 1..6), 1..12);
    let random = TestRng::deterministic_rng(config.rng_algorithm);
    TestRunner::new_with_rng(config, random)
        .run(&groups, |groups| runtime.block_on(check(kind, groups)))
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn memory_is_a_map() {
    run(Kind::Memory, 256);
}

#[test]
fn sled_is_a_map() {
    run(Kind::Sled, 48);
}
