//! The rules of records, each state against each event, and the bytes of every released arm.

mod bytes;
mod rules;

use super::*;
use crate::seam::Version;

fn id(n: u128) -> AgentId {
    AgentId::from_u128(n)
}

fn agent_ref(path: &str, n: u128) -> AgentRef {
    AgentRef::new(path.parse().unwrap(), id(n))
}

fn row(sequence: Version, n: u16) -> InboxKey {
    InboxKey { sequence, n }
}

fn agent(phase: Phase) -> Agent {
    let creation = Creation::By { creator: agent_ref("/root/boss", 1), turn: 7 };
    let brain = Some(BrainChoice { name: "echo".to_owned(), settings: "{}".to_owned() });
    let outcome = Some(Outcome { turn: 2, result: TurnResult::Completed, content: "done".to_owned(), at: Time(40) });
    Agent {
        id: id(2),
        created_at: Time(10),
        creation,
        role: "default".to_owned(),
        brain,
        nickname: Some("Ada".to_owned()),
        turns: 2,
        phase,
        outcome,
        faults: vec![Time(20), Time(30)],
    }
}

fn running() -> Phase {
    Phase::Running(Running { turn: 3, attempt: 2, waits: 1, in_hand: vec![row(5, 0), row(6, 1)], started_at: Time(50) })
}

fn put_off() -> Phase {
    Phase::Ready { charged: 1, waits: 2, not_before: Some(Time(60)) }
}

fn faulted() -> Phase {
    Phase::Faulted { reason: "it broke".to_owned(), at: Time(70) }
}

fn item(state: ItemState) -> Item {
    Item {
        id: id(3),
        item_id: "a1".to_owned(),
        source: Source::Cell,
        row: Text::Inline("{\"id\":\"a1\"}".to_owned()),
        run: 2,
        failures: 1,
        crashes: 1,
        state,
        last_error: Some("before".to_owned()),
    }
}

fn item_states() -> [(&'static str, ItemState); 6] {
    let started = ItemState::Running { started_at: Time(50), deadline: Time(150) };
    [
        ("pending", ItemState::Pending { not_before: None }),
        ("delayed", ItemState::Pending { not_before: Some(Time(60)) }),
        ("running", started),
        ("completed", ItemState::Completed { result: Text::Inline("{}".to_owned()), at: Time(80) }),
        ("completed, long", ItemState::Completed { result: Text::Beside, at: Time(80) }),
        ("failed", ItemState::Failed { at: Time(90) }),
    ]
}

fn job(state: JobState, counts: [u32; 4]) -> Job {
    let [pending, running, completed, failed] = counts;
    let counts = Counts { pending, running, completed, failed };
    Job { id: id(4), created_at: Time(10), state, imported: counts.total(), cursor: 1, counts, exported: None }
}
