//! What memories, their uses and marks make of what befalls them, and their bytes.

use std::collections::BTreeSet;

use super::*;

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

fn path(text: &str) -> AgentPath {
    text.parse().unwrap()
}

fn memory(scope: Scope) -> Memory {
    Memory {
        of: AgentId::from_u128(7),
        scope,
        text: "t".to_owned(),
        tags: BTreeSet::from(["ci".to_owned()]),
        author: Some(AgentRef::new(path("/root/a"), AgentId::from_u128(7))),
        turn: Some(3),
        commit: Some("c".to_owned()),
        at: NOW,
        tainted: false,
        edited_at: None,
    }
}

fn used() -> MemoryUse {
    MemoryUse { uses: 2, used_at: LATER, by: AgentId::from_u128(7), turn: Some(3) }
}

/// A line that changes here is a store of a released build that cannot be read any more: append an arm instead.
#[test]
fn bytes_of_what_is_noted() {
    let taint = Taint { of: AgentId::from_u128(7), reason: "r".to_owned(), at: NOW, turn: None };
    let samples = [
        ("memory", memory(Scope::Agent).encode()),
        ("memory, subtree", memory(Scope::Subtree).encode()),
        ("memory, role", memory(Scope::Role("r".to_owned())).encode()),
        ("memory, tree, edited", memory(Scope::Tree).edit("u".to_owned(), BTreeSet::new(), true, LATER).encode()),
        ("use", used().encode()),
        ("taint", taint.encode()),
    ];
    for (name, bytes) in &samples[..4] {
        assert_eq!(Memory::decode(bytes).unwrap().encode(), *bytes, "{name}");
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<String> = samples.iter().map(|(name, bytes)| format!("{name}: {}", hex(bytes))).collect();
    assert_snapshot!(lines.join("\n"), @"
    memory: 0010000000000000000000000000000000070001740102636901072f726f6f742f6110000000000000000000000000000000070103010163e8070000
    memory, subtree: 0010000000000000000000000000000000070101740102636901072f726f6f742f6110000000000000000000000000000000070103010163e8070000
    memory, role: 00100000000000000000000000000000000702017201740102636901072f726f6f742f6110000000000000000000000000000000070103010163e8070000
    memory, tree, edited: 0010000000000000000000000000000000070301750001072f726f6f742f6110000000000000000000000000000000070103010163e8070101d00f
    use: 0002d00f10000000000000000000000000000000070103
    taint: 0010000000000000000000000000000000070172e80700
    ");
}

#[test]
fn who_sees_a_memory_is_its_scope_and_place() {
    let whos = ["/root", "/root/a", "/root/a/b", "/root/ab", "/root/z"];
    let mut drawn = String::new();
    for scope in [Scope::Agent, Scope::Subtree, Scope::Role("tester".to_owned()), Scope::Tree] {
        let place = scope.place(&path("/root/a"));
        let seen = |role| {
            let sees = whos.iter().filter(|who| scope.reaches(&place, &path(who), role));
            sees.copied().collect::<Vec<_>>().join(" ")
        };
        let (word, shared, testers, others) =
            (scope.as_str(), scope.is_shared(), seen(Some("tester")), seen(Some("default")));
        writeln!(drawn, "{word} at {place}, shared {shared}: testers {testers:?}, others {others:?}").unwrap();
    }
    assert_snapshot!(drawn, @r#"
    agent at /root/a, shared false: testers "/root/a", others "/root/a"
    subtree at /root/a, shared false: testers "/root/a /root/a/b", others "/root/a /root/a/b"
    role at /root, shared true: testers "/root /root/a /root/a/b /root/ab /root/z", others ""
    tree at /root, shared true: testers "/root /root/a /root/a/b /root/ab /root/z", others "/root /root/a /root/a/b /root/ab /root/z"
    "#);
}

#[test]
fn who_may_change_a_memory_wrote_it_or_stands_above_who_did() {
    let root = AgentPath::root();
    let me = |text: &str, id| AgentRef::new(path(text), AgentId::from_u128(id));
    let note = memory(Scope::Tree);
    assert!(note.is_of(&root, &me("/root/a", 7)));
    assert!(!note.is_of(&root, &me("/root/a", 8)), "a newcomer at the path is another");
    assert!(!note.is_of(&root, &me("/root/a/b", 9)) && !note.is_of(&root, &me("/root/ab", 9)));
    assert!(note.is_of(&root, &me("/root", 1)), "one above the author");
    let given = Memory { author: None, ..memory(Scope::Subtree) };
    assert!(!given.is_of(&path("/root/a"), &me("/root/a", 7)), "a host wrote it");
    assert!(given.is_of(&path("/root/a/b"), &me("/root/a", 7)), "it lies below");
}

#[test]
fn a_use_is_counted_once_a_turn() {
    let (me, other) = (AgentId::from_u128(7), AgentId::from_u128(8));
    let states = [
        ("never used", None),
        ("used twice, in turn 3", Some(used())),
        ("used twice, at no turn", Some(MemoryUse { turn: None, ..used() })),
        ("used without number", Some(MemoryUse { uses: u64::MAX, ..used() })),
    ];
    let again = |by, turn| {
        move |before: &Option<MemoryUse>| match MemoryUse::again(before.as_ref(), by, turn, Time(3_000)) {
            None => "is counted already".to_owned(),
            Some(MemoryUse { uses, used_at, by, turn }) => {
                let by = if by == me { "me" } else { "another" };
                format!("{uses} uses, last at {} by {by}, turn {turn:?}", used_at.0)
            }
        }
    };
    let drawn = table(
        &states,
        &[
            ("in turn 3", &again(me, Some(3))),
            ("in turn 4", &again(me, Some(4))),
            ("at no turn", &again(me, None)),
            ("in another's turn 3", &again(other, Some(3))),
            ("by another at no turn", &again(other, None)),
        ],
    );
    assert_snapshot!(drawn);
}

#[test]
fn the_most_used_come_first_then_the_latest_then_the_newest() {
    let note = memory(Scope::Tree);
    let rank = |id, uses: u64, last: u64| {
        let used = MemoryUse { uses, used_at: Time(last), ..used() };
        note.rank(MemoryId::from_u128(id), (uses > 0).then_some(&used))
    };
    let edited = note.edit("u".to_owned(), BTreeSet::new(), false, Time(70)).rank(MemoryId::from_u128(9), None);
    let mut ranks = [rank(1, 0, 0), rank(2, 0, 0), rank(3, 1, 50), rank(4, 1, 60), rank(5, 2, 10), edited];
    ranks.sort();
    let order: Vec<String> = ranks.iter().map(|rank| rank.id.to_string()[35..].to_owned()).collect();
    assert_eq!(order, ["5", "4", "3", "2", "1", "9"]);
    assert_eq!((edited.last, rank(1, 0, 0).last, rank(3, 1, 50).last), (Time(70), NOW, Time(50)));
}

#[test]
fn what_was_neither_used_nor_written_for_long_is_unused() {
    let note = memory(Scope::Tree);
    let id = MemoryId::from_u128(1);
    let unused = |used: Option<&MemoryUse>, now| note.rank(id, used).is_unused(DAY, now);
    assert!(!unused(None, NOW.after(DAY)));
    assert!(unused(None, Time(NOW.after(DAY).0 + 1)));
    assert!(!unused(Some(&used()), Time(NOW.after(DAY).0 + 1)));
    assert!(unused(Some(&used()), Time(LATER.after(DAY).0 + 1)), "a use long ago keeps nothing");
}

#[test]
fn the_mark_of_a_memory() {
    let note = memory(Scope::Subtree);
    let edited = note.edit("u".to_owned(), BTreeSet::new(), false, LATER);
    let states = [
        ("unmarked", note.clone()),
        ("marked", Memory { tainted: true, ..note.clone() }),
        ("unmarked, edited", edited.clone()),
        ("marked, edited", Memory { tainted: true, ..edited }),
    ];
    let edit = |tainted| {
        let (from, tags) =
            ((note.author.clone(), note.turn, note.commit.clone(), note.at), BTreeSet::from(["n".to_owned()]));
        move |note: &Memory| {
            let next = note.edit("v".to_owned(), tags.clone(), tainted, Time(3_000));
            let mark = if next.tainted { "marked" } else { "unmarked" };
            let whose = if (next.author.clone(), next.turn, next.commit.clone(), next.at) == from {
                "before"
            } else {
                "another"
            };
            let (text, tags, at) = (&next.text, &next.tags, next.written_at().0);
            format!("{mark}, {text:?} {tags:?}, written at {at}, from as {whose}")
        }
    };
    let drawn = table(&states, &[("edited by one unmarked", &edit(false)), ("edited by one marked", &edit(true))]);
    assert_snapshot!(drawn);
}

#[test]
fn an_id_is_read_back_from_its_text_and_its_keys() {
    let id = MemoryId::new();
    assert_eq!(id.to_string().parse::<MemoryId>().unwrap(), id);
    assert_eq!(format!("{id:?}"), id.to_string());
    for key in [crate::keys::memory(&path("/root/a"), id), crate::keys::memory_use(&path("/root/a"), id)] {
        assert_eq!(crate::keys::memory_id(&key), Some(id));
    }
    assert_eq!(crate::keys::memory_id(&crate::Table::Memory.at(&path("/root/a/long/enough/to/hold/one"))), None);
    assert!(MemoryId::from_u128(1) < MemoryId::from_u128(2) && "x".parse::<MemoryId>().is_err());
}
