//! What entries of a transcript are in a conversation, and what a record of those that went adds up to.

use super::*;

pub(super) fn call() -> TranscriptEntry {
    let (name, arguments) = ("send".to_owned(), "{}".to_owned());
    TranscriptEntry::Tool(ToolUse { turn: 1, call: 2, name, arguments, at: NOW })
}

pub(super) fn result() -> TranscriptEntry {
    let (name, content) = ("send".to_owned(), "ok".to_owned());
    TranscriptEntry::Result(ToolResult { turn: 1, call: 2, name, done: true, content, bytes: 2, at: NOW })
}

pub(super) fn said() -> TranscriptEntry {
    TranscriptEntry::Said(Said { speaker: Speaker::Developer, text: "t".to_owned(), at: NOW })
}

pub(super) fn compacted() -> TranscriptEntry {
    let through = InboxKey { sequence: 9, n: 1 };
    TranscriptEntry::Compacted(Compaction { entries: 3, bytes: 300, through, turn: 5, digested: true, at: NOW })
}

pub(super) fn answer(result: TurnResult) -> TranscriptEntry {
    let usage = Usage { input_tokens: 1, cached_tokens: 300, output_tokens: 2 };
    TranscriptEntry::Answer { turn: 4, result, content: "x".to_owned(), at: NOW, usage }
}

fn message(from: &str, kind: MessageKind, trigger: bool) -> TranscriptEntry {
    let from = match from {
        "operator" => Sender::Operator,
        path => Sender::Agent(AgentRef::new(path.parse().unwrap(), AgentId::from_u128(7))),
    };
    let (to, text) = (AgentId::from_u128(8), "m".to_owned());
    let metadata = Metadata::new([("k".to_owned(), "v".to_owned())].into()).unwrap();
    let message = Message { to, from, kind, trigger, text, at: NOW, message_id: None, metadata };
    TranscriptEntry::Message { turn: 4, message }
}

#[test]
fn what_is_said_is_what_a_child_may_hear() {
    let ended = || MessageKind::Result { turn: 1, result: TurnResult::Completed };
    let entries = [
        ("a person's message", message("operator", MessageKind::Said, true)),
        ("a person's note", message("operator", MessageKind::Said, false)),
        ("a task by an agent", message("/root/a", MessageKind::Said, true)),
        ("a note by an agent", message("/root/a", MessageKind::Said, false)),
        ("a result that starts a turn", message("/root/a", ended(), true)),
        ("a result", message("/root/a", ended(), false)),
        ("a final answer", answer(TurnResult::Completed)),
        ("an error", answer(TurnResult::Errored)),
        ("an interrupt", answer(TurnResult::Interrupted)),
        ("a call", call()),
        ("its result", result()),
        ("words", said()),
        ("what is gone", compacted()),
    ];
    let line = |(name, entry): (&str, TranscriptEntry)| {
        let heard =
            entry.spoken().map_or_else(|| "-".to_owned(), |said| format!("{}: {}", said.speaker.as_str(), said.text));
        let turn = entry.turn().map_or_else(|| "-".to_owned(), |turn| turn.to_string());
        format!("{name:<28} {:<10} turn {turn}  {} bytes  {heard}", entry.kind().as_str(), entry.bytes())
    };
    assert_snapshot!(entries.map(line).join("\n"), @r"
    a person's message           message    turn 4  3 bytes  user: m
    a person's note              message    turn 4  3 bytes  user: m
    a task by an agent           message    turn 4  3 bytes  user: m
    a note by an agent           message    turn 4  3 bytes  -
    a result that starts a turn  message    turn 4  3 bytes  -
    a result                     message    turn 4  3 bytes  -
    a final answer               answer     turn 4  1 bytes  assistant: x
    an error                     answer     turn 4  1 bytes  -
    an interrupt                 answer     turn 4  1 bytes  -
    a call                       call       turn 1  6 bytes  -
    its result                   result     turn 1  6 bytes  -
    words                        said       turn -  1 bytes  developer: t
    what is gone                 compacted  turn -  0 bytes  -
    ");
}

#[test]
fn what_went_before_counts_on() {
    let row = |sequence| InboxKey { sequence, n: 0 };
    let gone = Compaction::none(LATER).and(&compacted(), row(9)).and(&call(), row(10)).and(&said(), row(12));
    assert_eq!(gone, Compaction { entries: 5, bytes: 307, through: row(12), turn: 5, digested: false, at: LATER });
    let gone = Compaction { digested: true, ..gone }.and(&answer(TurnResult::Completed), row(13));
    assert_eq!((gone.turn, gone.digested), (5, true));
}
