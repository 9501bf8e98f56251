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
fn what_is_to_be_done_about_a_file() {
    let words = |file: &ImportedFile, size, modified| match file.settles(size, modified) {
        true => "is left".to_owned(),
        false => format!("is read, after {} runs in vain", file.attempts()),
    };
    let in_run =
        |run| move |file: &ImportedFile| if file.failed_in(run) { "is told as failed" } else { "-" }.to_owned();
    let drawn = table(
        &[("taken whole", whole()), ("failed in run 7, the first", failed(1, 7)), ("the third", failed(3, 7))],
        &[
            ("is as it was", &|file| words(file, 3, 4)),
            ("is longer", &|file| words(file, 4, 4)),
            ("is shorter", &|file| words(file, 2, 4)),
            ("was written since", &|file| words(file, 3, 5)),
            ("was written before", &|file| words(file, 3, 3)),
            ("run 7 is reported", &in_run(7)),
            ("run 8 is reported", &in_run(8)),
        ],
    );
    assert_snapshot!(drawn);
}

#[test]
fn the_runs_of_an_import() {
    let runs = |begun, through: Option<&str>, ended_at| {
        let through = through.map(str::to_owned);
        ImportRuns { begun, through, ended_at }
    };
    let words = |runs: &ImportRuns| {
        let ImportRuns { begun, through, ended_at } = runs;
        format!("{begun} begun, the last through {through:?}, ended at {:?}", ended_at.map(|at| at.0))
    };
    let states = [
        ("never begun", ImportRuns::default()),
        ("begun", runs(1, None, None)),
        ("under way or cut", runs(1, Some("b"), None)),
        ("under way or cut, later", runs(2, Some("b"), Some(NOW))),
        ("ended", runs(2, None, Some(NOW))),
    ];
    let drawn = table(
        &states,
        &[
            ("begin", &|runs| words(&runs.begin())),
            ("take a", &|runs| words(&runs.take("a"))),
            ("take c", &|runs| words(&runs.take("c"))),
            ("end", &|runs| words(&runs.end(LATER))),
        ],
    );
    assert_snapshot!(drawn);
}

#[test]
fn what_is_charged_is_what_was_not_and_never_less_than_nothing() {
    let total = Usage { input_tokens: 9, cached_tokens: 1, output_tokens: 7 };
    assert_eq!(thread().owes(total), Usage { input_tokens: 4, cached_tokens: 0, output_tokens: 0 });
}
