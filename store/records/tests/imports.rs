//! What an import notes of conversations and files.

use super::*;
use crate::FileTaken as Taken;

fn file(taken: Taken) -> ImportedFile {
    ImportedFile { name: "sessions/a".to_owned(), size: 3, modified: 4, taken }
}

fn whole() -> ImportedFile {
    file(Taken::Whole { thread: "t1".to_owned() })
}

fn failed(attempts: u32, run: u64) -> ImportedFile {
    file(Taken::Failed { error: "e".to_owned(), attempts, run, at: NOW })
}

fn thread() -> ImportedThread {
    ImportedThread {
        name: "t1".to_owned(),
        agent: AgentRef::new("/root/a".parse().unwrap(), AgentId::from_u128(7)),
        file: "sessions/a".to_owned(),
        bytes: 300,
        sha256: [7; 32],
        entries: 2,
        used: Usage { input_tokens: 5, cached_tokens: 6, output_tokens: 7 },
        title: Some("x".to_owned()),
    }
}

/// A line that changes here is a store of a released build that cannot be read any more: append an arm instead.
#[test]
fn bytes_of_every_row_of_an_import() {
    let runs = ImportRuns { begun: 2, through: Some("sessions/a".to_owned()), ended_at: Some(NOW) };
    let states = [
        ImportState::Runs(runs),
        ImportState::Thread(thread()),
        ImportState::File(whole()),
        ImportState::File(failed(2, 3)),
    ];
    let hex = |state: &ImportState| state.encode().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(states.each_ref().map(|state| ImportState::decode(&state.encode()).unwrap()), states);
    assert_snapshot!(states.each_ref().map(hex).join("\n"), @r"
    000002010a73657373696f6e732f6101e807
    0001027431072f726f6f742f6110000000000000000000000000000000070a73657373696f6e732f61ac02070707070707070707070707070707070707070707070707070707070707070702050607010178
    00020a73657373696f6e732f61030400027431
    00020a73657373696f6e732f6103040101650203e807
    ");
}

#[test]
fn a_file_is_settled_by_being_taken_as_it_is() {
    assert!(whole().settles(3, 4));
    assert!(!whole().settles(4, 4) && !whole().settles(3, 5) && !failed(1, 1).settles(3, 4));
    assert_eq!([whole(), failed(2, 7)].map(|file| file.attempts()), [0, 2]);
    assert_eq!([whole(), failed(2, 7), failed(2, 6)].map(|file| file.failed_in(7)), [false, true, false]);
}

#[test]
fn a_run_is_begun_goes_on_and_ends() {
    let begun = ImportRuns::default().begin().take("a").take("b");
    assert_eq!((begun.begun, begun.through.as_deref(), begun.ended_at), (1, Some("b"), None));
    let again = begun.begin();
    assert_eq!((again.begun, again.through.as_deref()), (2, Some("b")), "where the one before was cut");
    assert_eq!(again.end(LATER), ImportRuns { begun: 2, through: None, ended_at: Some(LATER) });
}

#[test]
fn what_is_charged_is_what_was_not_and_never_less_than_nothing() {
    let total = Usage { input_tokens: 9, cached_tokens: 1, output_tokens: 7 };
    assert_eq!(thread().owes(total), Usage { input_tokens: 4, cached_tokens: 0, output_tokens: 0 });
}
