//! What becomes of a directory that is found as it was left, or otherwise.

use super::*;

fn on(commit: &str) -> Checkout {
    Checkout::Repository { commit: Some(commit.to_owned()), branch: Some("main".to_owned()), dirty: false }
}

/// What differs once somebody has moved it to the commit "is".
fn drift() -> Drift {
    Drift { was: on("was"), is: on("is") }
}

fn left(checkout: Option<Checkout>) -> Directory {
    Directory::new(AgentId::from_u128(7), "/elsewhere".to_owned(), checkout, NOW)
}

fn words(directory: &Directory) -> String {
    let left = directory.left.as_ref().map_or("nobody knows how".to_owned(), Checkout::to_string);
    let found = directory.found.as_ref().map_or("nothing found".to_owned(), |found| {
        let what = if found.held { "held" } else { "told" };
        format!("{what} at {}: {}", found.at.0, found.drift)
    });
    let held = if directory.is_held() { "; nothing runs" } else { "" };
    let known = directory.commit().unwrap_or("no commit");
    format!("left {left} at {}; {found}{held}; {known} is known", directory.at.0)
}

#[test]
fn a_directorys_course() {
    let directory = left(Some(on("was")));
    let told = directory.found(drift(), false, LATER);
    let held = directory.found(drift(), true, LATER);
    let last = Time(3_000);
    let states = [
        ("as it was left", directory.clone()),
        ("nobody could tell", left(None)),
        ("told", told.clone()),
        ("held", held.clone()),
        ("told, then left", told.leave(on("is"), Time(2_500))),
        ("held, then left", held.leave(on("is"), Time(2_500))),
    ];
    // What a look finds is compared with how it was left, whatever was told of that before: a turn that is cut short is told again.
    let looked = |is: Checkout| {
        move |directory: &Directory| match directory.drift(&is) {
            None => "as it was".to_owned(),
            Some(drift) if directory.holds(&drift) => format!("held already: {drift}"),
            Some(drift) => format!("otherwise: {drift}"),
        }
    };
    let gone = Drift { was: on("was"), is: Checkout::Gone };
    let drawn = table(
        &states,
        &[
            ("look: it is as it was", &looked(on("was"))),
            ("look: another commit", &looked(on("is"))),
            ("look: it is gone", &looked(Checkout::Gone)),
            ("found, told", &|directory| words(&directory.found(drift(), false, last))),
            ("found, held", &|directory| words(&directory.found(drift(), true, last))),
            ("found gone, held", &|directory| words(&directory.found(gone.clone(), true, last))),
            ("let go", &|directory| words(&directory.let_go())),
            ("left by a turn", &|directory| words(&directory.leave(on("new"), last))),
            ("accepted", &|directory| words(&directory.accept(Some(on("new")), last))),
            ("accepted unseen", &|directory| words(&directory.accept(None, last))),
        ],
    );
    assert_snapshot!(drawn);
    for (name, state) in &states {
        assert_eq!(state.leave(on("new"), last).accept(None, last).began, state.began, "{name}: it was given once");
    }
}
