//! Transcripts: what a turn leaves in one, how it is read, what of it a child or the next turn is given.

use std::time::Duration;

use understory_store::{EntryKind, InboxKey, Said, Speaker, Table, Time, ToolUse, TranscriptEntry};

use super::world::{World, at, until};
use crate::brain::{BrainError, Response, Turn};
use crate::tools::Tools;
use crate::{
    Error, FORK_ENTRIES_MAX, Fork, IMPORT_ENTRIES_MAX, RESULT_KEPT_MAX, SpawnRequest, TRANSCRIPT_PAGE_MAX,
    TRANSCRIPT_SEARCHED_MAX, TranscriptPage, TranscriptPart, TranscriptQuery, Until,
};

#[expect(clippy::needless_pass_by_value, reason = "it is what an error is mapped by")]
fn said(error: impl ToString) -> BrainError {
    BrainError::refused(error.to_string())
}

/// An entry in a line.
fn line(entry: &TranscriptEntry) -> String {
    let turn = entry.turn().map_or_else(|| "-".to_owned(), |turn| turn.to_string());
    match entry {
        TranscriptEntry::Tool(tool) => format!("{turn} call {} {} {}", tool.call, tool.name, tool.arguments),
        TranscriptEntry::Result(result) => {
            let word = if result.done { "is" } else { "refused" };
            format!("{turn} result {} {} {word} {}", result.call, result.name, result.content)
        }
        TranscriptEntry::Said(words) => format!("{} {}", words.speaker.as_str(), words.text),
        TranscriptEntry::Compacted(gone) => format!("compacted {} entries, {} bytes", gone.entries, gone.bytes),
        TranscriptEntry::Message { .. } => format!("{turn} message {}", entry.text()),
        TranscriptEntry::Answer { result, .. } => format!("{turn} {} {}", result.as_str(), entry.text()),
    }
}

async fn lines(world: &World, path: &str) -> Vec<String> {
    world.rows::<TranscriptEntry>(Table::Transcript, path).await.iter().map(line).collect()
}

fn drawn(page: &TranscriptPage) -> Vec<String> {
    page.entries.iter().map(|placed| line(&placed.entry)).collect()
}

async fn tools(turn: &Turn) -> Result<&Tools, BrainError> {
    turn.tools().map_err(said)
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_in_its_transcript_from_its_message_to_its_answer_with_every_call_and_result() {
    let world = World::setting().brain("busy", |turn: Turn| async move {
        let tools = tools(&turn).await?;
        tools.call("list", "{}").await.map_err(said)?;
        tools.call("spawn", r#"{"name":"kid","nickname":"Kit"}"#).await.map_err(said)?;
        turn.note_tool("shell", r#"{"cmd":"ls"}"#, &Ok("a b".to_owned())).await.map_err(said)?;
        tools.call("close", r#"{"agent":"none"}"#).await.unwrap_err();
        turn.close("kid").await.map_err(said)?;
        turn.note_tool("shell", r#"{"cmd":"rm"}"#, &Err("no".to_owned())).await.map_err(said)?;
        Ok(Response::text("done"))
    });
    let world = world.open().await;
    world.spawn("/root/a", "busy").await;
    world.send("/root/a", "note").await.unwrap();
    let before = world.store().last();
    world.assign("/root/a", "go").await.unwrap();
    assert_eq!(world.store().last() - before, 5, "M1, M2, a spawn, a close, M3: nothing else is a commit");
    insta::assert_snapshot!(lines(&world, "/root/a").await.join("\n"), @r#"
    1 message note
    1 message go
    1 call 1 list {}
    1 result 1 list is {"agents":[],"next":null}
    1 call 2 spawn {"name":"kid","nickname":"Kit"}
    1 result 2 spawn is {"path":"/root/a/kid","nickname":"Kit"}
    1 call 3 shell {"cmd":"ls"}
    1 result 3 shell is a b
    1 call 4 close {"agent":"none"}
    1 result 4 close refused /root/a/none does not exist
    1 call 5 close {"agent":"/root/a/kid"}
    1 result 5 close is {"marked":true,"stopped":0,"overdue":0}
    1 call 6 shell {"cmd":"rm"}
    1 result 6 shell refused no
    1 completed done
    "#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_joins_a_turn_stands_where_it_came_in() {
    let world = World::setting().brain("open", |turn: Turn| async move {
        turn.note_tool("first", "{}", &Ok(String::new())).await.map_err(said)?;
        turn.spawn("kid", None).await.map_err(said)?;
        turn.send("kid", "hi").await.map_err(said)?;
        while turn.take_mail().await.map_err(said)?.is_empty() {
            tokio::task::yield_now().await;
        }
        turn.note_tool("last", "{}", &Ok(String::new())).await.map_err(said)?;
        Ok(Response::text("done"))
    });
    let world = world.open().await;
    world.spawn("/root/a", "open").await;
    let assigned = world.system.assign(super::world::letter("/root/a", "go", true)).await.unwrap();
    until(async || world.status("/root/a").await == "running").await;
    world.send("/root/a", "more").await.unwrap();
    assigned.outcome().await.unwrap();
    let lines = lines(&world, "/root/a").await;
    let place =
        |text: &str| lines.iter().position(|line| line.starts_with(text)).unwrap_or_else(|| panic!("{lines:?}"));
    let order = ["1 message go", "1 call 1 first", "1 call 2 spawn", "1 message more", "1 call 4 last", "1 completed"];
    let places = order.map(place);
    assert!(places.is_sorted(), "{lines:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_put_off_says_what_it_did_and_hears_its_message_once() {
    let world = World::setting().brain("slow", |turn: Turn| async move {
        let attempt = format!("{{\"attempt\":{}}}", turn.attempt());
        turn.note_tool("try", &attempt, &Ok(String::new())).await.map_err(said)?;
        match turn.attempt() {
            1 => Err(BrainError::broken("once")),
            _ => Ok(Response::text("done")),
        }
    });
    let world = world.open().await;
    world.spawn("/root/a", "slow").await;
    world.assign("/root/a", "go").await.unwrap();
    insta::assert_snapshot!(lines(&world, "/root/a").await.join("\n"), @r#"
    1 message go
    1 call 1 try {"attempt":1}
    1 result 1 try is 
    1 call 1 try {"attempt":2}
    1 result 1 try is 
    1 completed done
    "#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_brain_that_notes_very_much_has_it_written_in_between() {
    let world = World::setting().brain("busy", |turn: Turn| async move {
        let long = "x".repeat(3 * RESULT_KEPT_MAX);
        for _ in 0..200 {
            turn.note_tool("read", &long, &Ok(long.clone())).await.map_err(said)?;
        }
        Ok(Response::text("done"))
    });
    let world = world.open().await;
    world.spawn("/root/a", "busy").await;
    world.assign("/root/a", "go").await.unwrap();
    let entries = world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await;
    let results: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry {
            TranscriptEntry::Result(result) => Some((result.call, result.content.len(), result.bytes)),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = (1..=200).map(|_| (RESULT_KEPT_MAX, 3 * RESULT_KEPT_MAX as u64)).collect();
    assert_eq!(results.iter().map(|(_, kept, whole)| (*kept, *whole)).collect::<Vec<_>>(), expected);
    assert!(results.is_sorted(), "in their order");
    assert!(entries.iter().all(|entry| entry.text().len() <= RESULT_KEPT_MAX));
    world.end().await;
}

/// An agent that has answered so many messages, a turn each.
async fn answered(turns: usize) -> World {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    for turn in 1..=turns {
        world.assign("/root/a", &format!("Word {turn}")).await.unwrap();
    }
    world
}

fn pages(part: TranscriptPart, limit: usize) -> TranscriptQuery {
    TranscriptQuery { part, limit, ..TranscriptQuery::of(at("/root/a")) }
}

#[tokio::test(start_paused = true)]
async fn pages_go_both_ways_and_meet() {
    let world = answered(10).await;
    let all = lines(&world, "/root/a").await;
    let (mut forward, mut part) = (Vec::new(), TranscriptPart::First);
    loop {
        let page = world.system.transcript(&pages(part, 3)).await.unwrap();
        forward.extend(drawn(&page));
        part = TranscriptPart::After(page.newer);
        if !page.more {
            break;
        }
    }
    assert_eq!(forward, all);
    let (mut backward, mut part) = (Vec::new(), TranscriptPart::Last);
    loop {
        let page = world.system.transcript(&pages(part, 3)).await.unwrap();
        backward.splice(..0, drawn(&page));
        match page.older {
            Some(older) => part = TranscriptPart::Before(older),
            None => break,
        }
    }
    assert_eq!(backward, all);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_newest_page_leads_to_what_comes_after_it() {
    let world = answered(2).await;
    let newest = world.system.transcript(&pages(TranscriptPart::Last, 3)).await.unwrap();
    assert_eq!(drawn(&newest), ["1 completed Word 1", "2 message Word 2", "2 completed Word 2"]);
    let none = world.system.transcript(&pages(TranscriptPart::After(newest.newer), 3)).await.unwrap();
    assert_eq!((drawn(&none), none.more, none.newer), (vec![], false, newest.newer));
    world.assign("/root/a", "Word 3").await.unwrap();
    let news = world.system.transcript(&pages(TranscriptPart::After(newest.newer), 3)).await.unwrap();
    assert_eq!(drawn(&news), ["3 message Word 3", "3 completed Word 3"]);
    // From there the way back leads to what was seen.
    let back = world.system.transcript(&pages(TranscriptPart::Before(news.older.unwrap()), 3)).await.unwrap();
    assert_eq!(drawn(&back), drawn(&newest));
    let empty = world.system.transcript(&TranscriptQuery::of(at("/root"))).await.unwrap();
    assert_eq!((empty.entries.len(), empty.older, empty.newer), (0, None, InboxKey::FIRST));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn entries_are_found_by_text_kind_turn_and_time() {
    let world = answered(12).await;
    let check = async |query: TranscriptQuery, expected: &[&str]| {
        let page = world.system.transcript(&query).await.unwrap();
        assert_eq!(drawn(&page), expected, "{query:?}");
    };
    let all = || TranscriptQuery::of(at("/root/a"));
    let text = |text: &str| Some(text.to_owned());
    check(TranscriptQuery { text: text("wORD 12"), ..all() }, &["12 message Word 12", "12 completed Word 12"]).await;
    check(TranscriptQuery { text: text("word 13"), ..all() }, &[]).await;
    check(TranscriptQuery { turn: Some(3), ..all() }, &["3 message Word 3", "3 completed Word 3"]).await;
    let answers = TranscriptQuery { kinds: vec![EntryKind::Answer], turn: Some(4), ..all() };
    check(answers, &["4 completed Word 4"]).await;
    // A page that is cut by its limit while it searches goes on where it was.
    let first = TranscriptQuery { part: TranscriptPart::First, limit: 1, text: text("Word 1"), ..all() };
    let mut found = Vec::new();
    let mut query = first.clone();
    loop {
        let page = world.system.transcript(&query).await.unwrap();
        found.extend(drawn(&page));
        if !page.more {
            break;
        }
        query.part = TranscriptPart::After(page.newer);
    }
    assert_eq!(found.len(), 8, "{found:?}");
    tokio::time::advance(Duration::from_secs(60)).await;
    world.assign("/root/a", "late").await.unwrap();
    let lately = TranscriptQuery { within: Some(Duration::from_secs(30)), ..all() };
    check(lately, &["13 message late", "13 completed late"]).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_is_bounded_in_bytes_too() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    for _ in 0..6 {
        world.assign("/root/a", &"x".repeat(200 << 10)).await.unwrap();
    }
    let page = world.system.transcript(&pages(TranscriptPart::First, 500)).await.unwrap();
    assert_eq!((page.entries.len(), page.more), (6, true));
    let rest = world.system.transcript(&pages(TranscriptPart::After(page.newer), 500)).await.unwrap();
    assert_eq!((rest.entries.len(), rest.more), (6, false));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn only_agents_and_items_have_a_transcript() {
    let world = World::new().await;
    let missing = world.system.transcript(&TranscriptQuery::of(at("/root/none"))).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    let table = super::table::Table::of(1);
    let job = world.system.start_job(table.request("echo")).await.unwrap().job.path;
    let refused = world.system.transcript(&TranscriptQuery::of(job)).await;
    assert!(matches!(refused, Err(Error::WrongKind { .. })), "{refused:?}");
    world.end().await;
}

/// Answers with what it remembers, a word an entry.
async fn remembers(turn: Turn) -> Result<Response, BrainError> {
    if turn.text() == "fail" {
        return Err(BrainError::refused("as asked"));
    }
    if turn.text().starts_with("spawn") {
        let (_, fork) = turn.text().split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let arguments =
            serde_json::json!({ "name": format!("kid_{fork}"), "nickname": fork, "fork": fork }).to_string();
        return tools(&turn).await?.call("spawn", &arguments).await.map(Response::text).map_err(said);
    }
    let history = turn.history(1000).await.map_err(said)?;
    let words: Vec<String> =
        history.said.iter().map(|said| format!("{}:{}", &said.speaker.as_str()[..1], said.text)).collect();
    Ok(Response::text(format!("[{}]", words.join(" "))))
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_given_the_conversation_before_it_within_its_bytes() {
    let world = World::setting().brain("remembers", remembers).open().await;
    world.spawn("/root/a", "remembers").await;
    assert_eq!(world.assign("/root/a", "one").await.unwrap().content, "[]");
    assert_eq!(world.assign("/root/a", "two").await.unwrap().content, "[u:one a:[]]");
    world.assign("/root/a", "fail").await.unwrap();
    // What came to nothing has a question and no answer.
    assert_eq!(world.assign("/root/a", "three").await.unwrap().content, "[u:one a:[] u:two a:[u:one a:[]] u:fail]");
    let tall = "x".repeat(990);
    world.assign("/root/a", &tall).await.unwrap();
    // Its answer to that is 90 bytes and more, so that with it nothing older fits.
    let kept = world.assign("/root/a", "four").await.unwrap().content;
    assert!(kept.starts_with("[a:[u:one") && !kept.contains("xx"), "{kept}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_child_begins_with_as_much_of_the_conversation_as_was_asked_for() {
    let world = World::setting().brain("remembers", remembers);
    let role = crate::Role::with_brain("remembers", "");
    let world = world.role("default", role).open().await;
    world.spawn("/root/a", "remembers").await;
    world.assign("/root/a", "one").await.unwrap();
    world.send("/root/a", "by the way").await.unwrap();
    for text in ["two", "spawn none", "spawn all", "spawn 1", "spawn 2", "spawn 99"] {
        world.assign("/root/a", text).await.unwrap();
    }
    assert_eq!(lines(&world, "/root/a/kid_none").await, [] as [&str; 0]);
    // The running turn's own message is there; its call is not, nor are those before it.
    insta::assert_snapshot!(lines(&world, "/root/a/kid_all").await.join("\n"), @r#"
    user one
    assistant []
    user by the way
    user two
    assistant [u:one a:[]]
    user spawn none
    assistant {"path":"/root/a/kid_none","nickname":"none"}
    user spawn all
    "#);
    assert_eq!(lines(&world, "/root/a/kid_1").await, ["user spawn 1"]);
    let two = lines(&world, "/root/a/kid_2").await;
    assert_eq!((two.len(), two[0].as_str(), two[2].as_str()), (3, "user spawn 1", "user spawn 2"), "{two:?}");
    let all = lines(&world, "/root/a/kid_99").await;
    assert_eq!((all.len(), all[0].as_str(), all[13].as_str()), (14, "user one", "user spawn 99"));
    // It outlives whom it was taken from.
    let history = world.assign("/root/a/kid_all", "well?").await.unwrap().content;
    assert!(history.starts_with("[u:one a:[] u:by the way u:two"), "{history}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_fork_leaves_out_what_other_agents_said_but_for_tasks() {
    let world = World::setting().brain("boss", |turn: Turn| async move {
        if turn.text() == "go" {
            turn.spawn("kid", Some("task")).await.map_err(said)?;
            let target = turn.path().join("kid").map_err(said)?;
            turn.wait([target], Until::All, None).await.map_err(said)?;
        }
        Ok(Response::text(format!("heard {}", turn.text())))
    });
    let world = world.role("default", crate::Role::with_brain("echo", "")).open().await;
    world.spawn("/root/a", "boss").await;
    world.assign("/root/a", "go").await.unwrap();
    world.settled("/root/a").await;
    let fork = |name: &str, fork| SpawnRequest { fork, ..SpawnRequest::at(at(name)) };
    world.system.spawn(vec![fork("/root/a/copy", Fork::All)]).await.unwrap();
    // The result of the child started a turn; what it said is the child's.
    assert_eq!(lines(&world, "/root/a/copy").await, ["user go", "assistant heard go", "assistant heard task"]);
    world.system.spawn(vec![fork("/root/a/kid/copy", Fork::All)]).await.unwrap();
    assert_eq!(lines(&world, "/root/a/kid/copy").await, ["user task", "assistant task"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_fork_has_the_role_that_it_is_given() {
    let role = |brain: &str| crate::Role::with_brain(brain, "");
    let world = World::setting().brain("boss", |turn: Turn| async move {
        let fork = |name: &str, fork: &str| format!(r#"{{"name":"{name}","role":"judge","fork":"{fork}"}}"#);
        for (name, part) in [("whole", "all"), ("part", "1")] {
            tools(&turn).await?.call("spawn", &fork(name, part)).await.map_err(said)?;
        }
        Ok(Response::text("done"))
    });
    let world = world.brain("judge", |turn: Turn| async move {
        let heard = turn.history(1000).await.map_err(said)?.said.len();
        Ok(Response::text(format!("judged by {} after {heard}", turn.role())))
    });
    let world = world.role("judge", role("judge")).role("default", role("echo")).open().await;
    world.spawn("/root/a", "boss").await;
    world.assign("/root/a", "go").await.unwrap();
    for path in ["/root/a/whole", "/root/a/part"] {
        let outcome = world.assign(path, "well?").await.unwrap();
        assert_eq!(outcome.content, "judged by judge after 1", "{path}");
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_fork_of_a_long_conversation_says_what_it_left_out() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    for _ in 0..7 {
        world.assign("/root/a", &"x".repeat(100 << 10)).await.unwrap();
    }
    let fork = |name: &str, fork| SpawnRequest { fork, ..SpawnRequest::at(at(name)) };
    world.system.spawn(vec![fork("/root/a/kid", Fork::All)]).await.unwrap();
    let found = lines(&world, "/root/a/kid").await;
    assert_eq!((found.len(), found[0].as_str()), (11, "compacted 4 entries, 409600 bytes"));
    // A fork of that knows of both, and one of so many turns never reaches into what is gone.
    world.system.spawn(vec![fork("/root/a/kid/kid", Fork::All)]).await.unwrap();
    assert_eq!(lines(&world, "/root/a/kid/kid").await[0], "compacted 4 entries, 409600 bytes");
    world.system.spawn(vec![fork("/root/a/kid/few", Fork::Last(50))]).await.unwrap();
    let few = world.rows::<TranscriptEntry>(Table::Transcript, "/root/a/kid/few").await;
    assert_eq!(few.len(), 10);
    assert!(matches!(&few[0], TranscriptEntry::Said(said) if said.speaker == Speaker::User));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_and_a_fork_are_bounded_in_entries_and_a_search_in_what_it_looks_through() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let (of, at_first) = (at("/root/a"), Time(1));
    let (name, arguments) = ("needle".to_owned(), "{}".to_owned());
    let call = TranscriptEntry::Tool(ToolUse { turn: 0, call: 1, name, arguments, at: at_first });
    let mut last = world.system.import_entries(&of, None, &[call]).await.unwrap();
    let said = TranscriptEntry::Said(Said { speaker: Speaker::User, text: "hay".to_owned(), at: at_first });
    let hay = vec![said; IMPORT_ENTRIES_MAX];
    for _ in 0..TRANSCRIPT_SEARCHED_MAX.div_ceil(IMPORT_ENTRIES_MAX) {
        last = world.system.import_entries(&of, last, &hay).await.unwrap();
    }
    let page = world.system.transcript(&pages(TranscriptPart::First, usize::MAX)).await.unwrap();
    assert_eq!((page.entries.len(), page.more), (TRANSCRIPT_PAGE_MAX, true));
    let search = TranscriptQuery { text: Some("NEEDLE".to_owned()), ..TranscriptQuery::of(of) };
    let page = world.system.transcript(&search).await.unwrap();
    assert_eq!((page.entries.len(), page.more), (0, true), "it is not come to");
    let part = TranscriptPart::Before(page.older.expect("there is more"));
    let page = world.system.transcript(&TranscriptQuery { part, ..search }).await.unwrap();
    assert_eq!((drawn(&page), page.more), (vec!["0 call 1 needle {}".to_owned()], false));
    let fork = SpawnRequest { fork: Fork::All, ..SpawnRequest::at(at("/root/a/kid")) };
    world.system.spawn(vec![fork]).await.unwrap();
    let kid = lines(&world, "/root/a/kid").await;
    assert!(kid.len() <= FORK_ENTRIES_MAX + 1 && kid[0].starts_with("compacted "), "{} {}", kid.len(), kid[0]);
    world.end().await;
}

#[test]
fn a_fork_is_none_all_or_a_number() {
    let check = |text: &str, expected: Option<Fork>| assert_eq!(text.parse::<Fork>().ok(), expected, "{text}");
    for fork in [Fork::None, Fork::All, Fork::Last(7)] {
        check(&fork.to_string(), Some(fork));
    }
    for text in ["", "0", "-1", "some", "1.5", "4294967296"] {
        check(text, None);
    }
}
