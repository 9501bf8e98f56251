use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tempfile::TempDir;

use super::*;

const ROW: ExportRow<'_> = ExportRow {
    cells: &[],
    row_json: "{}",
    job_id: "j1",
    item_id: "row-1",
    row_index: 0,
    source_id: None,
    status: "pending",
    attempt_count: 0,
    last_error: None,
    result_json: None,
    reported_at: None,
    completed_at: None,
};

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn table(headers: &[&str]) -> Layout {
    Layout { headers: strings(headers), ..Layout::default() }
}

fn export(path: &Path, headers: &[&str], rows: &[ExportRow<'_>]) -> String {
    let mut export = Export::create(path, &table(headers)).unwrap();
    rows.iter().for_each(|row| export.row(row).unwrap());
    export.finish().unwrap();
    fs::read_to_string(path).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The message and its source, with the directory's name taken out.
fn told(directory: &TempDir, error: &ExportError) -> String {
    let source = std::error::Error::source(error).map_or(String::new(), |source| format!(": {source}"));
    format!("{error}{source}").replace(&directory.path().display().to_string(), "[dir]")
}

#[test]
fn an_output_is_the_table_and_what_became_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let cells = [strings(&["Bay Springs", ""]), strings(&["two\nlines", "a,b"])];
    let rows = [
        ExportRow {
            cells: &cells[0],
            item_id: "Bay",
            source_id: Some("Bay "),
            status: "completed",
            attempt_count: 2,
            result_json: Some("{ \"n\" : [1, 2.50, 12345678901234567890123] }"),
            reported_at: Some(1_795_262_963_007),
            completed_at: Some(0),
            ..ROW
        },
        ExportRow {
            cells: &cells[1],
            item_id: "row-2",
            row_index: 1,
            status: "failed",
            attempt_count: 3,
            last_error: Some("said \"no\""),
            completed_at: Some(1_795_262_963_120),
            ..ROW
        },
    ];
    insta::assert_snapshot!(export(&directory.path().join("out.csv"), &["city", "note"], &rows), @r#"
    city,note,job_id,item_id,row_index,source_id,status,attempt_count,last_error,result_json,reported_at,completed_at
    Bay Springs,,j1,Bay,0,Bay ,completed,2,,"{""n"":[1,2.50,12345678901234567890123]}",2026-11-21T12:09:23.007Z,1970-01-01T00:00:00.000Z
    "two
    lines","a,b",j1,row-2,1,,failed,3,"said ""no""",,,2026-11-21T12:09:23.120Z
    "#);
}

#[test]
fn an_output_without_rows_is_its_header() {
    let directory = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(export(&directory.path().join("out.csv"), &["a", "job_id"], &[]), @"a,job_id,job_id,item_id,row_index,source_id,status,attempt_count,last_error,result_json,reported_at,completed_at");
}

/// J8
#[test]
fn a_value_is_quoted_only_when_it_must_be() {
    let directory = tempfile::tempdir().unwrap();
    let check = |cell: &str, wanted: &str| {
        let written =
            export(&directory.path().join("out.csv"), &["a"], &[ExportRow { cells: &strings(&[cell]), ..ROW }]);
        let header = "a,job_id,item_id,row_index,source_id,status,attempt_count,last_error,result_json,reported_at,completed_at\n";
        assert_eq!(written, format!("{header}{wanted},j1,row-1,0,,pending,0,,,,\n"));
    };
    check("", "");
    check(" plain text; #'\t\\ 1 ", " plain text; #'\t\\ 1 ");
    check("a,b", "\"a,b\"");
    check("say \"so\"", "\"say \"\"so\"\"\"");
    check("a\nb", "\"a\nb\"");
    check("a\rb", "\"a\rb\"");
}

#[test]
fn a_time_has_milliseconds_and_is_in_utc() {
    use super::sheet::time;

    assert_eq!(time(None), "");
    assert_eq!(time(Some(0)), "1970-01-01T00:00:00.000Z");
    assert_eq!(time(Some(1_795_262_963_070)), "2026-11-21T12:09:23.070Z");
    assert_eq!(time(Some(u64::MAX)), "18446744073709551615");
}

#[test]
fn nothing_is_at_the_path_before_the_end_and_nothing_beside_it_after() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    fs::write(&path, "old").unwrap();

    let mut dropped = Export::create(&path, &table(&[])).unwrap();
    dropped.row(&ROW).unwrap();
    assert_eq!(names(directory.path()).len(), 2);
    drop(dropped);
    assert_eq!(
        (names(directory.path()), fs::read_to_string(&path).unwrap()),
        (strings(&["out.csv"]), "old".to_owned())
    );

    export(&path, &[], &[ROW]);
    assert_eq!(names(directory.path()), ["out.csv"]);
    assert!(fs::read_to_string(&path).unwrap().ends_with("\nj1,row-1,0,,pending,0,,,,\n"));
}

/// Leaves what a killed process does: the file under its other name, which nobody has open any more.
fn kill_in_an_export(path: &Path) {
    let directory = path.parent().unwrap();
    let export = Export::create(path, &table(&[])).unwrap();
    let (left, kept) = (directory.join(&names(directory)[0]), directory.join("kept"));
    fs::hard_link(&left, &kept).unwrap();
    drop(export);
    fs::rename(kept, left).unwrap();
}

#[test]
fn of_two_exports_to_one_path_the_last_to_end_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let first = Export::create(&path, &table(&["first"])).unwrap();
    let second = Export::create(&path, &table(&["second"])).unwrap();
    second.finish().unwrap();
    first.finish().unwrap();
    assert!(fs::read_to_string(&path).unwrap().starts_with("first,"));
    assert_eq!(names(directory.path()), ["out.csv"]);
}

#[test]
fn what_a_killed_export_left_is_removed_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    kill_in_an_export(&path);
    for name in [
        "out.csv.a1b2c3d4e5f6.partial",
        ".out.csv.backup.partial",
        ".out.csv.b.csv.a1b2c3d4e5f6.partial",
        ".other.csv.a1b2c3d4e5f6.partial",
    ] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    assert_eq!(names(directory.path()).len(), 5);

    export(&path, &[], &[]);
    let left = [
        ".other.csv.a1b2c3d4e5f6.partial",
        ".out.csv.b.csv.a1b2c3d4e5f6.partial",
        ".out.csv.backup.partial",
        "out.csv",
        "out.csv.a1b2c3d4e5f6.partial",
    ];
    assert_eq!(names(directory.path()), left);
}

#[test]
fn directories_are_made_and_a_long_name_is_no_trouble() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b").join("n".repeat(251) + ".csv");
    check_writable(&path, false).unwrap();
    assert_eq!(names(directory.path()), Vec::<String>::new());
    kill_in_an_export(&path);
    export(&path, &[], &[]);
    assert_eq!(names(&directory.path().join("a/b")).len(), 1);
}

#[test]
fn an_output_that_is_there_is_overwritten_only_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    check_writable(&path, false).unwrap();
    fs::write(&path, "old").unwrap();
    let error = check_writable(&path, false).unwrap_err();
    assert_eq!(told(&directory, &error), "output [dir]/out.csv exists already, and was not to be overwritten");
    check_writable(&path, true).unwrap();
    assert_eq!(
        (names(directory.path()), fs::read_to_string(&path).unwrap()),
        (strings(&["out.csv"]), "old".to_owned())
    );
}

#[test]
fn an_output_that_cannot_be_written_is_found_before() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    let check = |path: &str| match check_writable(&directory.path().join(path), true) {
        Ok(()) => panic!("{path} was taken to be writable"),
        Err(error) => told(&directory, &error),
    };
    assert_eq!(check(""), "output [dir]/ is not a file");
    assert_eq!(check("file/out.csv"), "failed to write output [dir]/file/out.csv: Not a directory (os error 20)");
    assert_eq!(check("none/.."), "failed to write output [dir]/none/..: invalid filename");
    let error = Export::create(&directory.path().join("file/out.csv"), &table(&[])).unwrap_err();
    insta::assert_snapshot!(told(&directory, &error), @"failed to write output [dir]/file/out.csv: Not a directory (os error 20)");
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_takes_no_files_is_found_before_even_by_an_administrator() {
    let error = check_writable(Path::new("/proc/out/table.csv"), false).unwrap_err();
    insta::assert_snapshot!(error, @"failed to write output /proc/out/table.csv");
    assert!(matches!(check_writable(Path::new("/dev/null"), true), Err(ExportError::NotAFile { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_the_mask_decides_who_may_read() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let (real, link, plain) =
        (directory.path().join("real.csv"), directory.path().join("link.csv"), directory.path().join("plain"));
    fs::write(&real, "old").unwrap();
    fs::write(&plain, "").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    export(&link, &["a"], &[]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().starts_with("a,job_id"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&real), mode(&plain));
}

#[test]
fn an_output_lies_beside_its_table_unless_told() {
    let place = |input: &str, kind| default_output(Path::new(input), "0192ab3f", kind);
    let check = |input: &str, wanted: &str| assert_eq!(place(input, OutputKind::Csv), Path::new(wanted));
    let lines = place("/in/airports.csv", OutputKind::JsonLines);
    assert_eq!(lines, Path::new("/in/airports.agent-job-0192ab3f.jsonl"));
    check("/in/airports.csv", "/in/airports.agent-job-0192ab3f.csv");
    check("airports.2026.tsv", "airports.2026.agent-job-0192ab3f.csv");
    check("/in/airports", "/in/airports.agent-job-0192ab3f.csv");
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[\" \\\\\n]{0,4}".prop_map(Into::into)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::vec(("[\" \\\\]{0,3}", inner), 0..3)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_result_loses_its_blanks_and_nothing_else(value in json()) {
        prop_assert_eq!(json::compact(&serde_json::to_string_pretty(&value).unwrap()), value.to_string());
    }
}
