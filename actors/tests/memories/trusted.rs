//! Marks of those who read what nobody vouches for, and secrets that are taken out.

use understory_store::{Scope, Table, Taint, TranscriptEntry};

use super::{below, texts};
use crate::brain::{Response, Turn};
use crate::tests::conformance::hand;
use crate::tests::world::{LONG, Setting, World, at};
use crate::{Error, MemoryEdit, MemoryKey, MemoryQuery, Role, Shares, SpawnRequest, TAINT_MAX};

fn setting() -> Setting {
    let hand = || Role::with_brain("hand", "");
    hand_roles(
        super::super::conformance::hand(),
        [
            ("open", hand().sharing(Shares::Always)),
            ("silent", hand().sharing(Shares::Never)),
            ("reader", hand().untrusted()),
            ("bold", hand().untrusted().sharing(Shares::Always)),
            ("kept", hand().isolated()),
        ],
    )
}

fn hand_roles<const N: usize>(setting: Setting, roles: [(&str, Role); N]) -> Setting {
    roles.into_iter().fold(setting, |setting, (name, role)| setting.role(name, role))
}

impl World {
    async fn spawn_as(&self, path: &str, role: &str) {
        let request = SpawnRequest { role: Some(role.to_owned()), ..SpawnRequest::at(at(path)) };
        self.system.spawn(vec![request]).await.unwrap();
    }
}

const TREE: &str = r#"remember {"text":"for all","scope":"tree"}"#;
const OWN: &str = r#"remember {"text":"for below","scope":"subtree"}"#;

#[tokio::test(start_paused = true)]
async fn who_writes_for_others_is_said_by_the_role_and_the_mark() {
    let world = setting().open().await;
    let mut drawn = Vec::new();
    for role in ["hand", "open", "silent", "reader", "bold", "kept"] {
        let path = format!("/root/{role}");
        world.spawn_as(&path, role).await;
        for marked in [false, true] {
            if marked {
                assert!(world.system.mark_untrusted(&at(&path), "a page").await.unwrap());
            }
            let answers = world.calls(&path, &[TREE, OWN]).await;
            let said: Vec<String> = answers
                .lines()
                .map(|line| match line.strip_prefix(r#"{"memory":""#) {
                    Some(rest) => rest.split('"').next().unwrap().to_owned(),
                    None => line.to_owned(),
                })
                .collect();
            for said in said {
                let Ok(key) = said.parse::<MemoryKey>() else {
                    drawn.push(format!("{role}, marked {marked}: {said}"));
                    continue;
                };
                let one = world.system.memory(&key).await.unwrap().memory;
                drawn.push(format!("{role}, marked {marked}: {} tainted {}", one.text, one.tainted));
            }
        }
    }
    insta::assert_snapshot!(drawn.join("\n"), @"
    hand, marked false: for all tainted false
    hand, marked false: for below tainted false
    hand, marked true: /root/hand may not write memories for others: /root/hand has read what nobody vouches for: a page
    hand, marked true: for below tainted true
    open, marked false: for all tainted false
    open, marked false: for below tainted false
    open, marked true: for all tainted true
    open, marked true: for below tainted true
    silent, marked false: /root/silent may not write memories for others: agents of the role silent write for themselves and those below them
    silent, marked false: for below tainted false
    silent, marked true: /root/silent may not write memories for others: agents of the role silent write for themselves and those below them
    silent, marked true: for below tainted true
    reader, marked false: /root/reader may not write memories for others: agents of the role reader read what nobody vouches for
    reader, marked false: for below tainted true
    reader, marked true: /root/reader may not write memories for others: /root/reader has read what nobody vouches for: a page
    reader, marked true: for below tainted true
    bold, marked false: for all tainted true
    bold, marked false: for below tainted true
    bold, marked true: for all tainted true
    bold, marked true: for below tainted true
    kept, marked false: /root/kept may not write memories for others: it is isolated
    kept, marked false: for below tainted false
    kept, marked true: /root/kept may not write memories for others: it is isolated
    kept, marked true: for below tainted true
    ");
    world.end().await;
}

/// Nobody gets rid of a mark by having a child write, and a mark is no other agent's.
#[tokio::test(start_paused = true)]
async fn a_mark_holds_for_those_below_until_an_operator_clears_it() {
    let world = hand().open().await;
    for path in ["/root/a", "/root/a/b", "/root/z"] {
        world.spawn(path, "hand").await;
    }
    let mark = r#"mark_untrusted {"reason":"a page"}"#;
    assert_eq!(
        world.calls("/root/a", &[mark, mark]).await,
        "{\"marked\":true,\"new\":true}\n{\"marked\":true,\"new\":false}"
    );
    let refused = "may not write memories for others: /root/a has read what nobody vouches for: a page";
    assert_eq!(world.calls("/root/a", &[TREE]).await, format!("/root/a {refused}"));
    assert_eq!(world.calls("/root/a/b", &[TREE]).await, format!("/root/a/b {refused}"));
    assert!(world.calls("/root/z", &[TREE]).await.starts_with('{'));
    let marks = world.system.untrusted_marks(&at("/root"), None, 9).await.unwrap();
    assert_eq!(marks.len(), 1);
    assert_eq!(
        (marks[0].path.as_str(), marks[0].taint.reason.as_str(), marks[0].taint.turn),
        ("/root/a", "a page", Some(1))
    );
    assert!(world.system.clear_mark(&at("/root/a")).await.unwrap());
    assert!(!world.system.clear_mark(&at("/root/a")).await.unwrap());
    assert!(world.calls("/root/a", &[TREE]).await.starts_with('{'));
    let tainted = MemoryQuery { tainted: Some(true), ..below("/root") };
    assert!(world.found(&tainted).await.is_empty());
    // It goes with the agent.
    world.calls("/root/z", &[mark]).await;
    world.system.close(&at("/root/z"), LONG).await.unwrap();
    world.system.remove(&at("/root/z")).await.unwrap();
    world.spawn("/root/z", "hand").await;
    assert!(world.calls("/root/z", &[TREE]).await.starts_with('{'));
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_edits_a_memory_taints_it_and_a_person_vouches_for_it() {
    let world = setting().open().await;
    world.spawn_as("/root/a", "bold").await;
    let answer = world.calls("/root/a", &[TREE]).await;
    let key: MemoryKey = answer.split('"').nth(3).unwrap().parse().unwrap();
    assert!(world.system.memory(&key).await.unwrap().memory.tainted);
    let text = MemoryEdit { text: Some("checked".to_owned()), ..MemoryEdit::default() };
    world.system.edit_memory(&key, &text).await.unwrap();
    assert!(world.system.memory(&key).await.unwrap().memory.tainted, "nobody has vouched for it");
    world.system.edit_memory(&key, &MemoryEdit { trusted: true, ..MemoryEdit::default() }).await.unwrap();
    assert!(!world.system.memory(&key).await.unwrap().memory.tainted);
    world.calls("/root/a", &[&format!(r#"remember {{"text":"anew","memory":"{key}"}}"#)]).await;
    assert!(world.system.memory(&key).await.unwrap().memory.tainted);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn secrets_are_in_no_row() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    let canary = format!("hunter{}", 2);
    let calls = [
        format!(r#"remember {{"text":"the key: password={canary}, sk-{canary}{canary}{canary}x"}}"#),
        format!(r#"mark_untrusted {{"reason":"page with api_key: {canary}"}}"#),
    ];
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let answers = world.calls("/root/a", &calls).await;
    assert!(answers.contains(r#""redacted":2"#), "{answers}");
    let key: MemoryKey = answers.split('"').nth(3).unwrap().parse().unwrap();
    assert_eq!(
        world.system.memory(&key).await.unwrap().memory.text,
        "the key: password=[redacted:secret], [redacted:api_key]"
    );
    let edit = format!(r#"remember {{"text":"token: {canary}{canary}","memory":"{key}"}}"#);
    // The message that asked for it holds what a person wrote there; what the tools wrote does not.
    world.calls("/root/a", &[&edit]).await;
    world.note("/root/a", Scope::Tree, &format!("secret={canary}")).await;
    for call in world.tool_calls("/root/a").await {
        assert!(call.contains("[redacted:") && !call.contains(&canary), "{call}");
    }
    for text in world.found(&below("/root")).await {
        assert!(text.contains("[redacted:") && !text.contains(&canary), "{text}");
    }
    let taint = world.store().get::<Taint>(&Table::Taint.at(&at("/root/a"))).await.unwrap().unwrap().value;
    assert_eq!(taint.reason, "page with api_key: [redacted:secret]");
    let entries = world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await;
    assert_eq!(entries.iter().filter(|entry| matches!(entry, TranscriptEntry::Tool(_))).count(), 3);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_marked_edits_nothing_that_others_see() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    let answer = world.calls("/root/a", &[TREE]).await;
    let key: MemoryKey = answer.split('"').nth(3).unwrap().parse().unwrap();
    world.system.mark_untrusted(&at("/root/a"), " a page ").await.unwrap();
    let answer = world.calls("/root/a", &[&format!(r#"remember {{"text":"anew","memory":"{key}"}}"#)]).await;
    let refused = "/root/a may not write memories for others: /root/a has read what nobody vouches for: a page";
    assert_eq!(answer, refused);
    assert_eq!(world.system.memory(&key).await.unwrap().memory.text, "for all");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_says_why_and_is_listed_where_it_is() {
    let world = hand().open().await;
    for path in ["/root/a", "/root/z"] {
        world.spawn(path, "hand").await;
    }
    let blank = world.system.mark_untrusted(&at("/root/a"), " ").await;
    assert!(matches!(blank, Err(Error::BadMemory { .. })), "{blank:?}");
    let long = "é".repeat(TAINT_MAX);
    assert!(world.system.mark_untrusted(&at("/root/a"), &long).await.unwrap());
    assert!(!world.system.mark_untrusted(&at("/root/a"), "something else").await.unwrap(), "it stays as it is");
    assert!(world.system.mark_untrusted(&at("/root/z"), "a page").await.unwrap());
    let marks = world.system.untrusted_marks(&at("/root/a"), None, 9).await.unwrap();
    let found: Vec<_> = marks.iter().map(|mark| (mark.path.as_str(), mark.taint.reason.len())).collect();
    assert_eq!(found, [("/root/a", TAINT_MAX)]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_a_turn_asks_for_it_is_told_what_it_may_see() {
    let looks = |turn: Turn| async move {
        let tools = turn.tools().expect("this turn has a runtime");
        let recalled = tools.recall(&below("/root")).await.unwrap();
        let one = tools.memory(&turn.text().parse().unwrap()).await;
        let one = one.map_or_else(|error| error.to_string(), |one| one.memory.text);
        Ok(Response::text(format!("{:?} {one}", texts(&recalled.memories))))
    };
    let world = World::setting().brain("looks", looks).open().await;
    for path in ["/root/a", "/root/a/b", "/root/z"] {
        world.spawn(path, "looks").await;
    }
    let mine = world.note("/root/a", Scope::Agent, "mine").await;
    let below = world.note("/root/a/b", Scope::Agent, "below").await;
    let others = world.note("/root/z", Scope::Agent, "another's").await;
    let told = async |key: &MemoryKey| world.assign("/root/a", &key.to_string()).await.unwrap().content;
    assert_eq!(told(&mine).await, r#"["mine"] mine"#);
    assert_eq!(told(&below).await, r#"["mine"] below"#);
    assert_eq!(told(&others).await, format!(r#"["mine"] no memory {others}"#));
    world.end().await;
}
