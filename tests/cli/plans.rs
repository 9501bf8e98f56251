//! What a job would be: `--dry-run` and `--strict`.

use std::io::Write;
use std::process::Stdio;

use super::folder::Folder;

const JOB: &str = "job run in.csv --id-column id --brain shell --command ./double --out out.csv --name j";

fn folder() -> Folder {
    let folder = Folder::with_table(1);
    folder.write("in.csv", "id,n,note\nk1,1,x\n,,\nk2,{id},\"a\nb\"\nk3,3,\nk4,4,\n");
    folder
}

#[test]
fn a_plan_shows_the_first_prompts_and_starts_nothing() {
    let folder = folder();
    let ran = folder.run(&format!("{JOB} --dry-run --instruction 'what is {{n}} of {{id}}?\u{7}\nor {{m}}'"));
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!(ran.out, @r"
    table      in.csv: 4 rows, 1 row of empty cells skipped
    used       id, n
    unused     note
    output     [dir]/out.csv
    turns      at most 12, crashes and closes not counted

    row 1 (k1):
      what is 1 of k1?\u{7}
      or {m}

    row 2 (k2):
      what is {id} of k2?\u{7}
      or {m}

    row 3 (k3):
      what is 3 of k3?\u{7}
      or {m}
    ");
    insta::assert_snapshot!(ran.err, @r#"warning: the template names "m", but the table has "id", "n", "note""#);
    assert!(!folder.home().exists() && !folder.at("log").exists() && !folder.at("out.csv").exists());
}

#[test]
fn a_plan_without_a_template_shows_the_rows() {
    let folder = folder();
    let words = JOB.replace("--out out.csv ", "").replace("--id-column id ", "");
    insta::assert_snapshot!(folder.ok(&format!("{words} --dry-run --first 1 --attempts 2")), @r#"
    table      in.csv: 4 rows, 1 row of empty cells skipped
    used       id, n, note
    output     [dir]/in.agent-job-<id>.csv
    turns      at most 8, crashes and closes not counted

    row 1 (row-1):
      {"id":"k1","n":"1","note":"x"}
    "#);
    assert_eq!(folder.ok(&format!("{words} --dry-run --first 0")).matches("row").count(), 2);
}

#[test]
fn a_plan_is_a_document() {
    let folder = folder();
    let (code, plan) = folder.json(&format!("{JOB} --dry-run --first 1 --attempts-column n --instruction '{{note}}'"));
    assert_eq!(code, 5, "{plan}");
    insta::assert_snapshot!(plan["message"].as_str().unwrap(), @r#"line 4, column "n": "{id}" is no whole number from 1 to 4294967295"#);
    folder.write("in.csv", "id,n,note\nk1,5,x\nk2,,y\n");
    let (code, mut plan) =
        folder.json(&format!("{JOB} --dry-run --first 1 --attempts-column n --instruction '{{note}}'"));
    assert_eq!(code, 0, "{plan}");
    plan["output"] = plan["output"].as_str().unwrap().rsplit('/').next().unwrap().into();
    insta::assert_snapshot!(plan, @r#"{"rows":2,"skipped":0,"used":["id","n","note"],"unused":[],"unknown_columns":[],"output":"out.csv","output_exists":false,"turns_max":8,"first":[{"number":1,"line":2,"item_id":"k1","instruction":"x","row":"{\"id\":\"k1\",\"n\":\"5\",\"note\":\"x\"}"}]}"#);
}

#[test]
fn a_plan_of_stdin_needs_no_home_and_no_spool() {
    let folder = folder();
    let words = JOB.replace("in.csv", "-") + " --format jsonl --dry-run --instruction '{n}{x}'";
    let mut child = folder.command(&words).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"id\":1,\"n\":[1, 2]}\n{\"x\":null}\n").unwrap();
    let ran = folder.ended(child);
    insta::assert_snapshot!(ran.out, @r"
    table      -: 2 rows
    used       id, n, x
    output     [dir]/out.csv
    turns      at most 6, crashes and closes not counted

    row 1 (1):
      [1,2]

    row 2 (row-2):
      null
    ");
    assert!(!folder.home().exists());
}

#[test]
fn a_plan_is_shown_while_another_process_has_the_home() {
    let folder = Folder::with_table(1);
    folder.pipe("gate");
    folder.worker("double", "read line <gate; echo '{}'");
    let job = folder.command(JOB).spawn().unwrap();
    let mut gate = folder.reached("gate");
    assert!(folder.ok(&format!("{JOB} --dry-run")).contains("in.csv: 1 row\n"));
    gate.write_all(b"go\n").unwrap();
    drop(gate);
    assert_eq!(folder.ended(job).code, 0);
}

#[test]
fn a_strict_job_is_refused_when_its_template_names_no_column() {
    let folder = Folder::with_table(1);
    for words in ["", "--dry-run"] {
        let ran = folder.run(&format!("{JOB} --strict --instruction '{{n}} and {{m}}' {words}"));
        assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{ran:?}");
        assert_eq!(ran.err, "error: the template names \"m\", but the table has \"id\", \"n\"\n");
    }
    assert_eq!(folder.ok("job list"), "no jobs\n");
    assert_eq!(folder.run(&format!("{JOB} --strict --instruction '{{n}} and {{{{m}}}}'")).code, 0);
    assert_eq!(folder.run(&format!("{JOB} --first 2")).code, 2, "--first says how much of --dry-run");
}

#[test]
fn a_plan_is_refused_as_the_job_would_be() {
    let folder = Folder::with_table(2);
    folder.write("cycle.csv", "id,after\na,b\nb,a\n");
    let check = |words: &str, code: i32, said: &str| {
        for words in [format!("{JOB} {words} --dry-run"), format!("{JOB} {words}")] {
            let ran = folder.run(&words);
            assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().next().unwrap()), (code, "", said), "{words}");
        }
    };
    let columns = r#"error: line 1: after column "nope" is not in the table, which has "id", "n""#;
    check("--after-column nope", 5, columns);
    check("--schema in.csv", 5, "error: the schema cannot be used: it is no json: expected value at line 1 column 1");
    check(
        "--instruction-column n --role boss",
        3,
        r#"error: role "boss" is not known; known are default, explorer, worker"#,
    );
    let cycle = JOB.replace("in.csv", "cycle.csv") + " --after-column after --dry-run";
    let ran = folder.run(&cycle);
    let said = "error: line 2: rows wait for each other: \"a\" after \"b\" after \"a\"\n";
    assert_eq!((ran.code, ran.err.as_str()), (5, said));
    let named = |words: &str| folder.run(&JOB.replace("--name j", &format!("--name 'bad name' {words}"))).err;
    let refused = named("--dry-run");
    assert!(refused.starts_with("error: ") && refused.contains("bad name"), "{refused}");
    assert_eq!(named(""), refused);
}

#[test]
fn a_plan_says_that_there_is_an_output_already() {
    let folder = Folder::with_table(2);
    folder.write("out.csv", "mine");
    let output = |words: &str| {
        let shown = folder.ok(&format!("{JOB} --dry-run {words}"));
        shown.lines().find(|line| line.starts_with("output")).unwrap().to_owned()
    };
    assert_eq!(
        output(""),
        "output     [dir]/out.csv, which is there: needs --overwrite, unless this goes on with a job"
    );
    assert_eq!(output("--overwrite"), "output     [dir]/out.csv, which is written over");
    assert_eq!(folder.json(&format!("{JOB} --dry-run")).1["output_exists"], true);
    std::fs::remove_file(folder.at("out.csv")).unwrap();
    assert_eq!(output(""), "output     [dir]/out.csv");
    assert_eq!(folder.json(&format!("{JOB} --dry-run")).1["output_exists"], false);
}
