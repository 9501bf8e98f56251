//! The bytes of every released arm, as they are in stores out there: a shape that changed is a line that changed.

use std::fmt::{Debug, Write as _};

use proptest::prelude::*;

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// A line for each value, by its place; each is read back from its bytes.
fn lines<R: Record + PartialEq + Debug>(name: &str, values: &[R]) -> String {
    let mut lines = String::new();
    for (place, value) in values.iter().enumerate() {
        let bytes = value.encode();
        assert_eq!(&R::decode(&bytes).unwrap(), value);
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(R::decode(&longer).is_err(), "{name} {place} takes what follows it");
        assert!(R::decode(&bytes[..bytes.len() - 1]).is_err(), "{name} {place} does without its end");
        writeln!(lines, "{name} {place} {}", hex(&bytes)).unwrap();
    }
    lines
}

fn message(kind: MessageKind, from: Sender) -> Message {
    let (text, message_id) = ("hello".to_owned(), Some("m1".to_owned()));
    Message { to: id(2), from, kind, trigger: true, text, at: Time(300), message_id }
}

#[test]
fn nodes() {
    let bare = Agent {
        creation: Creation::Host,
        brain: None,
        nickname: None,
        outcome: None,
        faults: Vec::new(),
        ..agent(Phase::IDLE)
    };
    let mut nodes = vec![Node::Agent(bare)];
    nodes.extend([Phase::IDLE, put_off(), running(), faulted()].map(|phase| Node::Agent(agent(phase))));
    for result in [TurnResult::Errored, TurnResult::Interrupted] {
        let outcome = Some(Outcome { turn: 2, result, content: "done".to_owned(), at: Time(40) });
        nodes.push(Node::Agent(Agent { outcome, ..agent(Phase::IDLE) }));
    }
    let reason = || "why".to_owned();
    let states = [
        JobState::Importing,
        JobState::Running,
        JobState::Cancelling { reason: reason() },
        JobState::Completed,
        JobState::Failed { reason: reason() },
        JobState::Cancelled { reason: reason() },
    ];
    nodes.extend(states.map(|state| Node::Job(job(state, [1, 2, 3, 4]))));
    nodes.push(Node::Job(job(JobState::Completed, [0, 0, 3, 0]).export(Time(90))));
    nodes.extend(item_states().map(|(_, state)| Node::Item(item(state))));
    let pending = || item(ItemState::Pending { not_before: None });
    for source in [Source::Number, Source::Duplicate("a".to_owned())] {
        nodes.push(Node::Item(Item { source, row: Text::Beside, last_error: None, ..pending() }));
    }
    insta::assert_snapshot!(lines("node", &nodes), @"");
}

#[test]
fn what_lies_beside_nodes() {
    let spec = JobSpec {
        input: "/in.csv".to_owned(),
        bytes: 1000,
        sha256: [7; 32],
        rows: 20,
        headers: vec!["id".to_owned(), "n".to_owned()],
        id_column: Some("id".to_owned()),
        template: Some("do {id}".to_owned()),
        brain: BrainChoice { name: "shell".to_owned(), settings: "{}".to_owned() },
        role: "default".to_owned(),
        output: "/out.csv".to_owned(),
        concurrency: 16,
        attempts: 3,
        timeout_ms: 1_800_000,
        fingerprint: [9; 32],
    };
    let result = |result| MessageKind::Result { turn: 3, result };
    let from = || Sender::Agent(agent_ref("/root/a", 1));
    let messages = [
        message(MessageKind::Said, Sender::Operator),
        message(result(TurnResult::Completed), from()),
        message(result(TurnResult::Errored), from()),
        message(result(TurnResult::Interrupted), from()),
    ];
    let letter = DeadLetter { message: messages[0].clone(), error: "it broke".to_owned(), at: Time(400) };
    let tool = ToolUse { turn: 3, name: "send".to_owned(), arguments: "{}".to_owned(), at: Time(301) };
    let (content, at) = ("done".to_owned(), Time(302));
    let entries = [
        TranscriptEntry::Message { turn: 3, message: messages[0].clone() },
        TranscriptEntry::Tool(tool),
        TranscriptEntry::Answer { turn: 3, result: TurnResult::Completed, content, at },
    ];
    let all = [
        lines("spec", &[spec]),
        lines("message", &messages),
        lines("letter", &[letter]),
        lines("entry", &entries),
        lines("pointer", &[Pointer("/root/a".parse().unwrap())]),
    ];
    insta::assert_snapshot!(all.concat(), @"");
}

#[test]
fn events() {
    let (agent, job) = (|| agent_ref("/root/a", 1), || agent_ref("/root/job", 4));
    let (path, reason) = (|| "/root/a".parse().unwrap(), || "why".to_owned());
    let endings = [ItemEnding::Completed, ItemEnding::Retried, ItemEnding::Failed, ItemEnding::Released];
    let ended = endings.map(|ending| ItemEnd { row: 1, run: 2, ending }).to_vec();
    let counts = Counts { pending: 1, running: 2, completed: 3, failed: 4 };
    let result = TurnResult::Completed;
    let events = [
        Event::Spawned { agent: agent() },
        Event::Closed { path: path() },
        Event::Resumed { path: path() },
        Event::Mailed { to: agent(), trigger: true },
        Event::TurnStarted { agent: agent(), turn: 3, attempt: 1 },
        Event::TurnPutOff { agent: agent(), turn: 3, reason: reason() },
        Event::TurnEnded { agent: agent(), turn: 3, result, consumed: vec![row(5, 0), row(6, 1)] },
        Event::Faulted { agent: agent(), reason: reason() },
        Event::DeadLettered { agent: agent(), rows: vec![row(5, 0)] },
        Event::JobCreated { job: job() },
        Event::JobChanged { job: job(), state: "running".to_owned(), counts },
        Event::ItemsMoved { job: job(), started: vec![(1, 1), (2, 1)], ended },
        Event::JobExported { job: job() },
        Event::JobExportFailed { job: job(), reason: reason() },
    ];
    insta::assert_snapshot!(lines("event", &events), @"");
}

proptest! {
    #[test]
    fn any_item_comes_back(
        run: u32, failures: u32, crashes: u32, at: u64, item_id: String, cell: String, error: Option<String>, kind in 0..6usize,
    ) {
        let state = match item_states()[kind].1.clone() {
            ItemState::Pending { not_before: Some(_) } => ItemState::Pending { not_before: Some(Time(at)) },
            ItemState::Completed { result: Text::Inline(_), .. } => {
                ItemState::Completed { result: Text::Inline(cell.clone()), at: Time(at) }
            }
            state => state,
        };
        let source = Source::Duplicate(cell);
        let node = Node::Item(Item { run, failures, crashes, item_id, source, last_error: error, ..item(state) });
        prop_assert_eq!(Node::decode(&node.encode()).unwrap(), node);
    }

    #[test]
    fn any_message_comes_back(text: String, trigger: bool, at: u64, turn: Option<u64>, message_id: Option<String>) {
        let kind = turn.map_or(MessageKind::Said, |turn| MessageKind::Result { turn, result: TurnResult::Errored });
        let message = Message { text, trigger, at: Time(at), message_id, ..message(kind, Sender::Operator) };
        prop_assert_eq!(Message::decode(&message.encode()).unwrap(), message);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        // What is read is what these bytes are written as, or postcard took a longer form of a number.
        if let Ok(node) = Node::decode(&bytes) {
            prop_assert_eq!(Node::decode(&node.encode()).unwrap(), node);
        }
        if let Ok(event) = Event::decode(&bytes) {
            prop_assert_eq!(Event::decode(&event.encode()).unwrap(), event);
        }
    }
}
