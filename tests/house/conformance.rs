//! Every row of the conformance table is a test that is there, or says which decision makes it moot.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::project;

/// The series of rows: what their numbers begin with, and how many there are.
const SERIES: [(&str, u32); 6] = [("", 178), ("J", 25), ("D", 10), ("M", 49), ("T", 85), ("G", 48)];

/// A line of a table.
struct Row {
    id: Id,
    ours: String,
    differs: bool,
}

/// Which row: the letters of its series, and its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id(String, u32);

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.0, self.1)
    }
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
    let sound = |id: &str| match id {
        "1" => format!("| 1 | {there} | here it differs |"),
        "J1" => format!("| J1 | {there}, `paths::tests::a_bad_path_is_refused_with_its_rule` | |"),
        id => format!("| {id} | moot: nothing like it |  |"),
    };
    let page = |change: &dyn Fn(&str) -> String| ids().map(|id| change(&id.to_string()) + "\n").collect::<String>();
    let rows = u32::try_from(ids().count()).unwrap();
    assert_eq!(rows, 178 + 25 + 10 + 49 + 85 + 48);
    assert_eq!(check(&page(&sound)), Ok(Tally { tested: 2, moot: rows - 2, different: 1 }));
    for (at, instead, fault) in [
        ("7", "", "row 7 is missing"),
        ("J7", "", "row J7 is missing"),
        ("D10", "| D010 | moot: another number | |", "row D10 is missing"),
        ("7", "| 6 | moot: twice | |", "row 6 is there twice"),
        ("J7", "| J6 | moot: twice | |", "row J6 is there twice"),
        ("7", "| 7 | test: `paths::tests::not_there` | |", "row 7: there is no test paths::tests::not_there"),
        ("7", "| 7 | test: `paths::nowhere::not_there` | |", "row 7: there is no test paths::nowhere::not_there"),
        // A function that is no test.
        ("7", "| 7 | test: `paths::tests::any_path` | |", "row 7: there is no test paths::tests::any_path"),
        // The second of two.
        ("J7", &format!("| J7 | {there}, `paths::tests::gone` | |"), "row J7: there is no test paths::tests::gone"),
        ("7", "| 7 | moot: | |", "row 7 is neither a test nor moot"),
        ("7", "| 7 | perhaps | |", "row 7 is neither a test nor moot"),
        ("7", "| 179 | moot: one too many | |", "row 179 is of no series"),
        ("7", "| J26 | moot: one too many | |", "row J26 is of no series"),
        ("7", "| J0 | moot: one too few | |", "row J0 is of no series"),
        ("7", "| X1 | moot: of another | |", "row X1 is of no series"),
    ] {
        let page = page(&|id| if id == at { instead.to_owned() } else { sound(id) });
        let faults = check(&page).unwrap_err();
        assert!(faults.iter().any(|found| found == fault), "{instead}: {faults:?}");
    }
}

fn check(page: &str) -> Result<Tally, Vec<String>> {
    let (mut tally, mut faults, mut seen) = (Tally::default(), Vec::new(), BTreeMap::<Id, u32>::new());
    for row in page.lines().filter_map(row) {
        match (row.ours.strip_prefix("test: "), row.ours.strip_prefix("moot: ")) {
            (Some(names), _) => {
                let names = names.split(", ").map(|name| name.trim_matches('`'));
                let gone = names.filter(|name| !is_test(name));
                faults.extend(gone.map(|name| format!("row {}: there is no test {name}", row.id)));
                tally.tested += 1;
            }
            (None, Some(_)) => tally.moot += 1,
            (None, None) => faults.push(format!("row {} is neither a test nor moot", row.id)),
        }
        tally.different += u32::from(row.differs);
        *seen.entry(row.id).or_default() += 1;
    }
    let all: Vec<Id> = ids().collect();
    faults.extend(seen.keys().filter(|id| !all.contains(id)).map(|id| format!("row {id} is of no series")));
    faults.extend(seen.iter().filter(|(_, times)| **times > 1).map(|(id, _)| format!("row {id} is there twice")));
    faults.extend(all.iter().filter(|id| !seen.contains_key(id)).map(|id| format!("row {id} is missing")));
    if faults.is_empty() { Ok(tally) } else { Err(faults) }
}

/// Every row that there must be.
fn ids() -> impl Iterator<Item = Id> {
    SERIES.into_iter().flat_map(|(letters, count)| (1..=count).map(|number| Id(letters.to_owned(), number)))
}

/// A line of the page as a row, if it is one.
fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let [id, ours, differs] = cells[..] else { return None };
    Some(Row { id: self::id(id)?, ours: ours.to_owned(), differs: !differs.is_empty() })
}

fn id(text: &str) -> Option<Id> {
    let (letters, number) = text.split_at(text.find(|c: char| c.is_ascii_digit())?);
    let id = Id(letters.to_owned(), number.parse().ok()?);
    // As it would be written.
    (id.to_string() == text).then_some(id)
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
