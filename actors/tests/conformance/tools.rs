//! Tool calls that are not as they should be, and waits at the edges of what may be asked.

use std::time::Duration;

use super::hand;
use crate::brain::{Response, Turn};
use crate::tests::world::{LONG, World, at};
use crate::{Role, SpawnRequest, Until};

#[tokio::test(start_paused = true)]
async fn a_call_that_is_wrong_is_answered_in_words_and_does_nothing() {
    let world = hand().open().await;
    world.spawn("/root/p", "hand").await;
    let before = world.store().last();
    let calls = [
        "fly {}",
        "report {}",
        "spawn",
        "spawn []",
        r#"spawn ["a",null,null,null]"#,
        "spawn not json",
        r#"spawn {"task":"x"}"#,
        r#"spawn {"name":7}"#,
        r#"spawn {"name":"a","items":[]}"#,
        r#"spawn {"name":"a","fork_context":true}"#,
        r#"spawn {"name":"a","fork_turns":"0"}"#,
        r#"spawn {"name":""}"#,
        r#"spawn {"name":"BadName"}"#,
        r#"spawn {"name":"a/b"}"#,
        r#"spawn {"name":"root"}"#,
        r#"spawn {"name":".."}"#,
        r#"spawn {"name":"a","role":"gone"}"#,
        r#"send {"message":"x"}"#,
        r#"send {"to":"a"}"#,
        r#"send {"to":"a","message":"x","items":[]}"#,
        r#"send {"to":"","message":"x"}"#,
        r#"send {"to":"not-a-uuid","message":"x"}"#,
        r#"send {"to":"/root/nobody","message":"x"}"#,
        r#"assign {"to":"../sibling","message":"x"}"#,
        r#"interrupt {"agent":"/root"}"#,
        r#"interrupt {"agent":"/root/p"}"#,
        r#"interrupt {"target":"a"}"#,
        r#"wait {"targets":["a"]}"#,
        r#"wait {"agents":"a"}"#,
    ];
    let answers = world.calls("/root/p", &calls).await;
    let lines: Vec<String> =
        calls.iter().zip(answers.lines()).map(|(call, answer)| format!("{call}\n  {answer}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    fly {}
      no tool "fly"
    report {}
      no tool "report"
    spawn
      wrong arguments: missing field `name` at line 1 column 2
    spawn []
      wrong arguments: an object is wanted
    spawn ["a",null,null,null]
      wrong arguments: an object is wanted
    spawn not json
      wrong arguments: an object is wanted
    spawn {"task":"x"}
      wrong arguments: missing field `name` at line 1 column 12
    spawn {"name":7}
      wrong arguments: invalid type: integer `7`, expected a string at line 1 column 9
    spawn {"name":"a","items":[]}
      wrong arguments: unknown field `items`, expected one of `name`, `task`, `role`, `goal`, `budget`, `nickname`, `metadata`, `fork`, `dir` at line 1 column 19
    spawn {"name":"a","fork_context":true}
      wrong arguments: unknown field `fork_context`, expected one of `name`, `task`, `role`, `goal`, `budget`, `nickname`, `metadata`, `fork`, `dir` at line 1 column 26
    spawn {"name":"a","fork_turns":"0"}
      wrong arguments: unknown field `fork_turns`, expected one of `name`, `task`, `role`, `goal`, `budget`, `nickname`, `metadata`, `fork`, `dir` at line 1 column 24
    spawn {"name":""}
      bad agent name "": it is empty
    spawn {"name":"BadName"}
      bad agent name "BadName": 'B' is not one of a-z, 0-9 and _
    spawn {"name":"a/b"}
      bad agent name "a/b": one name is wanted, without /
    spawn {"name":"root"}
      bad agent name "root": only the top of the tree is called root, and its path is /root
    spawn {"name":".."}
      bad agent name "..": . and .. are no names and are never followed
    spawn {"name":"a","role":"gone"}
      role "gone" is not known; known are default, explorer, hand, worker
    send {"message":"x"}
      wrong arguments: missing field `to` at line 1 column 15
    send {"to":"a"}
      wrong arguments: missing field `message` at line 1 column 10
    send {"to":"a","message":"x","items":[]}
      wrong arguments: unknown field `items`, expected one of `to`, `message`, `interrupt`, `metadata` at line 1 column 31
    send {"to":"","message":"x"}
      bad agent path "": it is empty
    send {"to":"not-a-uuid","message":"x"}
      bad agent path "not-a-uuid": '-' is not one of a-z, 0-9 and _
    send {"to":"/root/nobody","message":"x"}
      /root/nobody does not exist
    assign {"to":"../sibling","message":"x"}
      bad agent path "../sibling": . and .. are no names and are never followed
    interrupt {"agent":"/root"}
      /root does not exist
    interrupt {"agent":"/root/p"}
      /root/p does not exist
    interrupt {"target":"a"}
      wrong arguments: unknown field `target`, expected `agent` or `cascade` at line 1 column 9
    wait {"targets":["a"]}
      wrong arguments: unknown field `targets`, expected one of `agents`, `until`, `timeout_seconds` at line 1 column 10
    wait {"agents":"a"}
      wrong arguments: invalid type: string "a", expected a sequence at line 1 column 13
    "#);
    assert_eq!(world.system.list(&at("/root"), None, 9).await.unwrap().len(), 2, "nobody was created");
    // The message, the start and the end of the turn.
    assert_eq!(world.store().last() - before, 3);
    assert!(world.tool_calls("/root/p").await.is_empty());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_waited_for_no_longer() {
    let world = hand().open().await;
    for path in ["/root/p", "/root/shut", "/root/gone"] {
        world.spawn(path, "hand").await;
    }
    for path in ["/root/shut", "/root/gone"] {
        world.system.close(&at(path), LONG).await.unwrap();
    }
    world.system.remove(&at("/root/gone")).await.unwrap();
    let nickname = crate::Nickname::Given("Kit".to_owned());
    world.system.spawn(vec![SpawnRequest { nickname, ..SpawnRequest::at(at("/root/p/k")) }]).await.unwrap();
    let calls = [
        r#"wait {"agents":["/root/shut"]}"#,
        r#"wait {"agents":["/root/gone"]}"#,
        r#"wait {"agents":["/root/nobody","/root/shut"],"until":"any"}"#,
        r#"wait {"agents":["Kit"]}"#,
        r#"wait {"agents":["Kat"]}"#,
        r#"wait {"agents":[],"timeout_seconds":10}"#,
    ];
    let begun = tokio::time::Instant::now();
    let answers = world.calls("/root/p", &calls).await;
    assert_eq!(begun.elapsed().as_secs(), 10, "only the last one waited");
    insta::assert_snapshot!(answers, @r#"
    {"settled":[{"agent":"/root/shut","status":"closed","closed_at":"/root/shut"}],"pending":[],"timed_out":false}
    {"settled":[{"agent":"/root/gone","status":"removed","removed":"/root/gone"}],"pending":[],"timed_out":false}
    /root/nobody does not exist
    {"settled":[{"agent":"/root/p/k","status":"idle"}],"pending":[],"timed_out":false}
    bad agent path "Kat": 'K' is not one of a-z, 0-9 and _
    {"mail":false,"timed_out":true}
    "#);
    world.end().await;
}

/// The bounds of a wait are held to one another, whatever a host sets: the longest goes first.
#[tokio::test(start_paused = true)]
async fn the_bounds_of_a_wait_may_be_anything() {
    let mut said = Vec::new();
    for (min, default, max) in [(0, 0, 0), (0, 5, 9), (20, 5, 9), (3, 50, 9)] {
        let bounds = [min, default, max].map(Duration::from_secs);
        let setting = hand().limits(|limits| [limits.wait_min, limits.wait_default, limits.wait_max] = bounds);
        let world = setting.open().await;
        world.spawn("/root/p", "hand").await;
        let mut line = format!("{min} {default} {max}:");
        for call in ["wait {}", r#"wait {"timeout_seconds":0}"#, r#"wait {"timeout_seconds":10}"#] {
            let begun = tokio::time::Instant::now();
            let answer = world.calls("/root/p", &[call]).await;
            let what = if answer.contains("timed_out") { "" } else { " refused" };
            line += &format!(" {} s{what}", begun.elapsed().as_secs());
        }
        said.push(line);
        world.end().await;
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    0 0 0: 0 s 0 s 0 s refused
    0 5 9: 5 s 0 s 0 s refused
    20 5 9: 9 s 9 s 0 s refused
    3 50 9: 9 s 3 s 0 s refused
    ");
}

/// What a role hides is not there by any name: the methods of a turn are its tools, too.
#[tokio::test(start_paused = true)]
async fn what_a_role_hides_is_no_method_either() {
    let all = crate::tools::TOOLS.map(|tool| tool.name);
    let role = Role::with_brain("methods", "").without_tools(all);
    let world = World::setting().role("bare", role).brain("methods", |turn: Turn| async move {
        let said = [
            turn.spawn("x", None).await.err(),
            turn.send("x", "").await.err(),
            turn.assign("x", "").await.err(),
            turn.interrupt("x", false).await.err(),
            turn.wait([at("/root")], Until::All, None).await.err(),
            turn.wait_for_mail(None).await.err(),
            turn.close("x").await.err(),
            turn.resume("x").await.err(),
            turn.report("{}", false).await.err(),
        ];
        let said = said.map(|error| error.map_or_else(|| "done".to_owned(), |error| error.to_string()));
        Ok(Response::text(said.join(", ")))
    });
    let world = world.open().await;
    let request = SpawnRequest { role: Some("bare".to_owned()), ..SpawnRequest::at(at("/root/p")) };
    world.system.spawn(vec![request]).await.unwrap();
    let said = world.calls("/root/p", &["go"]).await;
    assert_eq!(
        said,
        r#"no tool "spawn", no tool "send", no tool "assign", no tool "interrupt", no tool "wait", no tool "wait", no tool "close", no tool "resume", no tool "report""#
    );
    world.end().await;
}
