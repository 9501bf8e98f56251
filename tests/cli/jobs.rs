//! Jobs from the terminal: the newcomer's command, and the same command again.

use std::fs;
use std::io::Write;

use super::folder::{Folder, project};

const JOB: &str = "job run in.csv --id-column id --brain shell --command ./double --out out.csv --name j";

#[test]
fn the_newcomers_command_leaves_a_csv() {
    let folder = Folder::new();
    let airports = fs::read_to_string(project("examples/airports.csv")).unwrap();
    folder.write("airports.csv", &airports.lines().take(51).map(|line| format!("{line}\n")).collect::<String>());
    let worker = project("examples/workers/distance.sh");
    let words = "job run airports.csv --id-column iata --brain shell --out distances.csv --name j --command";
    let ran = folder.run(&format!("{words} {}", worker.display()));
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    insta::assert_snapshot!(ran.err, @"
    job /root/j: 50 rows
    job /root/j completed, 50 rows: 50 completed
    output: [dir]/distances.csv
    ");
    let output = folder.lines("distances.csv");
    assert_eq!(output.len(), 51);
    assert!(output[0].starts_with("iata,name,city,state,country,latitude,longitude,job_id,item_id,"), "{}", output[0]);
    assert!(output[1].contains(r#""{""iata"":""00M"",""km"":1213.2}""#), "{}", output[1]);
    assert!(output[1..].iter().all(|line| line.contains(",completed,1,,")), "{output:?}");
}

#[test]
fn the_same_command_on_a_finished_job_runs_nothing() {
    let folder = Folder::with_table(3);
    folder.ok(JOB);
    assert_eq!(folder.lines("log").len(), 3);
    let before = folder.read("out.csv");
    let ran = folder.run(JOB);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    insta::assert_snapshot!(ran.err, @"
    the same command was run before: --new starts another job
    job /root/j is finished: nothing runs
    job /root/j completed, 3 rows: 3 completed
    output: [dir]/out.csv
    ");
    assert_eq!(folder.lines("log").len(), 3);
    assert_eq!(folder.read("out.csv"), before);
}

#[test]
fn a_missing_output_is_exported_again() {
    let folder = Folder::with_table(3);
    folder.ok(JOB);
    let before = folder.read("out.csv");
    fs::remove_file(folder.at("out.csv")).unwrap();
    let ran = folder.run(JOB);
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.err, @"
    job /root/j is finished; its output is missing and is written again
    job /root/j completed, 3 rows: 3 completed
    output: [dir]/out.csv
    ");
    assert_eq!(folder.lines("log").len(), 3, "no row ran again");
    assert_eq!(folder.read("out.csv"), before);
}

#[test]
fn new_starts_another_job() {
    let folder = Folder::with_table(3);
    folder.ok(JOB);
    let again = JOB.replace("--name j", "--name k --overwrite --new");
    assert!(folder.run(&again).err.contains("job /root/k completed"));
    assert_eq!(folder.lines("log").len(), 6);
    assert_eq!(folder.ok("job list").lines().count(), 2);
}

#[test]
fn another_input_is_another_command_when_it_has_changed() {
    let folder = Folder::with_table(3);
    folder.ok(JOB);
    folder.table(4);
    let (code, failure) = folder.json(JOB);
    assert_eq!(code, 4);
    insta::assert_snapshot!(failure, @r#"{"code":"input_changed","message":"[dir]/in.csv has changed since /root/j was started from it: start another job with --new","details":{"input":"[dir]/in.csv","job":"/root/j"},"hint":"--new starts another job over the table as it is now","retryable":false}"#);
    assert_eq!(folder.lines("log").len(), 3);
    assert_eq!(folder.lines("out.csv").len(), 4, "the old output is untouched");
    folder.ok(&JOB.replace("--name j", "--name k --new --overwrite"));
    assert_eq!(folder.lines("out.csv").len(), 5);
}

#[test]
fn another_command_is_another_job() {
    let folder = Folder::with_table(3);
    folder.ok(JOB);
    let other = JOB.replace("--id-column id ", "").replace("--name j", "--name k").replace("out.csv", "other.csv");
    folder.ok(&other);
    assert_eq!(folder.lines("log").len(), 6);
    // A limit is no part of what makes a command the same.
    assert!(folder.run(&format!("{JOB} --concurrency 1 --attempts 9")).err.contains("nothing runs"));
}

#[test]
fn what_a_job_that_is_there_is_not_given_is_said() {
    let folder = Folder::with_table(3);
    let words = format!("{JOB} --attempts 3 --timeout 1800 --concurrency 16 --max-time 900");
    let ran = folder.run(&format!("{words} --max-turns 1"));
    assert!(ran.code == 1 && !ran.err.contains("warning"), "{ran:?}");
    // As it was, or with nothing that it has not.
    for words in [format!("{words} --max-turns 1"), JOB.to_owned()] {
        let same = folder.run(&words);
        assert!(!same.err.contains("warning"), "{same:?}");
    }
    let other = JOB.replace("--name j", "--name k");
    let other = folder.run(&format!("{other} --attempts 9 --timeout 60 --concurrency 2 --max-turns 7 --max-tokens 8"));
    let told = "warning: /root/j was there already, and is without --name k (it has j), --attempts 9 (it has 3), --timeout 60 (it \
                has 1800), --concurrency 2 (it has 16), --max-turns 7 (it has 1), --max-tokens 8 (it has none): understory job \
                set /root/j --concurrency 2 --max-turns 7 --max-tokens 8";
    assert_eq!(other.err.lines().next().unwrap(), told, "{other:?}");
    folder.ok("job set j --max-turns 0");
    folder.ok(JOB);
    let over = folder.run(&format!("{JOB} --concurrency 2"));
    let told = "warning: /root/j was there already, and is without --concurrency 2 (it has 16)";
    assert_eq!((over.code, over.err.lines().next().unwrap()), (0, told), "a finished job is set nothing any more");
}

#[test]
fn a_job_says_how_many_rows_it_works_on_when_that_is_fewer() {
    let folder = Folder::with_table(1);
    let ran = folder.run(&format!("{JOB} --concurrency 100000"));
    let told = "warning: /root/j works on 256 rows at once, as many as there are turn slots";
    assert_eq!((ran.code, ran.err.lines().next().unwrap()), (0, told), "{ran:?}");
}

#[test]
fn failed_rows_are_grouped_and_have_an_exit_code() {
    let folder = Folder::with_table(7);
    let script = "case $UNDERSTORY_ROW in
        1|2|3|4) echo 'no such thing' >&2; exit 7;;
        5) echo 'another' >&2; exit 8;;
        *) echo fine;;
        esac";
    folder.worker("double", script);
    let ran = folder.run(&format!("{JOB} --attempts 1"));
    assert_eq!((ran.code, ran.out.as_str()), (6, ""));
    insta::assert_snapshot!(ran.err, @"
    job /root/j: 7 rows
    job /root/j completed, 7 rows: 2 completed, 5 failed
      4 rows (k1, k2, k3, …): [dir]/double exited with code 7: no such thing
      1 row (k5): [dir]/double exited with code 8: another
    output: [dir]/out.csv
    ");
    assert_eq!(folder.lines("out.csv").len(), 8, "the output has every row");
    assert!(folder.read("out.csv").contains(r#""{""output"":""fine""}""#));
    let again = folder.run(JOB);
    assert_eq!(again.code, 6, "the same command has the same exit code");
    assert_eq!(folder.lines("log").len(), 7);
}

#[test]
fn a_failed_row_is_tried_again_and_keeps_its_real_error() {
    let folder = Folder::with_table(1);
    folder.worker("double", "[ $UNDERSTORY_RUN = 2 ] && echo '{\"run\":2}' && exit; echo first >&2; exit 1");
    folder.ok(JOB);
    assert_eq!(folder.lines("log"), ["1 1", "1 2"]);
    assert!(folder.read("out.csv").contains(",completed,2,"), "{}", folder.read("out.csv"));
}

#[test]
fn a_table_comes_from_stdin() {
    let folder = Folder::with_table(3);
    let words = JOB.replace("in.csv", "-").replace("--name j", "--overwrite");
    let run = |table: &str| {
        let mut command = folder.command(&words);
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(table.as_bytes()).unwrap();
        folder.ended(child)
    };
    assert_eq!(run("id,n\na,1\nb,2\n").code, 0);
    assert_eq!(folder.lines("out.csv").len(), 3);
    let same = run("id,n\na,1\nb,2\n");
    assert!(same.err.contains("nothing runs"), "{same:?}");
    let other = run("id,n\na,1\n");
    assert_eq!(other.code, 0, "another table is another job: {other:?}");
    assert_eq!(folder.lines("out.csv").len(), 2);
    let without = folder.run("job run - --brain shell --command ./double");
    assert_eq!(without.code, 2);
    assert!(without.err.contains("--out"), "{without:?}");
}

#[test]
fn a_template_is_what_a_worker_reads() {
    let folder = Folder::with_table(2);
    folder.worker("double", "read -r line; echo \"$line\"");
    folder.write("ask.txt", "what is {n} of {id}?\n");
    folder.ok(&format!("{JOB} --template ask.txt"));
    assert!(folder.read("out.csv").contains("what is 2 of k2?"), "{}", folder.read("out.csv"));
    assert_eq!(folder.json("job show").1["template"], "what is {n} of {id}?\n");
    assert!(folder.json("job list").1["jobs"][0]["template"].is_null(), "a list is short");
    folder.ok("job run in.csv --brain shell --command ./double --out o.csv --instruction 'n {n}, {{n}}'");
    assert!(folder.read("o.csv").contains("n 2, {n}"), "{}", folder.read("o.csv"));
}

#[test]
fn the_output_lies_beside_the_table_if_it_is_not_said() {
    let folder = Folder::with_table(1);
    folder.ok("job run in.csv --brain shell --command ./double");
    let output = folder.json("job show").1["output"].as_str().unwrap().replace("[dir]/", "");
    assert!(output.starts_with("in.agent-job-") && output.ends_with(".csv"), "{output}");
    assert_eq!(folder.lines(&output).len(), 2);
}

#[test]
fn a_scripted_brain_answers_rows() {
    let folder = Folder::with_table(2);
    folder.write("script.jsonl", "{\"match\":\"k1\",\"report\":{\"one\":1}}\n{\"report\":{}}\n");
    folder.ok("job run in.csv --id-column id --script script.jsonl --out out.csv");
    let rows = folder.lines("out.csv");
    assert!(rows[1].starts_with("k1,1,") && rows[1].contains(r#",completed,1,,"{""one"":1}","#), "{rows:?}");
    assert!(rows[2].starts_with("k2,2,") && rows[2].contains(",completed,1,,{},"), "{rows:?}");
}

#[test]
fn a_table_comes_from_a_pipe() {
    let folder = Folder::with_table(3);
    folder.pipe("pipe");
    let words = JOB.replace("in.csv", "pipe");
    let run = |words: &str| {
        let job = folder.command(words).spawn().unwrap();
        folder.reached("pipe").write_all(b"id,n\na,1\nb,2\n").unwrap();
        folder.ended(job)
    };
    assert_eq!(run(&words).code, 0);
    assert_eq!(folder.lines("out.csv").len(), 3);
    assert!(run(&words).err.contains("nothing runs"));
    let without = folder.run("job run pipe --brain shell --command ./double");
    assert_eq!(without.code, 2, "there is no place beside it: {without:?}");
}

#[test]
fn an_item_is_shown_whole() {
    let folder = Folder::with_table(1);
    let long = "x".repeat(5000);
    folder.write("in.csv", &format!("id,n\nk1,{long}\n"));
    folder.worker("double", "echo \"{\\\"n\\\":\\\"$UNDERSTORY_COL_N\\\"}\"");
    folder.ok(JOB);
    let (_, item) = folder.json("show j/r00000001");
    assert_eq!(item["row"], format!(r#"{{"id":"k1","n":"{long}"}}"#));
    assert_eq!(item["result"], format!(r#"{{"n":"{long}"}}"#));
    assert_eq!(folder.ok("show j/r00000001").matches(&long).count(), 2);
}

#[test]
fn a_job_at_a_taken_name_is_told_what_helps() {
    let folder = Folder::with_table(1);
    folder.ok("spawn j");
    let ran = folder.run(JOB);
    assert_eq!(ran.code, 4);
    insta::assert_snapshot!(ran.err, @"error: /root/j exists already");
}
