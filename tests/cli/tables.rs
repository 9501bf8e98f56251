//! Tables of every format, from the command to the output.

use std::io::Write;
use std::process::Stdio;

use super::folder::Folder;

const JOB: &str = "--id-column id --brain shell --command ./tell --out out.csv --name j";

const CSV: &str = "id,n,note\na,1,\"x,\ty\"\nb,2,\n";
const TSV: &str = "id\tn\tnote\na\t1\t\"x,\ty\"\nb\t2\t\n";
const LINES: &str = "{\"id\":\"a\",\"n\":1,\"note\":\"x,\\ty\"}\n{\"id\":\"b\",\"n\":2}\n";
const ARRAY: &str = "[\n  {\"id\": \"a\", \"n\": 1, \"note\": \"x,\\ty\"},\n  {\"id\": \"b\", \"n\": 2}\n]\n";

/// A folder with a worker that reports the row it was given, and what it found of it in its environment.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.worker("tell", r#"read -r row; printf '%s\n' "{\"row\":$row,\"n\":\"$UNDERSTORY_COL_N\"}""#);
    folder
}

/// What was reported for the two rows, and the cells of the output.
fn check(folder: &Folder, reported: [&str; 2]) {
    let out = folder.read("out.csv");
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let headers = reader.headers().unwrap().clone();
    assert!(headers.iter().take(4).eq(["id", "n", "note", "job_id"]), "{headers:?}");
    let place = headers.iter().position(|header| header == "result_json").unwrap();
    let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
    assert!(rows[0].iter().take(3).eq(["a", "1", "x,\ty"]), "{rows:?}");
    assert!(rows[1].iter().take(3).eq(["b", "2", ""]), "{rows:?}");
    assert_eq!([&rows[0][place], &rows[1][place]], reported);
}

const TYPED: [&str; 2] = [r#"{"row":{"id":"a","n":1,"note":"x,\ty"},"n":"1"}"#, r#"{"row":{"id":"b","n":2},"n":"2"}"#];
const TEXTS: [&str; 2] =
    [r#"{"row":{"id":"a","n":"1","note":"x,\ty"},"n":"1"}"#, r#"{"row":{"id":"b","n":"2","note":""},"n":"2"}"#];

#[test]
fn a_table_is_read_as_its_name_ends_or_as_is_said() {
    for (name, table, words, reported) in [
        ("in.csv", CSV, "", TEXTS),
        ("in.tsv", TSV, "", TEXTS),
        ("in.jsonl", LINES, "", TYPED),
        ("in.NDJSON", LINES, "", TYPED),
        ("in.json", ARRAY, "", TYPED),
        ("in.txt", TSV, "--format tsv", TEXTS),
        ("in.csv", LINES, "--format jsonl", TYPED),
        ("in.jsonl", ARRAY, "--format json", TYPED),
        ("in.json", CSV, "--format csv", TEXTS),
    ] {
        let folder = folder();
        folder.write(name, table);
        folder.ok(&format!("job run {name} {JOB} {words}"));
        check(&folder, reported);
    }
}

#[test]
fn stdin_is_a_table_of_any_format() {
    for (table, format, reported) in
        [(CSV, "csv", TEXTS), (TSV, "tsv", TEXTS), (LINES, "jsonl", TYPED), (ARRAY, "json", TYPED)]
    {
        let folder = folder();
        let words = format!("job run - {JOB} --format {format}");
        let mut child = folder.command(&words).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(table.as_bytes()).unwrap();
        let ran = folder.ended(child);
        assert_eq!(ran.code, 0, "{ran:?}");
        check(&folder, reported);
    }
}

#[test]
fn a_pipe_is_read_as_its_name_ends() {
    let folder = folder();
    folder.pipe("in.jsonl");
    let job = folder.command(&format!("job run in.jsonl {JOB}")).spawn().unwrap();
    folder.reached("in.jsonl").write_all(LINES.as_bytes()).unwrap();
    assert_eq!(folder.ended(job).code, 0);
    check(&folder, TYPED);
}

#[test]
fn the_format_of_the_name_and_the_same_format_said_are_one_command() {
    let folder = folder();
    folder.write("in.jsonl", LINES);
    folder.ok(&format!("job run in.jsonl {JOB}"));
    assert!(folder.run(&format!("job run in.jsonl {JOB} --format jsonl")).err.contains("nothing runs"));
    let other = folder.run(&format!("job run in.jsonl {JOB} --format csv"));
    assert_eq!(other.code, 5, "another format is another table: {other:?}");
}

#[test]
fn a_template_has_the_cells_of_json_as_text() {
    let folder = folder();
    folder.worker("tell", "cat");
    folder.write("in.json", r#"[{"id":"a","n":1.50,"l":[1, "x"]},{"id":"b","z":null}]"#);
    folder.ok(&format!("job run in.json {JOB} --instruction '{{id}} {{n}} {{l}} {{z}}.'"));
    let out = folder.read("out.csv");
    assert!(out.contains(r#"{""output"":""a 1.50 [1,\""x\""] .""}"#), "{out}");
    assert!(out.contains(r#"{""output"":""b   null.""}"#), "{out}");
    assert!(out.starts_with("id,n,l,z,job_id,"), "{out}");
}

#[test]
fn what_is_wrong_with_a_table_is_told_with_its_place() {
    let said = |name: &str, table: &str| {
        let folder = folder();
        folder.write(name, table);
        let (code, failure) = folder.json(&format!("job run {name} {JOB}"));
        assert_eq!((code, &failure["code"]), (5, &"invalid_table".into()), "{failure}");
        assert_eq!(folder.ok("job list"), "no jobs\n");
        format!("{} {}", failure["message"].as_str().unwrap(), failure["details"])
    };
    insta::assert_snapshot!(said("in.csv", "id,n\na,5\" pipe\n"), @r#"line 2, column 4: a quote in a cell that does not begin with one; quote the cell, and double the quote {"line":2,"column":4}"#);
    insta::assert_snapshot!(said("in.json", "[{\"id\":1},\n{\"id\":2,\"id\":3}]"), @r#"line 2, column 12: the key "id" is there twice {"line":2,"column":12}"#);
    insta::assert_snapshot!(said("in.jsonl", "{\"id\":1}\n[]\n"), @r#"line 2, column 1: invalid type: sequence, expected an object {"line":2,"column":1}"#);
}

/// The names of what lies in the spool.
fn spool(folder: &Folder) -> Vec<String> {
    let Ok(names) = std::fs::read_dir(folder.home().join("spool")) else { return Vec::new() };
    names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_table_from_stdin_is_kept_until_its_rows_are_stored() {
    let folder = folder();
    let words = format!("job run - {JOB} --format jsonl");
    let run = |table: &str| {
        let mut child = folder.command(&words).stdin(Stdio::piped()).spawn().unwrap();
        // One that is refused is not read to its end.
        let _ = child.stdin.take().unwrap().write_all(table.as_bytes());
        folder.ended(child)
    };
    let refused = run("{\"id\":1}\n{\"id\":\n");
    assert_eq!(refused.code, 5, "{refused:?}");
    insta::assert_snapshot!(refused.err, @"error: line 2, column 6: EOF while parsing a value");
    assert!(spool(&folder).is_empty(), "{:?}", spool(&folder));
    let endless = run(&"x".repeat(4 << 20));
    assert_eq!(endless.code, 4, "{endless:?}");
    assert!(spool(&folder).is_empty(), "{:?}", spool(&folder));
    assert_eq!(run(LINES).code, 0);
    assert!(spool(&folder).is_empty(), "{:?}", spool(&folder));
    assert!(run(LINES).err.contains("nothing runs"));
    assert!(spool(&folder).is_empty(), "{:?}", spool(&folder));
    assert_eq!(folder.json("store verify").1["sound"], true);
}
