//! Who goes on with a conversation that was kept, and with the model and effort of it.

use super::*;

fn me() -> AgentId {
    AgentId::from_u128(7)
}

fn session(failures: u32) -> Session {
    Session { of: me(), failures, name: "s1".to_owned(), at: NOW }
}

fn settings(failures: u32) -> BrainSettings {
    let (model, effort) = (Some("m1".to_owned()), Some("high".to_owned()));
    BrainSettings { of: me(), failures, model, effort, at: NOW }
}

#[test]
fn who_goes_on_with_what_was_kept() {
    let states = [("kept by a turn", (session(0), settings(0))), ("kept after a failure", (session(1), settings(1)))];
    let asked = |of, failures| {
        move |(session, settings): &(Session, BrainSettings)| {
            let word = |goes_on: bool| if goes_on { "goes on" } else { "begins anew" };
            let (talk, model) = (session.serves(of, failures), settings.serves(of, failures));
            format!("{}, its model {}", word(talk), word(model))
        }
    };
    let newcomer = AgentId::from_u128(8);
    let drawn = table(
        &states,
        &[
            ("asked by it", &asked(me(), 0)),
            ("asked a failure later", &asked(me(), 1)),
            ("asked two later", &asked(me(), 2)),
            ("by a newcomer there", &asked(newcomer, 0)),
            ("by one that failed", &asked(newcomer, 1)),
        ],
    );
    assert_snapshot!(drawn);
}
