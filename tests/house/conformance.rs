//! Every row of the conformance table is a test that is there, or says which decision makes it moot.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::project;

/// How many rows there are.
const ROWS: u32 = 178;

/// A line of the table.
struct Row {
    number: u32,
    ours: String,
    differs: bool,
}

/// How many rows are what.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    tested: u32,
    moot: u32,
    different: u32,
}

#[test]
fn every_row_is_a_test_or_moot() {
    let page = std::fs::read_to_string(project().join("tests/conformance.md")).unwrap();
    let tally = check(&page).unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
    println!(
        "conformance: {} tested, of which {} differ on purpose; {} moot",
        tally.tested, tally.different, tally.moot
    );
}

#[test]
fn what_is_wrong_with_the_table_is_told() {
    let there = "test: `paths::tests::the_root_is_its_own_kind`";
    let sound = |number: u32| match number {
        1 => format!("| 1 | {there} | here it differs |"),
        number => format!("| {number} | moot: nothing like it |  |"),
    };
    let page = |change: &dyn Fn(u32) -> String| (1..=ROWS).map(|number| change(number) + "\n").collect::<String>();
    let tally = Tally { tested: 1, moot: ROWS - 1, different: 1 };
    assert_eq!(check(&page(&sound)), Ok(tally));
    for (instead, fault) in [
        ("", "row 7 is missing"),
        ("| 6 | moot: twice | |", "row 6 is there twice"),
        ("| 7 | test: `paths::tests::not_there` | |", "row 7: there is no test paths::tests::not_there"),
        ("| 7 | test: `paths::nowhere::not_there` | |", "row 7: there is no test paths::nowhere::not_there"),
        // A function that is no test.
        ("| 7 | test: `paths::tests::any_path` | |", "row 7: there is no test paths::tests::any_path"),
        ("| 7 | moot: | |", "row 7 is neither a test nor moot"),
        ("| 7 | perhaps | |", "row 7 is neither a test nor moot"),
        ("| 179 | moot: one too many | |", "row 179 is none of 178"),
    ] {
        let page = page(&|number| if number == 7 { instead.to_owned() } else { sound(number) });
        let faults = check(&page).unwrap_err();
        assert!(faults.iter().any(|found| found == fault), "{instead}: {faults:?}");
    }
}

fn check(page: &str) -> Result<Tally, Vec<String>> {
    let (mut tally, mut faults, mut seen) = (Tally::default(), Vec::new(), BTreeMap::<u32, u32>::new());
    for row in page.lines().filter_map(row) {
        let number = row.number;
        *seen.entry(number).or_default() += 1;
        let named = row.ours.strip_prefix("test: ").map(|name| name.trim_matches('`'));
        match (named, row.ours.strip_prefix("moot: ")) {
            (Some(name), _) if !is_test(name) => faults.push(format!("row {number}: there is no test {name}")),
            (Some(_), _) => tally.tested += 1,
            (None, Some(_)) => tally.moot += 1,
            (None, None) => faults.push(format!("row {number} is neither a test nor moot")),
        }
        tally.different += u32::from(row.differs);
    }
    let beyond = seen.keys().filter(|number| !(1..=ROWS).contains(number));
    faults.extend(beyond.map(|number| format!("row {number} is none of {ROWS}")));
    faults
        .extend(seen.iter().filter(|(_, times)| **times > 1).map(|(number, _)| format!("row {number} is there twice")));
    faults.extend((1..=ROWS).filter(|row| !seen.contains_key(row)).map(|row| format!("row {row} is missing")));
    if faults.is_empty() { Ok(tally) } else { Err(faults) }
}

/// A line of the page as a row, if it is one.
fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let [number, ours, differs] = cells[..] else { return None };
    Some(Row { number: number.parse().ok()?, ours: ours.to_owned(), differs: !differs.is_empty() })
}

/// Whether `room::module::name` is a test.
fn is_test(name: &str) -> bool {
    let mut parts: Vec<&str> = name.split("::").collect();
    let Some(test) = parts.pop() else { return false };
    files(&parts).iter().any(|file| std::fs::read_to_string(file).is_ok_and(|text| has_test(&text, test)))
}

/// The files that a module may lie in; one called `tests` also in that of its parent.
fn files(module: &[&str]) -> Vec<PathBuf> {
    let place = project().join(module.join("/"));
    let mut files = vec![place.with_extension("rs"), place.join("mod.rs"), place.join("lib.rs")];
    if let Some((&"tests", parent)) = module.split_last() {
        files.extend(self::files(parent));
    }
    files
}

/// Whether a function is there with the attribute of a test above it.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let named = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").and_then(|line| line.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    let above =
        |at: usize| lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| is_mark(line));
    lines.iter().enumerate().any(|(at, line)| named(line) && above(at))
}

fn is_mark(attribute: &str) -> bool {
    attribute == "#[test]" || attribute.starts_with("#[tokio::test")
}
