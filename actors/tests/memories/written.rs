//! What is written where, by whom, and what is refused.

use futures::future::join_all;
use understory_store::{Memory, MemoryId, Scope, Table, TranscriptEntry};

use super::{below, note, role, seen_by, words};
use crate::brain::{BrainError, Response, Turn};
use crate::tests::conformance::hand;
use crate::tests::table;
use crate::tests::world::{LONG, World, at};
use crate::{Error, MEMORY_MAX, MemoryEdit, MemoryKey, Role, TAG_MAX, TAGS_MAX};

#[tokio::test(start_paused = true)]
async fn a_memory_is_seen_by_those_whom_its_scope_names() {
    let world = World::setting().role("tester", Role::with_brain("echo", "")).open().await;
    for path in ["/root/a", "/root/a/b", "/root/z"] {
        world.spawn(path, "echo").await;
    }
    let request = crate::SpawnRequest { role: Some("tester".to_owned()), ..crate::SpawnRequest::at(at("/root/a/t")) };
    world.system.spawn(vec![request]).await.unwrap();
    world.note("/root/a", Scope::Agent, "own").await;
    world.note("/root/a", Scope::Subtree, "below").await;
    world.note("/root/a", role("tester"), "testers").await;
    world.note("/root/a", Scope::Tree, "all").await;
    let mut drawn = Vec::new();
    for path in ["/root", "/root/a", "/root/a/b", "/root/a/t", "/root/z"] {
        let mut seen = world.found(&seen_by(path)).await;
        seen.sort();
        let mut searched = world.found(&words(seen_by(path), "own below testers all")).await;
        searched.sort();
        assert_eq!(searched, seen, "{path}");
        let mut lies = world.found(&below(path)).await;
        lies.sort();
        drawn.push(format!("{path}: sees {}; below it {}", seen.join(" "), lies.join(" ")));
    }
    insta::assert_snapshot!(drawn.join("\n"), @"
    /root: sees all; below it all below own testers
    /root/a: sees all below own; below it below own
    /root/a/b: sees all below; below it 
    /root/a/t: sees all below testers; below it 
    /root/z: sees all; below it
    ");
    let nobody = world.system.memories(&seen_by("/root/nobody")).await.unwrap_err();
    assert!(matches!(nobody, Error::NotFound { .. }), "{nobody}");
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_notes_with_where_it_is_from_and_the_host_without() {
    let world = hand().open().await;
    let me = world.spawn("/root/a", "hand").await;
    world.assign("/root/a", "recall").await.unwrap();
    let answer = world.calls("/root/a", &[r#"remember {"text":" by hand ","tags":["x"]}"#]).await;
    let key: MemoryKey = answer.split('"').nth(3).unwrap().parse().unwrap();
    let one = world.system.memory(&key).await.unwrap();
    let Memory { of, scope, text, tags, author, turn, commit, tainted, edited_at, at: _ } = one.memory;
    assert_eq!((of, scope, text.as_str(), author, turn), (me.id, Scope::Agent, "by hand", Some(me), Some(2)));
    assert_eq!((tags.len(), commit, tainted, edited_at, one.uses), (1, None, false, None, 0));
    let host = world.note("/root/a", Scope::Tree, "by the host").await;
    let host_one = world.system.memory(&host).await.unwrap().memory;
    assert_eq!((host.place, host_one.author, host_one.turn), (at("/root"), None, None));
    let line = world.tool_calls("/root/a").await;
    assert_eq!(line, ["1 recall {}", r#"2 remember {"text":" by hand ","scope":"agent","role":null,"tags":["x"]}"#]);
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_memory_is_refused_in_words() {
    let world = hand().limits(|limits| limits.memories = 1).open().await;
    world.spawn("/root/a", "hand").await;
    let long = format!(r#"remember {{"text":"{}"}}"#, "x".repeat(MEMORY_MAX + 1));
    let tags: Vec<String> = (0..=TAGS_MAX).map(|n| format!("\"t{n}\"")).collect();
    let many = format!(r#"remember {{"text":"x","tags":[{}]}}"#, tags.join(","));
    let tag = format!(r#"remember {{"text":"x","tags":["{}"]}}"#, "x".repeat(TAG_MAX + 1));
    let (lost, calls) = (
        MemoryId::from_u128(7),
        [
            r#"remember {"text":"  "}"#,
            long.as_str(),
            many.as_str(),
            tag.as_str(),
            r#"remember {"text":"x","tags":["a b"]}"#,
            r#"remember {"text":"x","tags":["ghp_0123456789abcdefghijABCDEFGHIJ012345"]}"#,
            r#"remember {"text":"x","scope":"role","role":"gone"}"#,
            r#"remember {"text":"x","scope":"tree","role":"hand"}"#,
            r#"remember {"text":"x","scope":"all"}"#,
            r#"remember {"text":"x","memory":"nothing"}"#,
            r#"remember {"text":"x","memory":"/root/a@00000000-0000-0000-0000-000000000007","scope":"tree"}"#,
            r#"remember {"text":"x","memory":"/root/a@00000000-0000-0000-0000-000000000007"}"#,
            r#"forget {"memory":"a@00000000-0000-0000-0000-000000000007"}"#,
            r#"recall {"scopes":["all"]}"#,
            r#"recall {"after":"x"}"#,
            r#"recall {"since":"yesterday"}"#,
            r#"recall {"by":"/root/nobody"}"#,
            r#"remember {"text":"fits"}"#,
            r#"remember {"text":"one more"}"#,
        ],
    );
    let answers = world.calls("/root/a", &calls).await;
    let answers = answers.lines().map(|line| if line.starts_with('{') { "taken" } else { line });
    insta::assert_snapshot!(answers.collect::<Vec<_>>().join("\n"), @r#"
    memory says nothing
    memory has 8193 bytes, over the limit of 8192
    17 tags are more than the 16 of a memory
    tag "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" must be 1 to 64 of letters, digits, _ . - / and :, and no secret
    tag "a b" must be 1 to 64 of letters, digits, _ . - / and :, and no secret
    tag "[redacted:github_token]" must be 1 to 64 of letters, digits, _ . - / and :, and no secret
    role "gone" is not known; known are default, explorer, hand, worker
    wrong arguments: a role is for the scope role
    wrong arguments: unknown variant `all`, expected one of `agent`, `subtree`, `role`, `tree` at line 1 column 25
    "nothing" names no memory: PATH@ID, as a list has it
    wrong arguments: a memory keeps its scope: forget it and note it anew
    no memory /root/a@00000000-0000-0000-0000-000000000007
    no memory /root/a@00000000-0000-0000-0000-000000000007
    no scope "all"; there are agent, subtree, role, tree
    "x" is no cursor: take one from a page before
    wrong arguments: "yesterday" is no time, as 2026-01-31T00:00:00Z is
    taken
    taken
    limit memories of 1 is reached at /root/a: forget some, or those that were not used for long (`understory memory forget --unused DAYS`)
    "#);
    let missing = world.system.memory(&MemoryKey { place: at("/root/a"), id: lost }).await.unwrap_err();
    assert!(matches!(missing, Error::NoMemory { .. }), "{missing}");
    let full = world.try_note("/root/a", Scope::Subtree, "one more").await.unwrap_err().to_string();
    assert!(full.starts_with("limit memories of 1 is reached at /root/a: forget some"), "{full}");
    world.note("/root/a", Scope::Tree, "another place").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn many_at_once_keep_the_bound() {
    let world = World::setting().limits(|limits| limits.memories = 5).open().await;
    world.spawn("/root/a", "echo").await;
    let path = at("/root/a");
    let notes = (0..9).map(|n| world.system.note(&path, note(Scope::Agent, &format!("note {n}"))));
    let taken = join_all(notes).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(taken, 5);
    assert_eq!(world.found(&below("/root/a")).await.len(), 5);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_changes_what_it_or_one_below_it_noted() {
    let world = hand().open().await;
    for path in ["/root/a", "/root/a/b", "/root/z"] {
        world.spawn(path, "hand").await;
    }
    let remember = async |path: &str, scope: &str| {
        let call = format!(r#"remember {{"text":"of {path}","scope":"{scope}"}}"#);
        world.calls(path, &[&call]).await.split('"').nth(3).unwrap().to_owned()
    };
    let (mine, kids, others) =
        (remember("/root/a", "tree").await, remember("/root/a/b", "subtree").await, remember("/root/z", "tree").await);
    let hosts = world.note("/root/a", Scope::Agent, "of the host").await.to_string();
    let kids_hosts = world.note("/root/a/b", Scope::Agent, "of the host, below").await.to_string();
    let mut drawn = Vec::new();
    for (whose, key) in
        [("its own", mine), ("its child's", kids), ("another's", others), ("the host's", hosts), ("below", kids_hosts)]
    {
        let (edit, forget) = (
            format!(r#"remember {{"text":"anew","memory":"{key}","tags":["t"]}}"#),
            format!(r#"forget {{"memory":"{key}"}}"#),
        );
        let answers = world.calls("/root/a", &[&edit, &forget, &forget]).await;
        drawn.push(format!("{whose}\n{}", answers.replace(&key, "[key]")));
    }
    insta::assert_snapshot!(drawn.join("\n"), @r#"
    its own
    {"memory":"[key]","redacted":0}
    {"accepted":true}
    no memory [key]
    its child's
    {"memory":"[key]","redacted":0}
    {"accepted":true}
    no memory [key]
    another's
    no memory [key]
    no memory [key]
    no memory [key]
    the host's
    no memory [key]
    no memory [key]
    no memory [key]
    below
    {"memory":"[key]","redacted":0}
    {"accepted":true}
    no memory [key]
    "#);
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_memory_that_is_written_anew_keeps_its_uses_and_is_found_by_its_new_words() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let key = world.note("/root/a", Scope::Agent, "the old words").await;
    assert_eq!(world.found(&words(below("/root"), "old")).await, ["the old words"]);
    let edit = MemoryEdit { text: Some("the new words".to_owned()), ..MemoryEdit::default() };
    world.system.edit_memory(&key, &edit).await.unwrap();
    assert!(world.found(&words(below("/root"), "old")).await.is_empty());
    assert_eq!(world.found(&words(below("/root"), "new")).await, ["the new words"]);
    let tagged = MemoryEdit { tags: Some(["t".to_owned()].into()), ..MemoryEdit::default() };
    world.system.edit_memory(&key, &tagged).await.unwrap();
    let one = world.system.memory(&key).await.unwrap().memory;
    assert_eq!((one.text.as_str(), one.tags.len(), one.edited_at.is_some()), ("the new words", 1, true));
    world.system.forget_memory(&key).await.unwrap();
    assert!(world.found(&words(below("/root"), "new")).await.is_empty());
    assert!(world.found(&below("/root")).await.is_empty());
    let again = world.system.forget_memory(&key).await.unwrap_err().to_string();
    assert_eq!(again, format!("no memory {key}"));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn memories_go_with_their_agent_and_no_newcomer_has_them() {
    let world = World::new().await;
    for path in ["/root/a", "/root/a/b"] {
        world.spawn(path, "echo").await;
        world.note(path, Scope::Agent, &format!("own of {path} {}", "x".repeat(5000))).await;
        world.note(path, Scope::Subtree, &format!("for below {path}")).await;
    }
    world.note("/root/a", Scope::Tree, "for all").await;
    assert_eq!(world.found(&words(below("/root"), "own below all")).await.len(), 5);
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    // What is closed is still written to.
    world.note("/root/a", Scope::Agent, "while closed").await;
    world.system.remove(&at("/root/a")).await.unwrap();
    assert_eq!(world.found(&below("/root")).await, ["for all"]);
    assert_eq!(world.system.shelf.len(), 1, "the shelf has forgotten them, too");
    world.spawn("/root/a", "echo").await;
    assert_eq!(world.found(&seen_by("/root/a")).await, ["for all"]);
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_jobs_rows_see_what_is_noted_for_its_subtree_and_note_for_others() {
    let table = table::Table::text("id\none\ntwo\n");
    let world = World::setting().brain("worker", |turn: Turn| async move {
        let refused = |error: crate::tools::ToolError| BrainError::refused(error.to_string());
        let seen = turn.recall("").await.map_err(refused)?;
        let id = turn.row().map(|row| row.item_id.to_string()).unwrap_or_default();
        turn.remember(note(Scope::Agent, &format!("row {id}"))).await.map_err(refused)?;
        turn.remember(note(Scope::Tree, &format!("learnt by {id}"))).await.map_err(refused)?;
        let seen = super::texts(&seen).contains(&"for the rows");
        Ok(Response { report: Some(format!(r#"{{"seen":{seen}}}"#)), ..Response::text("done") })
    });
    let world = world.open().await;
    world.note("/root", Scope::Subtree, "for the rows").await;
    let job = world.system.start_job(table.request("worker")).await.unwrap().job.path;
    world.job_over(&job).await;
    let mut all = world.found(&below("/root")).await;
    all.sort();
    assert_eq!(all, ["for the rows", "learnt by one", "learnt by two", "row one", "row two"]);
    let output = std::fs::read_to_string(table.output_path()).unwrap();
    assert_eq!(output.matches("\"\"seen\"\":true").count(), 2, "{output}");
    let rows = world.store().peek_keys(Table::Memory.subtree(&job), None, 9).await.unwrap();
    assert_eq!(rows.len(), 2, "what a row notes for itself lies at the row");
    world.sound().await;
    world.end().await;
}

/// Whoever waits for the answer may be gone before it: the memory is found in this process all the same.
#[tokio::test(start_paused = true)]
async fn what_is_dropped_while_it_is_written_is_found() {
    use futures::FutureExt;

    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    assert!(world.found(&words(below("/root"), "dropped")).await.is_empty());
    let path = at("/root/a");
    let begun = world.system.note(&path, note(Scope::Agent, "dropped")).now_or_never();
    if begun.is_none() {
        crate::tests::world::until(async || world.system.shelf.len() == 1).await;
    }
    assert_eq!(world.found(&words(below("/root"), "dropped")).await, ["dropped"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_leaves_no_secret() {
    const SECRET: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    let remember = format!(r#"remember {{"text":"{SECRET}","scope":"nowhere"}}"#);
    let recall = format!(r#"recall {{"query":"{SECRET}"}}"#);
    world.calls("/root/a", &[remember.as_str(), recall.as_str()]).await;
    let mut lines = Vec::new();
    for entry in world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await {
        if matches!(entry, TranscriptEntry::Tool(_) | TranscriptEntry::Result(_)) {
            lines.push(format!("{entry:?}"));
        }
    }
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(SECRET)), "{lines:?}");
    world.end().await;
}
