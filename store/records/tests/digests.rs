//! What an agent's work came to, added up entry by entry.

use super::*;

pub(super) fn digest(of: AgentId) -> Digest {
    let answered = Answered { turn: 5, result: TurnResult::Errored, text: "no".to_owned(), at: NOW };
    let work = Work {
        through: InboxKey { sequence: 9, n: 1 },
        at: NOW,
        completed: 3,
        errored: 1,
        interrupted: 1,
        answers: vec![answered],
        tools: vec![("send".to_owned(), 2)],
        other_calls: 1,
    };
    let child = Child { name: "kid".to_owned(), status: "idle".to_owned(), outcome: "done".to_owned() };
    let made = Revision { commit: "b2".to_owned(), subject: "grind".to_owned() };
    let (objective, why) = ("win".to_owned(), "asked".to_owned());
    let node = NodeLeft { number: 3, title: "build".to_owned(), status: "todo".to_owned(), ready: true };
    Digest {
        of,
        at: LATER,
        status: "errored".to_owned(),
        goal: Some(GoalInShort { objective, status: GoalStatus::Paused, why, used: 7, budget: Some(9) }),
        plan: Some(PlanLeft { done: 2, dropped: 1, open: Shortlist { first: vec![node], more: 5, counted: true } }),
        work,
        used: Usage { input_tokens: 1, cached_tokens: 2, output_tokens: 3 },
        children: Shortlist { first: vec![child], more: 4, counted: true },
        below: Below { agents: 5, jobs: 1, turns: 7, tokens: 9, all: false },
        commits: Shortlist { first: vec![made], more: 1, counted: true },
        summary: Some(Summary { turn: Some(4), text: "half of it".to_owned(), at: LATER }),
    }
}

fn call(name: &str, at: Time) -> TranscriptEntry {
    TranscriptEntry::Tool(ToolUse { turn: 1, name: name.to_owned(), arguments: "{}".to_owned(), at, call: 1 })
}

fn answer(turn: u64, result: TurnResult, content: &str) -> TranscriptEntry {
    TranscriptEntry::Answer { turn, result, content: content.to_owned(), at: Time(turn), usage: Usage::default() }
}

fn added(work: Work, entries: &[TranscriptEntry]) -> Work {
    entries.iter().zip(1..).fold(work, |work, (entry, sequence)| work.and(entry, InboxKey { sequence, n: 0 }))
}

#[test]
fn turns_and_calls_are_counted_and_the_last_answers_stay() {
    let entries = [
        answer(1, TurnResult::Completed, "one\n two"),
        call("send", Time(50)),
        call("spawn", Time(2)),
        call("send", Time(3)),
        answer(2, TurnResult::Errored, "no"),
        answer(3, TurnResult::Interrupted, ""),
        answer(4, TurnResult::Completed, "four"),
        answer(5, TurnResult::Completed, "five"),
        answer(6, TurnResult::Completed, "six"),
    ];
    let work = added(Work::default(), &entries);
    assert_eq!((work.completed, work.errored, work.interrupted, work.turns()), (4, 1, 1, 6));
    assert_eq!((work.through, work.at), (InboxKey { sequence: 9, n: 0 }, Time(50)));
    assert_eq!(work.tools, [("send".to_owned(), 2), ("spawn".to_owned(), 1)]);
    let answers: Vec<(u64, &str)> = work.answers.iter().map(|one| (one.turn, one.text.as_str())).collect();
    assert_eq!(answers, [(2, "no"), (3, ""), (4, "four"), (5, "five"), (6, "six")]);
    let first = added(Work::default(), &entries[..1]);
    assert_eq!((first.answers[0].text.as_str(), first.at), ("one two", Time(1)));
    // What was kept goes on with what came since.
    for cut in 0..entries.len() {
        let kept = added(Work::default(), &entries[..cut]);
        let rest = entries[cut..].iter().zip(cut as u64 + 1..);
        let whole = rest.fold(kept, |work, (entry, sequence)| work.and(entry, InboxKey { sequence, n: 0 }));
        assert_eq!(whole, work, "cut at {cut}");
    }
}

#[test]
fn tools_beyond_a_bound_are_counted_together() {
    let entries: Vec<_> = (0..DIGEST_TOOLS + 3).map(|n| call(&format!("tool {n}"), NOW)).collect();
    let work = added(added(Work::default(), &entries), &entries);
    assert_eq!((work.tools.len(), work.other_calls), (DIGEST_TOOLS, 6));
    assert!(work.tools.iter().all(|(_, calls)| *calls == 2));
}

#[test]
fn long_answers_and_names_of_tools_are_cut() {
    let long = "n".repeat(1000);
    let work = added(Work::default(), &[answer(1, TurnResult::Completed, &long), call(&long, NOW), call(&long, NOW)]);
    assert_eq!(work.answers[0].text, in_short(&long, DIGEST_ANSWER_MAX));
    assert_eq!(work.tools, [(in_short(&long, DIGEST_NAME_MAX), 2)]);
}

#[test]
fn a_digest_is_as_new_as_what_was_said_last() {
    let kept = digest(AgentId::from_u128(7));
    let said = |at| Some(Summary { turn: None, text: "x".to_owned(), at });
    let at = |summary| kept.clone().summarised(summary).at;
    assert_eq!([at(None), at(said(NOW)), at(said(Time(LATER.0 + 1)))], [LATER, LATER, Time(LATER.0 + 1)]);
    assert_eq!(kept.clone().summarised(None).summary, None);
}

#[test]
fn a_text_in_short_is_a_line_within_its_bytes() {
    let check = |text: &str, max, expected: &str| assert_eq!(in_short(text, max), expected, "{text:?} {max}");
    check("", 9, "");
    check(" \n\t ", 9, "");
    check("count\r\n\n  them\u{7}all ", 20, "count them all");
    check("123456789", 9, "123456789");
    check("1234567890", 9, "123456…");
    check("1234567890", 3, "…");
    check("1234567890", 2, "");
    check("ééééé", 9, "ééé…");
    check("12345678 ", 8, "12345678");
}

proptest! {
    #[test]
    fn a_text_in_short_fits_and_is_one_line(text in any::<String>(), max in 0_usize..64) {
        let line = in_short(&text, max);
        prop_assert!(line.len() <= max, "{} bytes", line.len());
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        prop_assert_eq!(in_short(&line, max), line);
    }
}
