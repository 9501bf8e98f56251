//! Who may leave what in whose inbox, and what it starts.

use understory_store::{Message, Sender, TurnResult};

use super::hand;
use crate::brain::BrainError;
use crate::limits::ERROR_MAX;
use crate::tests::world::{World, at, letter};

fn words(message: &Message) -> String {
    let from = match &message.from {
        Sender::Agent(agent) => agent.path.to_string(),
        _ => "the operator".to_owned(),
    };
    format!("{from}: {}{}", message.text, if message.trigger { " (starts a turn)" } else { "" })
}

#[tokio::test(start_paused = true)]
async fn a_task_starts_a_turn_and_a_note_does_not() {
    let world = hand().open().await;
    // Nobody runs the child: what comes for it lies there.
    world.spawn("/root/p", "hand").await;
    let said = world.calls(
        "/root/p",
        &[
            r#"spawn {"name":"kid","nickname":"Kit"}"#,
            r#"send {"to":"kid","message":"a note"}"#,
            r#"send {"to":"/root/p/kid","message":"another"}"#,
            r#"assign {"to":"Kit","message":"a task"}"#,
            r#"send {"to":"/root","message":"for the top"}"#,
            r#"assign {"to":"/root","message":"work"}"#,
            r#"assign {"to":"/root/p","message":"work"}"#,
            r#"send {"to":"none","message":"x"}"#,
            r#"send {"to":"No","message":"x"}"#,
            r#"send {"to":"kid","message":""}"#,
        ],
    );
    let said = said.await;
    world.settled("/root/p/kid").await;
    let taken = world.turns("/root/p/kid").await.remove(0);
    let root: Vec<String> = world.inbox("/root").await.iter().map(words).collect();
    let left: Vec<String> = world.inbox("/root/p/kid").await.iter().map(words).collect();
    insta::assert_snapshot!(format!("{said}\n{taken:?}\nroot {root:?}\nleft {left:?}"), @r#"
    {"path":"/root/p/kid","nickname":"Kit"}
    {"accepted":true}
    {"accepted":true}
    {"accepted":true}
    {"accepted":true}
    /root does not exist
    /root/p does not exist
    /root/p/none does not exist
    bad agent path "No": 'N' is not one of a-z, 0-9 and _
    {"accepted":true}
    (["a note", "another", "a task"], "completed: a note\n\nanother\n\na task")
    root ["/root/p: for the top"]
    left ["/root/p: "]
    "#);
    world.end().await;
}

/// An empty text is a text: it starts a turn like any other.
#[tokio::test(start_paused = true)]
async fn an_empty_task_starts_a_turn() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let outcome = world.assign("/root/a", "").await.unwrap();
    assert_eq!((outcome.result, outcome.content.as_str()), (TurnResult::Completed, ""));
    assert_eq!(world.turns("/root/a").await[0].0, [""]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_error_is_cut_before_it_is_passed_on() {
    let world =
        World::setting().brain("wordy", |_| async { Err(BrainError::refused("é".repeat(100_000))) }).open().await;
    world.spawn("/root/p", "echo").await;
    world.spawn("/root/p/kid", "wordy").await;
    let outcome = world.system.assign(letter("/root/p/kid", "go", true)).await.unwrap().outcome().await.unwrap();
    let told = world.inbox("/root/p").await.remove(0).text;
    assert_eq!(told, outcome.content);
    assert!(told.len() < ERROR_MAX + 100 && told.ends_with("é [cut: 200000 bytes]"), "{} bytes", told.len());
    world.end().await;
}

/// Whoever it is from: another agent, one below, or the operator.
#[tokio::test(start_paused = true)]
async fn any_mail_ends_a_wait_for_mail() {
    for from in ["the operator", "/root/p/kid", "/root/other"] {
        let world = hand().limits(|limits| limits.wait_min = std::time::Duration::from_secs(1)).open().await;
        for path in ["/root/p", "/root/p/kid", "/root/other"] {
            world.spawn(path, "hand").await;
        }
        let waiting = world.system.assign(letter("/root/p", r#"wait {"timeout_seconds":50}"#, true)).await.unwrap();
        crate::tests::world::until(async || world.system.waits.under_way(10_000) == 1).await;
        let begun = tokio::time::Instant::now();
        match from {
            "the operator" => world.send("/root/p", "news").await.unwrap(),
            path => assert!(world.calls(path, &[r#"send {"to":"/root/p","message":"news"}"#]).await.contains("true")),
        }
        let outcome = waiting.outcome().await.unwrap();
        assert_eq!(outcome.content, r#"{"mail":true,"timed_out":false}"#, "{from}");
        assert_eq!(begun.elapsed().as_secs(), 0, "{from}");
        world.settled("/root/p").await;
        assert!(world.agent(at("/root/p").as_str()).await.turns >= 1);
        world.end().await;
    }
}
