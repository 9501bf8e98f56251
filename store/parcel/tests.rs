mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::archive::Writer;
use crate::error::StoreError;
use crate::records::{
    Agent, AgentId, AgentRef, Card, Creation, InboxKey, Mark, Message, MessageKind, Metadata, Node, Phase, Pointer,
    Sender, Time, Usage,
};
use crate::seam::{COMMIT_BYTES_MAX, KEY_MAX};

fn path(text: &str) -> AgentPath {
    text.parse().unwrap()
}

fn agent(creation: Creation) -> Node {
    Node::Agent(Agent {
        id: AgentId::from_u128(7),
        created_at: Time(1),
        creation,
        role: "worker".to_owned(),
        brain: None,
        nickname: Some("Ann".to_owned()),
        turns: 0,
        phase: Phase::IDLE,
        outcome: None,
        faults: Vec::new(),
        heard: InboxKey::FIRST,
        used: Usage::default(),
    })
}

fn row(key: Key, value: &impl Record) -> ParcelRow {
    ParcelRow { key, value: Verbatim(value.encode()) }
}

fn message(from: &str) -> Message {
    Message {
        to: AgentId::from_u128(7),
        from: Sender::Agent(AgentRef::new(path(from), AgentId::from_u128(9))),
        kind: MessageKind::Said,
        trigger: true,
        text: "see /root/a/b".to_owned(),
        at: Time(2),
        message_id: None,
        metadata: Metadata::default(),
    }
}

/// A subtree of two agents at `/root/a`.
fn subtree(top: &str) -> Vec<ParcelRow> {
    let (top, below) = (path(top), path(&format!("{top}/b")));
    let by = Creation::By { creator: AgentRef::new(top.clone(), AgentId::from_u128(7)), turn: 1 };
    vec![
        row(Table::Node.at(&top), &agent(Creation::Host)),
        row(Table::Node.at(&below), &agent(by)),
        row(Table::Closed.at(&below), &Mark::Closed),
        row(Table::Inbox.below(&below).key(40, 2), &message(top.as_str())),
        row(Table::Inbox.below(&below).key(41, 0), &message("/root/ab")),
        row(Table::Nickname.named(&top, b"ann"), &Pointer(below)),
        row(Table::Card.at(&top), &Card::blank(AgentId::from_u128(7))),
    ]
}

fn written(dir: &Path, name: &str, top: &str, rows: &[ParcelRow]) -> (PathBuf, Parcel) {
    let file = dir.join(name);
    let mut writer = ParcelWriter::create(&file, &path(top)).unwrap();
    writer.rows(rows).unwrap();
    (file.clone(), writer.finish().unwrap())
}

fn read(file: &Path, to: Option<&str>) -> Result<Vec<ParcelRow>, StoreError> {
    let mut reader = ParcelReader::open(file, to.map(path).as_ref(), |_| {})?;
    let mut rows = Vec::new();
    while let Some(more) = reader.take()? {
        rows.extend(more);
    }
    Ok(rows)
}

#[test]
fn what_was_written_is_read() {
    let dir = TempDir::new().unwrap();
    let rows = subtree("/root/a");
    let (file, parcel) = written(dir.path(), "file", "/root/a", &rows);
    assert_eq!((parcel.rows, parcel.newest, parcel.bytes), (7, 41, fs::metadata(&file).unwrap().len()));
    assert_eq!(read(&file, None).unwrap(), rows);
    let reader = ParcelReader::open(&file, None, |_| {}).unwrap();
    assert_eq!((reader.top(), reader.parcel()), (&path("/root/a"), parcel));
    assert_eq!(*reader.node(), agent(Creation::Host));
    // Nothing of when or where it was written is in it.
    let (again, _) = written(dir.path(), "again", "/root/a", &rows);
    assert_eq!(fs::read(file).unwrap(), fs::read(again).unwrap());
}

#[test]
fn rows_of_several_records_are_read_in_order() {
    let dir = TempDir::new().unwrap();
    let mut rows = subtree("/root/a");
    let below = path("/root/a/b");
    let long = || Message { text: "x".repeat(30_000), ..message("/root/a") };
    let more = (50..60).map(|n| row(Table::Inbox.below(&below).key(n, 0), &long()));
    rows.splice(5..5, more);
    let (file, parcel) = written(dir.path(), "file", "/root/a", &rows);
    assert_eq!((parcel.rows, parcel.newest), (17, 59));
    assert_eq!(read(&file, None).unwrap(), rows);
    assert_eq!(ParcelReader::open(&file, None, |_| {}).unwrap().parcel(), parcel);
}

#[test]
fn elsewhere_those_of_the_subtree_are_named_where_they_come_to_be() {
    let dir = TempDir::new().unwrap();
    let (file, _) = written(dir.path(), "file", "/root/a", &subtree("/root/a"));
    assert_eq!(read(&file, Some("/root/x/y")).unwrap(), subtree("/root/x/y"));
    // Back again it is what it was.
    let (moved, _) = written(dir.path(), "moved", "/root/x/y", &subtree("/root/x/y"));
    let back = read(&moved, Some("/root/a")).unwrap();
    let (back, _) = written(dir.path(), "back", "/root/a", &back);
    assert_eq!(fs::read(back).unwrap(), fs::read(file).unwrap());
}

#[test]
fn what_would_lie_too_deep_is_refused() {
    let dir = TempDir::new().unwrap();
    let deep = format!("/root{}", "/x".repeat(31));
    let (file, _) = written(dir.path(), "deep", "/root/a", &subtree("/root/a"));
    let refused = read(&file, Some(&deep)).unwrap_err().to_string();
    assert!(refused.contains("would lie too deep or too long"), "{refused}");
    // Its path is within the bound, and its key is not.
    let mut rows = subtree("/root/a");
    let name = vec![b'n'; KEY_MAX - "/root/a".len() - 2];
    rows[5] = row(Table::Nickname.named(&path("/root/a"), &name), &Pointer(path("/root/a")));
    let (file, _) = written(dir.path(), "long", "/root/a", &rows);
    assert_eq!(read(&file, Some("/root/b")).unwrap().len(), rows.len());
    let refused = read(&file, Some("/root/bb")).unwrap_err().to_string();
    assert!(refused.ends_with("is too long"), "{refused}");
}

#[test]
fn a_file_that_holds_what_no_subtree_has_is_refused() {
    let dir = TempDir::new().unwrap();
    let top = path("/root/a");
    let refused = |what: &str, change: &dyn Fn(&mut Vec<ParcelRow>)| {
        let mut rows = subtree("/root/a");
        change(&mut rows);
        let (file, _) = written(dir.path(), what, "/root/a", &rows);
        let error = read(&file, None).unwrap_err();
        assert!(matches!(error, StoreError::FileDamaged { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.ends_with(what.trim_end()), "{error}");
    };
    refused("is of no table whose rows travel", &|rows| {
        rows.push(row(Table::Credential.at(&top), &"a token".to_owned()));
    });
    refused("is of no table whose rows travel ", &|rows| {
        rows.push(row(Key::new(&b"\xf0/root/a"[..]), &"x".to_owned()));
    });
    refused("is not of the subtree", &|rows| rows.push(row(Table::Card.at(&path("/root/ab")), &0_u64)));
    refused("is too long", &|rows| rows[3].value.0 = vec![b' '; COMMIT_BYTES_MAX]);
    refused("is too long ", &|rows| rows[5].key = Table::Nickname.named(&top, &[b'n'; KEY_MAX]));
    refused("is not in its place", &|rows| rows.swap(3, 4));
    refused("is not in its place ", &|rows| drop(rows.remove(0)));
    refused("is not in its place  ", &|rows| {
        rows.insert(2, row(Table::Node.at(&path("/root/a/c/d")), &agent(Creation::Host)));
    });
    refused("marks what is not there for good", &|rows| rows[2] = row(rows[2].key.clone(), &Mark::Removing));
    refused("marks what is not there for good ", &|rows| {
        rows.insert(2, row(Table::Closed.at(&top), &Mark::Closed));
    });
    refused("its records are not those of a subtree", &Vec::clear);
    let (file, _) = written(dir.path(), "message", "/root/a", &{
        let mut rows = subtree("/root/a");
        rows[3].value.0.truncate(5);
        rows
    });
    assert!(read(&file, None).unwrap_err().to_string().contains(r"\x02 cannot be read: "));
}

#[test]
fn a_file_whose_end_tells_of_other_rows_is_refused() {
    let dir = TempDir::new().unwrap();
    let tail = |rows: u64, newest: u64| [rows, newest].map(u64::to_be_bytes).concat();
    // The record of the one row of a subtree.
    let rows = || {
        let ParcelRow { key, value } = subtree("/root/a").remove(0);
        let lengths = [&(key.as_bytes().len() as u16).to_be_bytes()[..], &(value.0.len() as u32).to_be_bytes()];
        [&lengths.concat()[..], key.as_bytes(), &value.0].concat()
    };
    for (name, records) in [
        ("empty", vec![]),
        ("no top", vec![(b't', vec![0; 16])]),
        ("no rows", vec![(b's', b"/root/a".to_vec()), (b't', vec![0; 16])]),
        ("bad top", vec![(b's', b"root".to_vec()), (b't', vec![0; 16])]),
        ("half a row", vec![(b's', b"/root/a".to_vec()), (b'v', vec![0, 9, 1])]),
        ("another tag", vec![(b's', b"/root/a".to_vec()), (b'w', vec![])]),
        ("one row more", vec![(b's', b"/root/a".to_vec()), (b'v', rows()), (b't', tail(2, 0))]),
        ("another commit", vec![(b's', b"/root/a".to_vec()), (b'v', rows()), (b't', tail(1, 7))]),
    ] {
        let file = dir.path().join(name);
        let mut writer = Writer::create(&file, "subtree").unwrap();
        for (tag, record) in &records {
            writer.record(*tag, record).unwrap();
        }
        writer.finish().unwrap();
        let refused = read(&file, None).unwrap_err().to_string();
        assert!(refused.ends_with("its records are not those of a subtree"), "{name}: {refused}");
    }
}
