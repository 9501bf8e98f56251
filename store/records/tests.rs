//! Every state against every event, and the bytes of every released arm.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

mod digests;
mod directories;
mod goals;
mod imports;
mod jobs;
mod memory;
mod plans;
mod sessions;
mod transcripts;

const NOW: Time = Time(1_000);
const LATER: Time = Time(2_000);
const LIMITS: FailureLimits = FailureLimits { attempts: 2, crashes: 2 };

fn agent(phase: Phase) -> Agent {
    Agent {
        id: AgentId::from_u128(7),
        created_at: Time(1),
        creation: Creation::Host,
        role: "default".to_owned(),
        brain: None,
        nickname: None,
        turns: 4,
        phase,
        outcome: None,
        faults: vec![Time(500)],
        used: Usage { input_tokens: 3, cached_tokens: 4, output_tokens: 5 },
        heard: InboxKey { sequence: 9, n: 0 },
    }
}

fn running() -> Running {
    let in_hand = vec![InboxKey { sequence: 9, n: 0 }];
    Running { turn: 5, attempt: 2, waits: 1, in_hand, started_at: Time(900) }
}

fn item(state: ItemState) -> Item {
    Item {
        id: AgentId::from_u128(7),
        item_id: "k1".to_owned(),
        source: Source::Cell,
        row: Text::Inline("{}".to_owned()),
        run: 3,
        failures: 1,
        crashes: 1,
        state,
        last_error: None,
        after: vec![1, 2],
        took_ms: None,
    }
}

fn job(state: JobState) -> Job {
    let counts = Counts { pending: 2, running: 1, completed: 3, ..Counts::default() };
    Job { state, imported: 6, cursor: 4, counts, ..Job::new(AgentId::from_u128(7), Time(1), JobLimits::default()) }
}

/// An event, and what it makes of a state.
type Column<'a, S> = (&'a str, &'a dyn Fn(&S) -> String);

/// A table of what each event makes of each state.
fn table<S>(states: &[(&str, S)], events: &[Column<'_, S>]) -> String {
    let mut table = String::new();
    for (state, value) in states {
        writeln!(table, "{state}").unwrap();
        for (event, apply) in events {
            writeln!(table, "    {event:<22} {}", apply(value)).unwrap();
        }
    }
    table
}

fn say<T>(result: Result<T, Refusal>, words: impl Fn(&T) -> String) -> String {
    result.map_or_else(|refusal| format!("refused: {refusal}"), |next| words(&next))
}

fn phase(agent: &Agent) -> String {
    let phase = match &agent.phase {
        Phase::Ready { charged, waits, not_before } => {
            format!("ready, {charged} charged, {waits} waits, not before {:?}", not_before.map(|at| at.0))
        }
        Phase::Running(Running { turn, attempt, waits, in_hand, .. }) => {
            format!("running turn {turn}, attempt {attempt}, {waits} waits, {} in hand", in_hand.len())
        }
        Phase::Faulted { reason, .. } => format!("faulted: {reason}"),
    };
    let outcome = agent.outcome.as_ref().map_or("-", |outcome| outcome.result.as_str());
    let (faults, heard) = (agent.faults.len(), agent.heard);
    format!("{phase}; {} turns, last {outcome}, {faults} faults, heard {}.{}", agent.turns, heard.sequence, heard.n)
}

#[test]
fn an_agents_turns() {
    let ready = Phase::Ready { charged: 1, waits: 2, not_before: Some(LATER) };
    let states = [
        ("idle", agent(Phase::IDLE)),
        ("ready after a fault", agent(ready)),
        ("running", agent(Phase::Running(running()))),
        ("faulted", agent(Phase::Faulted { reason: "broken".to_owned(), at: NOW })),
    ];
    let row = InboxKey { sequence: 10, n: 1 };
    let drawn = table(
        &states,
        &[
            ("start", &|agent| say(agent.start(vec![row], NOW), phase)),
            ("restart", &|agent| say(agent.restart(NOW), phase)),
            ("join", &|agent| say(agent.join(&[row]), phase)),
            ("leave what joined", &|agent| say(agent.join(&[row]).map(|next| next.leave_from(row)), phase)),
            ("end", &|agent| say(agent.end(TurnResult::Completed, "done".to_owned(), NOW), phase)),
            ("release", &|agent| say(agent.release(), phase)),
            ("put off, charged", &|agent| say(agent.put_off(true, vec![NOW, NOW], LATER), phase)),
            ("put off, not charged", &|agent| say(agent.put_off(false, vec![], LATER), phase)),
            ("fault", &|agent| phase(&agent.fault("gone".to_owned(), NOW))),
            ("clear", &|agent| phase(&agent.clear())),
        ],
    );
    assert_snapshot!(drawn);
}

fn standing(item: &Item) -> String {
    let state = match &item.state {
        ItemState::Pending { not_before } => format!("pending, not before {:?}", not_before.map(|at| at.0)),
        state => state.as_str().to_owned(),
    };
    let Item { run, failures, crashes, last_error, .. } = item;
    format!("{state}; run {run}, {failures} failures, {crashes} crashes, error {:?}", last_error.as_deref())
}

#[test]
fn an_items_runs() {
    let crashed = Item { crashes: 2, ..item(ItemState::Running { started_at: NOW, deadline: LATER }) };
    let waiting = Item { crashes: 2, ..item(ItemState::Pending { not_before: None }) };
    let fresh = Item { failures: 0, crashes: 0, ..item(ItemState::Running { started_at: NOW, deadline: LATER }) };
    let states = [
        ("pending", item(ItemState::Pending { not_before: None })),
        ("pending, crashes used up", waiting),
        ("running for the first time", fresh),
        ("running", item(ItemState::Running { started_at: NOW, deadline: LATER })),
        ("running, crashes used up", crashed),
        ("completed", item(ItemState::Completed { result: Text::Inline("{}".to_owned()), at: NOW })),
        ("failed", item(ItemState::Failed { at: NOW })),
        ("skipped", item(ItemState::Skipped { at: NOW })),
    ];
    let result = || Text::Inline("{\"a\":1}".to_owned());
    let drawn = table(
        &states,
        &[
            ("start", &|item| say(item.start(NOW, LATER, LIMITS), standing)),
            ("crash out", &|item| say(item.crash_out(NOW), standing)),
            ("complete its run", &|item| say(item.complete(3, result(), NOW), standing)),
            ("complete an older run", &|item| say(item.complete(2, result(), NOW), standing)),
            ("fail its run", &|item| say(item.fail(3, "no".to_owned(), LIMITS, NOW, LATER), standing)),
            ("fail an older run", &|item| say(item.fail(2, "no".to_owned(), LIMITS, NOW, LATER), standing)),
            ("release its run", &|item| say(item.release(3), standing)),
            ("release an older run", &|item| say(item.release(2), standing)),
            ("skip", &|item| say(item.skip("k0 failed".to_owned(), NOW), standing)),
            ("retry", &|item| say(item.retry(), standing)),
        ],
    );
    assert_snapshot!(drawn);
}

fn course(job: &Job) -> String {
    let Counts { pending, running, completed, failed, skipped } = job.counts;
    let state = match job.state.reason() {
        Some(reason) => format!("{} ({reason})", job.state.as_str()),
        None => job.state.as_str().to_owned(),
    };
    let unfinished = if job.unfinished() { "unfinished" } else { "finished" };
    let paused = match &job.pause {
        Some(Pause { reason, until: None, .. }) => format!(", paused ({reason})"),
        Some(Pause { reason, until: Some(until), .. }) => format!(", paused until {} ({reason})", until.0),
        None => String::new(),
    };
    format!(
        "{state}, {unfinished}{paused}; {pending} pending, {running} running, {completed} completed, {failed} failed, \
         {skipped} skipped"
    )
}

fn pause(reason: &str, until: Option<Time>) -> Pause {
    Pause { reason: reason.to_owned(), until, used_up: reason == "used up", goal: None }
}

fn limits(concurrency: u32) -> JobLimits {
    JobLimits { concurrency, ..JobLimits::default() }
}

#[test]
fn a_jobs_course() {
    let reason = || "asked".to_owned();
    let states = [
        ("importing", job(JobState::Importing)),
        ("running", job(JobState::Running)),
        ("running, paused", Job { pause: Some(pause("lunch", None)), ..job(JobState::Running) }),
        ("running, used up", Job { pause: Some(pause("used up", None)), ..job(JobState::Running) }),
        ("running, paused until", Job { pause: Some(pause("slow", Some(LATER))), ..job(JobState::Running) }),
        ("cancelling", job(JobState::Cancelling { reason: reason() })),
        ("completed", job(JobState::Completed)),
        ("failed", job(JobState::Failed { reason: reason() })),
        ("cancelled", job(JobState::Cancelled { reason: reason() })),
    ];
    let over = Counts { completed: 4, failed: 1, skipped: 1, ..Counts::default() };
    let idle = Counts { pending: 2, completed: 4, ..Counts::default() };
    let drawn = table(
        &states,
        &[
            ("import some", &|job| say(job.import(2, 10), course)),
            ("import the last", &|job| say(job.import(2, 8), course)),
            ("nothing runs now", &|job| course(&job.count(idle, 5))),
            ("all rows are final", &|job| course(&job.count(over, 7))),
            ("cancel", &|job| say(job.cancel("enough"), course)),
            ("fail", &|job| say(job.fail("no input"), course)),
            ("pause", &|job| say(job.pause(pause("asked", None)), course)),
            ("pause for less", &|job| say(job.pause(pause("limit", Some(NOW))), course)),
            ("pause for as long", &|job| say(job.pause(pause("limit", Some(LATER))), course)),
            ("pause for more", &|job| say(job.pause(pause("limit", Some(Time(3_000)))), course)),
            ("unpause", &|job| say(job.unpause(), course)),
            ("export", &|job| course(&job.export(NOW))),
            ("set", &|job| say(job.set(limits(9)), |job| format!("{}; {}", course(job), job.limits.concurrency))),
            ("set as it is", &|job| say(Job { limits: limits(9), ..job.clone() }.set(limits(9)), course)),
            ("set to nothing", &|job| say(job.set(limits(0)), course)),
            ("reopen", &|job| say(job.export(NOW).reopen(idle, 5), course)),
            ("reopen for nothing", &|job| say(job.reopen(over, 7), course)),
        ],
    );
    assert_snapshot!(drawn);
}

fn metadata() -> Metadata {
    Metadata::new([("k".to_owned(), "v".to_owned())].into()).unwrap()
}

fn message(me: AgentRef) -> Message {
    Message {
        to: me.id,
        from: Sender::Agent(me),
        kind: MessageKind::Result { turn: 3, result: TurnResult::Errored },
        trigger: true,
        text: "hello".to_owned(),
        at: NOW,
        message_id: Some("m1".to_owned()),
        metadata: metadata(),
    }
}

/// One of each record, with every field filled.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let path: AgentPath = "/root/a".parse().unwrap();
    let me = AgentRef::new(path.clone(), AgentId::from_u128(7));
    let message = message(me.clone());
    let brain = BrainChoice { name: "shell".to_owned(), settings: "{}".to_owned() };
    let full = Agent {
        creation: Creation::By { creator: me.clone(), turn: 2 },
        brain: Some(brain.clone()),
        nickname: Some("Ada".to_owned()),
        outcome: Some(Outcome { turn: 4, result: TurnResult::Interrupted, content: "x".to_owned(), at: NOW }),
        ..agent(Phase::Running(running()))
    };
    let spec = JobSpec {
        input: "in".to_owned(),
        format: TableFormat::JsonLines,
        bytes: 5,
        sha256: [1; 32],
        rows: 6,
        headers: vec!["h".to_owned()],
        id_column: Some("h".to_owned()),
        template: Some("{h}".to_owned()),
        brain: Some(brain),
        role: "default".to_owned(),
        columns: RowColumns { after: Some("h".to_owned()), ..RowColumns::default() },
        schema: Some("{}".to_owned()),
        output: "out".to_owned(),
        output_format: OutputFormat {
            kind: OutputKind::JsonLines,
            expand: true,
            guard: true,
            grows: Some(GrowthOrder::Ends),
        },
        keep: Keep::Failed,
        attempts: 3,
        timeout_ms: 1_800_000,
        fingerprint: [2; 32],
    };
    let grant = Grant {
        instructions: Some("i".to_owned()),
        restart: "permanent".to_owned(),
        faults: 5,
        within_ms: 60_000,
        hidden: vec!["spawn".to_owned()],
        agents: Some(3),
        depth: None,
        isolated: true,
        wake_on_result: false,
    };
    let labels = [("team".to_owned(), "a".to_owned())].into();
    let card = Card { of: me.id, title: Some("t".to_owned()), labels };
    let ended = vec![ItemEnd { row: 2, run: 1, ending: ItemEnding::Retried }];
    vec![
        ("agent", Node::Agent(full).encode()),
        ("agent, ready", Node::Agent(agent(Phase::Ready { charged: 1, waits: 2, not_before: Some(LATER) })).encode()),
        ("agent, faulted", Node::Agent(agent(Phase::Faulted { reason: "r".to_owned(), at: NOW })).encode()),
        ("item", Node::Item(item(ItemState::Completed { result: Text::Beside, at: NOW })).encode()),
        ("item, running", Node::Item(item(ItemState::Running { started_at: NOW, deadline: LATER })).encode()),
        ("job", Node::Job(job(JobState::Cancelling { reason: "asked".to_owned() })).encode()),
        ("spec", spec.encode()),
        ("message", message.encode()),
        ("dead letter", DeadLetter { message: message.clone(), error: "e".to_owned(), at: LATER }.encode()),
        ("transcript, message", TranscriptEntry::Message { turn: 1, message }.encode()),
        ("transcript, tool", transcripts::call().encode()),
        ("transcript, result", transcripts::result().encode()),
        ("transcript, said", transcripts::said().encode()),
        ("transcript, compacted", transcripts::compacted().encode()),
        ("transcript, answer", transcripts::answer(TurnResult::Completed).encode()),
        ("grant", grant.encode()),
        ("card", card.encode()),
        ("digest", digests::digest(me.id).encode()),
        ("session", Session { of: me.id, failures: 1, name: "s1".to_owned(), at: NOW }.encode()),
        ("credential", Credential { agent: me.id, sha256: [7; 32], at: NOW }.encode()),
        ("pointer", Pointer(path.clone()).encode()),
        ("event, items", Event::ItemsMoved { job: me.clone(), started: vec![(1, 1)], ended }.encode()),
        (
            "event, ended",
            Event::TurnEnded {
                agent: me.clone(),
                turn: 3,
                result: TurnResult::Completed,
                consumed: vec![],
                metadata: metadata(),
            }
            .encode(),
        ),
        ("event, mailed", Event::Mailed { to: me.clone(), trigger: true, metadata: metadata() }.encode()),
        (
            "event, started",
            Event::TurnStarted { agent: me.clone(), turn: 3, attempt: 1, metadata: Metadata::default() }.encode(),
        ),
        ("event, removed", Event::Removed { node: me.clone() }.encode()),
        ("event, dead letters dropped", Event::DeadDropped { agent: me.clone(), rows: vec![InboxKey::FIRST] }.encode()),
        ("event, labelled", Event::Labelled { node: me.clone() }.encode()),
        ("event, imported", Event::Imported { node: me.clone() }.encode()),
        ("mark, closed", Mark::Closed.encode()),
        ("mark, removing", Mark::Removing.encode()),
        ("mark, importing", Mark::Importing(me.id).encode()),
        ("tombstone", Tombstone { id: me.id, at: NOW }.encode()),
        ("burial", Burial { node: me, at: NOW }.encode()),
    ]
}

/// A line that changes here is a store of a released build that cannot be read any more: append an arm instead.
#[test]
fn bytes_of_every_released_arm() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<String> =
        samples().iter().chain(&plans::samples()).map(|(name, bytes)| format!("{name}: {}", hex(bytes))).collect();
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_asked_of_a_node() {
    let brain = Some(BrainChoice { name: "echo".to_owned(), settings: String::new() });
    let able = |phase| Agent { brain: brain.clone(), ..agent(phase) };
    let faulted = || Phase::Faulted { at: Time(1), reason: "broke".to_owned() };
    let takes =
        [agent(Phase::IDLE), able(Phase::IDLE), able(Phase::Running(running())), able(faulted()), agent(faulted())];
    assert_eq!(takes.map(|agent| agent.takes_results()), [false, true, true, false, false]);
    assert_eq!(agent(Phase::Running(running())).restart(NOW).unwrap().running().unwrap().started_at, NOW);
    let nodes = [
        Node::Agent(agent(Phase::IDLE)),
        Node::Job(job(JobState::Running)),
        Node::Item(item(ItemState::Pending { not_before: None })),
    ];
    let words = nodes.each_ref().map(|node| format!("{} {} {}", node.kind(), node.noun(), node.id()));
    assert_snapshot!(words.join("\n"), @r"
    agent an agent 00000000-0000-0000-0000-000000000007
    job a job 00000000-0000-0000-0000-000000000007
    item a job's item 00000000-0000-0000-0000-000000000007
    ");
}

#[test]
fn ids_and_moments() {
    let id = AgentId::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    assert_eq!(id.short(), "89abcdef");
    assert_eq!(format!("{id} {id:?}"), ["01234567-89ab-cdef-0123-456789abcdef"; 2].join(" "));
    let ms = std::time::Duration::from_millis;
    assert_eq!((NOW.after(ms(7)), NOW.after(std::time::Duration::MAX)), (Time(1_007), Time(u64::MAX)));
    assert_eq!((NOW.until(LATER), LATER.until(NOW)), (ms(1_000), ms(0)));
}

#[test]
fn where_an_items_id_is_from_and_what_is_final() {
    let from = |source| Item { source, ..item(ItemState::Pending { not_before: None }) }.source_id().map(str::to_owned);
    let of = |cell: &str| Some(cell.to_owned());
    assert_eq!(
        [from(Source::Number), from(Source::Cell), from(Source::Duplicate("k".to_owned()))],
        [None, of("k1"), of("k")]
    );
    let result = Text::Inline("{}".to_owned());
    let states = [
        ItemState::Pending { not_before: None },
        ItemState::Running { started_at: NOW, deadline: LATER },
        ItemState::Completed { result: result.clone(), at: NOW },
        ItemState::Failed { at: NOW },
        ItemState::Skipped { at: NOW },
    ];
    assert_eq!(states.each_ref().map(ItemState::is_running), [false, true, false, false, false]);
    assert_eq!(states.each_ref().map(ItemState::is_final), [false, false, true, true, true]);
    let failed_before = Item { last_error: Some("late".to_owned()), ..item(states[1].clone()) };
    assert_eq!(failed_before.complete(3, result, NOW).unwrap().last_error, None);
}

#[test]
fn a_message_weighs_its_text_and_its_metadata() {
    let me = AgentRef::new("/root/a".parse().unwrap(), AgentId::from_u128(7));
    assert_eq!(message(me).bytes(), 5 + 2);
}

#[test]
fn a_card_is_blank_until_something_is_written_on_it() {
    let blank = Card::blank(AgentId::from_u128(7));
    let label = BTreeMap::from([("team".to_owned(), "red".to_owned())]);
    let titled = Card { title: Some("count them".to_owned()), ..blank.clone() };
    let both = Card { labels: label.clone(), ..titled.clone() };
    let labelled = Card { labels: label, ..blank.clone() };
    assert_eq!([blank, titled, labelled, both].map(|card| card.is_blank()), [true, false, false, false]);
}

#[test]
fn plain_values_come_back_as_they_went() {
    for number in [0, 1, 7, u64::MAX] {
        assert_eq!(u64::decode(&number.encode()).unwrap(), number);
    }
    assert_eq!(String::decode(&"x\u{e9}".to_owned().encode()).unwrap(), "x\u{e9}");
    <()>::decode(&().encode()).unwrap();
    assert_eq!(<()>::decode(&[0]).unwrap_err().to_string(), "mark record does not decode: 1 bytes follow it");
}

#[test]
fn a_record_that_something_follows_is_refused() {
    let mut bytes = Pointer(AgentPath::root()).encode();
    assert!(Pointer::decode(&bytes).is_ok());
    bytes.push(0);
    assert_eq!(Pointer::decode(&bytes).unwrap_err().to_string(), "Pointer record does not decode: 1 bytes follow it");
}

proptest! {
    #[test]
    fn an_item_comes_back_as_it_went(item_id in ".*", row in ".*", error in proptest::option::of(".*"), run: u32) {
        let node = Node::Item(Item {
            item_id,
            row: Text::Inline(row),
            run,
            last_error: error,
            ..item(ItemState::Pending { not_before: None })
        });
        prop_assert_eq!(Node::decode(&node.encode()).unwrap(), node);
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Node::decode(&bytes);
        let _ = Event::decode(&bytes);
        let _ = JobSpec::decode(&bytes);
        let _ = TranscriptEntry::decode(&bytes);
    }
}
