//! Each table: whether its rows travel, and whom they name where they come to lie.

use std::collections::BTreeSet;

use super::*;
use crate::keys;
use crate::records::{
    Below, BrainChoice, BrainSettings, Charge, DeadLetter, Digest, Directory, Drive, Goal, GoalId, GoalRef, Grant,
    ImportRuns, ImportState, ImportedThread, Job, JobLimits, JobSpec, Keep, Memory, MemoryId, MemoryUse, Objective,
    OutputFormat, Plan, PlanJob, PlanNode, RowColumns, Scope, Session, Share, Shortlist, TableFormat, Taint,
    TranscriptEntry, Work,
};

fn id() -> AgentId {
    AgentId::from_u128(7)
}

fn named(place: &str) -> AgentRef {
    AgentRef::new(path(place), id())
}

fn goal(source: Option<GoalRef>) -> Goal {
    Goal {
        id: GoalId::from_u128(3),
        ..Goal::new(id(), Objective::new("see /root/a/b").unwrap(), Some(9), source, Time(1))
    }
}

fn source(place: &str) -> Option<GoalRef> {
    Some(GoalRef { path: path(place), id: GoalId::from_u128(4) })
}

fn memory(author: Option<AgentRef>) -> Memory {
    Memory {
        of: id(),
        scope: Scope::Subtree,
        text: "ask /root/a/b".to_owned(),
        tags: BTreeSet::new(),
        author,
        turn: Some(1),
        commit: None,
        at: Time(1),
        tainted: false,
        edited_at: None,
    }
}

fn plan_node(owner: &str) -> PlanNode {
    let blank = PlanNode::new("t".to_owned(), "for /root/a/b".to_owned(), vec![1], Time(1));
    PlanNode { owner: Some(named(owner)), ..blank }
}

fn thread(agent: &str) -> ImportState {
    ImportState::Thread(ImportedThread {
        name: "t".to_owned(),
        agent: named(agent),
        file: "sessions/t".to_owned(),
        bytes: 3,
        sha256: [7; 32],
        entries: 1,
        used: Usage::default(),
        title: None,
    })
}

fn digest() -> Digest {
    Digest {
        of: id(),
        at: Time(1),
        status: "idle".to_owned(),
        goal: None,
        work: Work::default(),
        used: Usage::default(),
        children: Shortlist::default(),
        below: Below::default(),
        commits: Shortlist::default(),
        plan: None,
        summary: None,
    }
}

fn grant() -> Grant {
    Grant {
        instructions: Some("see /root/a/b".to_owned()),
        restart: "never".to_owned(),
        faults: 1,
        within_ms: 2,
        hidden: Vec::new(),
        agents: None,
        depth: None,
        isolated: false,
        wake_on_result: false,
    }
}

fn spec() -> JobSpec {
    JobSpec {
        input: "/table.csv".to_owned(),
        format: TableFormat::Csv,
        bytes: 9,
        sha256: [7; 32],
        rows: 1,
        headers: vec!["id".to_owned()],
        id_column: None,
        template: Some("see /root/a/b".to_owned()),
        brain: Some(BrainChoice { name: "echo".to_owned(), settings: String::new() }),
        role: "default".to_owned(),
        columns: RowColumns::default(),
        schema: None,
        output: "/out.csv".to_owned(),
        output_format: OutputFormat::default(),
        keep: Keep::None,
        attempts: 1,
        timeout_ms: 1,
        fingerprint: [7; 32],
    }
}

/// Rows of a table at `/root/a/b` of the subtree `/root/a`, as they are once that lies at `top`; nothing, if they stay.
fn rows_of(table: Table, top: &str) -> Option<Vec<ParcelRow>> {
    let (place, kid) = (path(&format!("{top}/b")), format!("{top}/b/c"));
    let (kid, outside) = (kid.as_str(), "/root/other");
    let at = |value: &dyn Fn() -> Vec<u8>| ParcelRow { key: table.at(&place), value: Verbatim(value()) };
    let called = |name: &[u8], value: Vec<u8>| ParcelRow { key: table.named(&place, name), value: Verbatim(value) };
    let appended = |n, value: Vec<u8>| ParcelRow { key: table.below(&place).key(n, 0), value: Verbatim(value) };
    let said = |message| TranscriptEntry::Message { turn: 1, message };
    Some(match table {
        Table::Node => {
            let by = Creation::By { creator: named(top), turn: 1 };
            let job = Node::Job(Job::new(id(), Time(1), JobLimits::default()));
            let below = ParcelRow { key: table.at(&path(kid)), value: Verbatim(job.encode()) };
            vec![at(&|| agent(by.clone()).encode()), below]
        }
        Table::Inbox => vec![appended(1, message(kid).encode()), appended(2, message(outside).encode())],
        Table::Transcript => {
            vec![appended(1, said(message(kid)).encode()), appended(2, said(message(outside)).encode())]
        }
        Table::Dead => {
            let letter = |from| DeadLetter { message: message(from), error: "no".to_owned(), at: Time(1) };
            vec![appended(1, letter(kid).encode()), appended(2, letter(outside).encode())]
        }
        Table::Nickname | Table::Fingerprint => vec![called(b"n", Pointer(path(kid)).encode())],
        Table::Goal => vec![at(&|| goal(source(top)).encode())],
        Table::Charge => {
            let charge =
                |source| Charge { goal: GoalId::from_u128(3), tokens: 5, share: Share::Whole, source }.encode();
            vec![appended(1, charge(source(top))), appended(2, charge(None))]
        }
        Table::Memory => {
            let by = |author| memory(author).encode();
            let rows = [(1, by(Some(named(kid)))), (2, by(Some(named(outside)))), (3, by(None))];
            let key = |id| keys::memory(&place, MemoryId::from_u128(id));
            rows.map(|(id, value)| ParcelRow { key: key(id), value: Verbatim(value) }).into()
        }
        Table::ImportState => {
            vec![called(b"", ImportState::Runs(ImportRuns::default()).encode()), called(b"tt", thread(kid).encode())]
        }
        Table::Plan => {
            let jobs = vec![PlanJob { job: named(kid), nodes: vec![1] }];
            vec![at(&|| Plan { jobs: jobs.clone(), ..Plan::new(id()) }.encode())]
        }
        Table::PlanNode => vec![
            ParcelRow { key: keys::plan_node(&place, 1), value: Verbatim(plan_node(kid).encode()) },
            ParcelRow { key: keys::plan_node(&place, 2), value: Verbatim(plan_node(outside).encode()) },
        ],
        Table::Closed => vec![at(&|| Mark::Closed.encode())],
        Table::Count => vec![at(&|| 3_u64.encode())],
        Table::ItemId | Table::Seen => vec![called(b"k1", 3_u64.encode())],
        Table::Row | Table::Result => vec![at(&|| "of /root/a/b".to_owned().encode())],
        Table::Unfinished => vec![at(&|| ().encode())],
        Table::Grant => vec![at(&|| grant().encode())],
        Table::Card => vec![at(&|| Card::blank(id()).encode())],
        Table::Session => {
            let session = Session { of: id(), failures: 0, name: "s".to_owned(), at: Time(1) };
            vec![at(&|| session.encode())]
        }
        Table::BrainSettings => {
            let (model, effort) = (Some("m".to_owned()), None);
            vec![at(&|| {
                BrainSettings { of: id(), failures: 0, model: model.clone(), effort: effort.clone(), at: Time(1) }
                    .encode()
            })]
        }
        Table::Directory => vec![at(&|| Directory::new(id(), "/repo".to_owned(), None, Time(1)).encode())],
        Table::Drive => vec![at(&|| Drive::of(&goal(None)).encode())],
        Table::MemoryUse => {
            let used = MemoryUse { uses: 1, used_at: Time(1), by: id(), turn: None }.encode();
            vec![ParcelRow { key: keys::memory_use(&place, MemoryId::from_u128(1)), value: Verbatim(used) }]
        }
        Table::Taint => {
            let taint = Taint { of: id(), reason: "the web".to_owned(), at: Time(1), turn: None };
            vec![at(&|| taint.encode())]
        }
        Table::Digest => vec![at(&|| digest().encode())],
        Table::Spec => vec![at(&|| spec().encode())],
        Table::Chunk | Table::Tombstone | Table::Burial | Table::Credential | Table::Reopened => return None,
    })
}

#[test]
fn how_many_are_open_and_the_newest_commit_are_read_off_the_rows() {
    let dir = TempDir::new().unwrap();
    let top = path("/root/a");
    let mut rows = subtree("/root/a");
    rows.push(row(Table::Count.at(&top), &5_u64));
    // No numbers of commits: a name of ten bytes, and an id whose first bytes look like one.
    rows.push(row(Table::Nickname.named(&top, b"annabelle1"), &Pointer(top.clone())));
    rows.push(row(keys::memory(&top, MemoryId::from_u128(99 << 64)), &memory(None)));
    rows.sort_by(|one, other| one.key.cmp(&other.key));
    let (file, parcel) = written(dir.path(), "file", "/root/a", &rows);
    let reader = ParcelReader::open(&file, None, |_| {}).unwrap();
    assert_eq!((reader.open_below(), parcel.newest, reader.parcel()), (5, 41, parcel));
}

#[test]
fn the_rows_of_every_table_name_those_of_the_subtree_where_they_come_to_be() {
    let dir = TempDir::new().unwrap();
    for table in Table::ALL {
        let rows = |top| {
            let first = row(Table::Node.at(&path(top)), &agent(Creation::Host));
            rows_of(table, top).map(|more| std::iter::once(first).chain(more).collect::<Vec<_>>())
        };
        assert_eq!(rows("/root/a").is_some(), travels(table), "{table:?}");
        let Some(there) = rows("/root/a") else { continue };
        let (file, _) = written(dir.path(), &format!("{table:?}"), "/root/a", &there);
        assert_eq!(read(&file, None).unwrap(), there, "{table:?}");
        assert_eq!(read(&file, Some("/root/x/y")).unwrap(), rows("/root/x/y").unwrap(), "{table:?}");
        // What is no record of the table is found before anything is taken.
        let mut cut = there;
        let last = cut.last_mut().unwrap();
        last.value.0.truncate(last.value.0.len().saturating_sub(1));
        last.value.0.insert(0, 0xff);
        let (file, _) = written(dir.path(), &format!("{table:?} cut"), "/root/a", &cut);
        let refused = read(&file, None).unwrap_err().to_string();
        assert!(refused.contains(" cannot be read: ") && refused.contains("/root/a/b"), "{table:?}: {refused}");
    }
}

#[test]
fn a_budget_from_a_goal_outside_is_refused() {
    let dir = TempDir::new().unwrap();
    for (name, above) in [("above", "/root"), ("beside", "/root/ab")] {
        let mut rows = subtree("/root/a");
        rows.push(row(Table::Goal.at(&path("/root/a/b")), &goal(source(above))));
        let (file, _) = written(dir.path(), name, "/root/a", &rows);
        let refused = read(&file, None).unwrap_err().to_string();
        assert!(refused.ends_with("/root/a/b has its budget from a goal that is not of the subtree"), "{refused}");
    }
}

#[test]
fn a_goal_that_is_cut_loose_has_used_what_its_log_says() {
    let charge = |of, tokens, share| Charge { goal: GoalId::from_u128(of), tokens, share, source: source("/root") };
    let before = Goal { own: 2, shared: 1, ..goal(source("/root")) };
    let log = [charge(3, 4, Share::Whole), charge(3, 1, Share::Below), charge(8, 100, Share::Whole)];
    let loose = before.cut_loose(&log, 0);
    assert_eq!((loose.own, loose.below, loose.shared, loose.source.clone()), (6, 1, 7, None));
    assert_eq!((loose.hold(loose.used()), loose.updated_at), (2, before.updated_at), "what is left of nine");
    assert_eq!(loose.cut_loose(&[], 0), loose);
    let parent = before.cut_loose(&log, 1);
    assert_eq!((parent.own, parent.below, parent.shared), (6, 2, 8), "what goals below used is counted, too");
    assert_eq!(parent.hold(parent.used()), 1);
    assert_eq!(before.cut_loose(&[charge(3, 7, Share::Whole)], 0).status.as_str(), "budget_limited");
}
