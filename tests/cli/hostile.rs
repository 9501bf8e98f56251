//! Cells and tables that mean harm: each is taken as it is, or refused by name.

use std::fs;

use super::folder::Folder;

const JOB: &str = "--id-column id --brain shell --command ./tell --out out.csv --name j";
/// The most bytes of a row as JSON.
const ROW_MAX: usize = 256 << 10;

/// A folder with a worker that reports what it was given on stdin.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.worker("tell", "cat >given-$UNDERSTORY_ROW; printf '{}'");
    folder
}

fn refused(folder: &Folder, words: &str) -> (i64, String) {
    let (code, failure) = folder.json(words);
    assert_eq!(folder.ok("job list"), "no jobs\n", "{failure}");
    assert!(!folder.at("out.csv").exists() && !folder.at("log").exists(), "{failure}");
    (code.into(), format!("{} {} {}", failure["code"], failure["message"], failure["details"]))
}

#[test]
fn a_cell_at_the_limit_comes_through_and_one_over_it_is_named() {
    let around = r#"{"id":"a","x":""}"#.len();
    for (name, row) in [
        ("in.csv", |cell: &str| format!("id,x\na,{cell}\n")),
        ("in.jsonl", |cell: &str| format!("{{\"id\":\"a\",\"x\":\"{cell}\"}}\n")),
    ] as [(&str, fn(&str) -> String); 2]
    {
        let folder = folder();
        let cell = "x".repeat(ROW_MAX - around);
        folder.write(name, &row(&(cell.clone() + "x")));
        let (code, said) = refused(&folder, &format!("job run {name} {JOB}"));
        let line = if name == "in.csv" { 2 } else { 1 };
        let wanted = format!(
            "\"limit\" \"the row at line {line} is too large, the limit is 262144 bytes as json; a quote may have been left \
             open\" {{\"line\":{line},\"limit\":262144}}"
        );
        assert_eq!((code, said), (4, wanted));
        folder.write(name, &row(&cell));
        folder.ok(&format!("job run {name} {JOB}"));
        assert_eq!(folder.read("given-1"), format!("{{\"id\":\"a\",\"x\":\"{cell}\"}}"));
        assert!(folder.read("out.csv").contains(&cell));
    }
}

#[test]
fn a_hundred_thousand_columns_are_too_many() {
    let folder = folder();
    folder.write("in.csv", &format!("{}\n", ",".repeat(99_999)));
    let (code, said) = refused(&folder, &format!("job run in.csv {JOB}"));
    assert_eq!(code, 4);
    insta::assert_snapshot!(said, @r#""limit" "the header has 100000 columns, the limit is 16384" {"found":100000,"limit":16384}"#);
    // With names it is too long to be read to its end.
    let names = (0..100_000).map(|n| format!("c{n}")).collect::<Vec<_>>();
    folder.write("in.csv", &format!("{}\n", names.join(",")));
    let (code, said) = refused(&folder, &format!("job run in.csv {JOB}"));
    assert_eq!(code, 4);
    assert!(said.contains("the row at line 1 is too large, the limit is 262144 bytes"), "{said}");
    let row = |names: &[String]| {
        let keys: Vec<String> = names.iter().map(|name| format!("\"{name}\":1")).collect();
        format!("{{{}}}\n", keys.join(","))
    };
    folder.write("in.jsonl", &names.chunks(10_000).map(row).collect::<String>());
    let (code, said) = refused(&folder, &format!("job run in.jsonl {JOB}"));
    assert_eq!(code, 4);
    insta::assert_snapshot!(said, @r#""limit" "the row at line 2 has one column too many for the table, the limit is 16384 columns" {"line":2,"limit":16384}"#);
}

#[test]
fn braces_and_escape_sequences_in_cells_are_text() {
    let folder = folder();
    folder.write("in.csv", "id,other,x\na,secret,{other}\nb,secret,{{x}} }}{\nc,secret,\u{1b}[2J\u{1b}]0;t\u{7}\r\nd\\n,\\u0041,$(id) `id` %s\n");
    folder.ok(&format!("job run in.csv {JOB} --instruction '{{x}}|{{{{x}}}}|{{id}}'"));
    let given: Vec<String> = (1..=4).map(|row| folder.read(&format!("given-{row}"))).collect();
    assert_eq!(given, ["{other}|{x}|a", "{{x}} }}{|{x}|b", "\u{1b}[2J\u{1b}]0;t\u{7}|{x}|c", "$(id) `id` %s|{x}|d\\n"]);
    let shown = folder.ok("show j/r00000003") + &folder.ok("job items j");
    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
}

#[test]
fn a_nul_comes_through_where_it_can() {
    let folder = folder();
    folder.worker("tell", "cat >given-$UNDERSTORY_ROW; printf '{\"x\":\"%s\"}' \"${UNDERSTORY_COL_X-none}\"");
    for (name, table) in [("in.csv", "id,x\na,1\u{0}2\n"), ("in.jsonl", "{\"id\":\"a\",\"x\":\"1\\u00002\"}\n")] {
        folder.write(name, table);
        folder.ok(&format!("job run {name} {} --overwrite", JOB.replace("--name j", "")));
        assert_eq!(folder.read("given-1"), "{\"id\":\"a\",\"x\":\"1\\u00002\"}");
        let out = folder.read("out.csv");
        assert!(out.contains("a,1\u{0}2,"), "{out:?}");
        assert!(out.contains(r#""{""x"":""none""}""#), "a variable cannot hold it: {out:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_named_with_byte_and_line() {
    let folder = folder();
    for (name, table) in
        [("in.tsv", &b"id\tx\na\t1\nb\t\xff\n"[..]), ("in.json", b"[{\"id\":1},\n\n{\"id\":\"\xc3\x28\"}]")]
    {
        fs::write(folder.at(name), table).unwrap();
        let (code, said) = refused(&folder, &format!("job run {name} {JOB}"));
        let byte = table.iter().position(|byte| *byte >= 0x80).unwrap();
        let wanted =
            format!("\"invalid_table\" \"invalid utf-8 at byte {byte}, in line 3\" {{\"byte\":{byte},\"line\":3}}");
        assert_eq!((code, said), (5, wanted));
    }
}
