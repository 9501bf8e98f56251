//! What is asked of one job while it runs and afterwards.

use super::folder::Folder;
use super::resident::HELD;

/// A job of five rows, of which the second and fourth fail once.
const JOB: &str =
    "job run in.csv --id-column id --brain shell --command ./picky --out out.csv --name j --attempts 1 --concurrency 1";

fn picky() -> Folder {
    let folder = Folder::with_table(5);
    folder.worker("picky", r#"case $UNDERSTORY_ROW in 2|4) exit 3;; esac; echo "{\"row\":$UNDERSTORY_ROW}""#);
    folder
}

#[test]
fn the_rows_of_a_job_are_listed_by_how_they_stand() {
    let folder = picky();
    assert_eq!(folder.run(JOB).code, 6);
    insta::assert_snapshot!(folder.ok("job items --limit 2"), @"
    ROW  ITEM  STATUS     RUNS  ERROR
    1    k1    completed  1
    2    k2    failed     1     [dir]/picky exited with code 3
    more: --after 2
    ");
    insta::assert_snapshot!(folder.ok("job items j --status failed --after 2"), @"
    ROW  ITEM  STATUS  RUNS  ERROR
    4    k4    failed  1     [dir]/picky exited with code 3
    ");
    assert_eq!(folder.ok("job items --status pending --status waiting"), "no rows\n");
    let (code, page) = folder.json("job items j --status completed --limit 2");
    assert_eq!((code, &page["job"], &page["next"]), (0, &"/root/j".into(), &3.into()));
    let items = page["items"].as_array().unwrap();
    let told =
        |item: &serde_json::Value| format!("{} {} {} {}", item["row"], item["item_id"], item["status"], item["runs"]);
    assert_eq!(items.iter().map(told).collect::<Vec<_>>(), ["1 \"k1\" \"completed\" 1", "3 \"k3\" \"completed\" 1"]);
    assert!(items[0]["took_ms"].is_u64() && items[0]["last_error"].is_null(), "{page}");
    let (code, refused) = folder.json("job items --status done");
    assert_eq!((code, &refused["code"]), (2, &"usage".into()), "{refused}");
}

#[test]
fn a_job_is_shown_with_how_it_stands_and_how_far_it_is() {
    let folder = picky();
    assert_eq!(folder.run(JOB).code, 6);
    let shown = |words: &str| {
        let shown = folder.ok(words);
        let lines = shown.lines().filter(|line| ["state", "rows"].iter().any(|name| line.starts_with(name)));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    insta::assert_snapshot!(shown("job show"), @"
    state      completed, 5 of 5
    rows       5 rows: 3 completed, 2 failed
    ");
    folder.ok("close j --yes");
    assert!(shown("job show").starts_with("state      closed (completed, 5 of 5)\n"));
    let (_, job) = folder.json("job show j");
    assert_eq!(job["limits"], serde_json::json!({ "turns": null, "tokens": null, "until": null }));
    assert!(job["spent"]["turns"].is_u64() && job["pause"].is_null(), "{job}");
}

#[test]
fn a_job_is_removed_by_its_verb_and_nothing_else_is() {
    let folder = picky();
    assert_eq!(folder.run(JOB).code, 6);
    folder.ok("spawn ada --no-nickname");
    folder.ok("close ada --yes");
    let asks = folder.run("job remove j");
    assert_eq!((asks.code, asks.out.as_str()), (2, ""), "{asks:?}");
    assert!(asks.err.contains("job remove asks before it acts"), "{asks:?}");
    assert_eq!(folder.json("job remove ada --yes").0, 4);
    let (code, dry) = folder.json("job remove j --dry-run");
    assert_eq!((code, &dry["dry_run"], &dry["items"], &dry["jobs"]), (0, &true.into(), &5.into(), &1.into()));
    assert_eq!(folder.ok("job remove j --yes"), "/root/j removed: 1 job, 5 items\n");
    assert_eq!(folder.json("job show j").1["code"], "removed");
    assert_eq!(folder.lines("out.csv").len(), 6, "its output stays");
    assert!(folder.ok("show ada").contains("closed"));
}

#[test]
fn rows_that_failed_are_tried_again_and_the_job_run_to_its_end() {
    let folder = picky();
    assert_eq!(folder.run(JOB).code, 6);
    let again = folder.run("job retry --item k2 --item k1");
    assert_eq!((again.code, again.out.as_str()), (6, ""), "{again:?}");
    insta::assert_snapshot!(again.err, @"
    /root/j: 1 row is tried again; 1 that was named is neither failed nor skipped
    job /root/j goes on: 4 of 5 rows are done
    job /root/j completed, 5 rows: 3 completed, 2 failed
      2 rows (k2, k4): [dir]/picky exited with code 3
    spent: 6 turns
    output: [dir]/out.csv
    ");
    folder.worker("picky", r#"echo "{\"row\":$UNDERSTORY_ROW}""#);
    let mended = folder.run("job retry j");
    assert_eq!(mended.code, 0, "{mended:?}");
    assert!(mended.err.starts_with("/root/j: 2 rows are tried again\n"), "{}", mended.err);
    for words in ["job resume j", "job retry j"] {
        let over = folder.run(words);
        assert!(over.err.contains("job /root/j is finished: nothing runs\n"), "there is no --new: {over:?}");
    }
    assert_eq!(folder.json("job pause j").1["message"], "/root/j: the job cannot be paused: it is completed");
    assert!(folder.ok("job show j").contains(" at once, 1 attempt, 1800 s each\n"));
    folder.ok("spawn ada --no-nickname");
    assert_eq!(
        folder.json("job show ada").1["message"],
        "/root/ada is an agent, which cannot be asked to do what a job does"
    );
    folder.ok("close ada --yes");
    assert_eq!(folder.lines("log")[5..], ["2 2", "2 3", "4 2"]);
    assert!(folder.lines("out.csv")[1..].iter().all(|line| line.contains(",completed,")), "{}", folder.read("out.csv"));
    let nothing = folder.run("job retry");
    assert_eq!(nothing.code, 0);
    assert!(nothing.err.starts_with("/root/j: no row is tried again\n"), "{}", nothing.err);
    assert_eq!(folder.json("job retry --item b").1["message"], "/root/j has no row \"b\"");
}

#[test]
fn a_cancelled_job_goes_on_with_what_the_cancel_left() {
    let folder = Folder::with_table(6);
    folder.worker("held", HELD);
    let words = "job run in.csv --id-column id --brain shell --command ./held --out out.csv --name j --concurrency 2";
    let mut job = folder.start(words);
    job.began(2);
    folder.ok("job cancel");
    job.let_go();
    assert_eq!(job.ended().code, 1);
    folder.worker("held", "echo fine");
    let named = folder.run("job retry j --item k1");
    assert_eq!(named.code, 1, "{named:?}");
    let said = "/root/j: no row is tried again; 1 that was named is neither failed nor skipped\n";
    assert!(named.err.starts_with(said), "{}", named.err);
    let again = folder.run("job retry j");
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.err.starts_with("/root/j: 4 rows that a cancel left go on\n"), "{}", again.err);
    assert!(folder.lines("out.csv")[1..].iter().all(|line| line.contains(",completed,")), "{}", folder.read("out.csv"));
}

#[test]
fn a_running_job_is_paused_and_given_other_limits_from_another_terminal() {
    let folder = Folder::with_table(6);
    folder.worker("held", HELD);
    let words = "job run in.csv --id-column id --brain shell --command ./held --out out.csv --name j --concurrency 2";
    let mut job = folder.start(words);
    job.began(2);
    assert_eq!(folder.ok("job set --concurrency 3 --max-turns 100"), "/root/j: 3 at once, 100 turns\n");
    job.began(1);
    assert_eq!(folder.ok("job set j --max-turns 0"), "/root/j: 3 at once\n");
    assert_eq!(folder.run("job set j").code, 2, "nothing is set");
    assert_eq!(folder.ok("job pause --reason lunch"), "/root/j is paused, rows that run may finish: lunch\n");
    assert!(folder.ok("job show").contains("state      paused (running, 0 of 6)\npaused     lunch\n"));
    assert!(folder.ok("job list").starts_with("/root/j  running (paused)  "));
    job.let_go();
    let ran = job.ended();
    insta::assert_snapshot!(ran.err, @"
    job /root/j: 6 rows
    error: /root/j is paused: lunch
    hint: understory job unpause /root/j, and then understory job resume /root/j
    ");
    assert_eq!((ran.code, folder.lines("log").len()), (1, 3));
    drop(job);
    // Nobody runs it: what is said of it is on record.
    assert_eq!(folder.run("job resume j").code, 1, "it is still paused");
    assert_eq!(folder.ok("job pause j"), "/root/j was paused already: lunch\n");
    assert_eq!(folder.json("job pause j --reason tea").1["new"], false);
    assert_eq!(folder.json("job show j").1["pause"]["reason"], "lunch");
    assert_eq!(folder.ok("job unpause"), "/root/j goes on\n");
    assert_eq!(folder.ok("job unpause j"), "/root/j was not paused\n");
    let mut job = folder.start("job resume j");
    job.let_go();
    assert_eq!(job.ended().code, 0);
    assert_eq!(folder.lines("out.csv").len(), 7);
}

#[test]
fn a_job_that_has_used_up_what_it_may_goes_on_with_more() {
    let folder = Folder::with_table(4);
    let words = "job run in.csv --id-column id --brain shell --command ./double --out out.csv --name j --max-turns 3";
    let ran = folder.run(words);
    assert_eq!(ran.code, 1);
    let said = "error: /root/j is paused: its budget of 3 turns is used up\n\
                hint: understory job set /root/j --max-turns N, and then understory job resume /root/j\n";
    assert!(ran.err.ends_with(said), "{ran:?}");
    folder.ok("job set /root/j --max-turns 5");
    folder.ok("job resume /root/j");
    assert_eq!(folder.json("job show").1["counts"]["completed"], 4);
}

#[test]
fn the_rows_of_a_job_are_written_to_another_place_as_they_stand() {
    let folder = picky();
    assert_eq!(folder.run(JOB).code, 6);
    let before = folder.read("out.csv");
    let told = folder.ok("job export j --out now.csv");
    assert!(told.starts_with("/root/j: 5 rows in ") && told.ends_with("/now.csv\n"), "{told}");
    assert_eq!(folder.read("now.csv"), before, "its own output is the same rows");
    folder.ok("job export --out now.jsonl");
    let lines = folder.lines("now.jsonl");
    assert_eq!(lines.len(), 5);
    let row: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!((&row["item_id"], &row["status"], &row["result"]), (&"k2".into(), &"failed".into(), &().into()));
    let (code, refused) = folder.json("job export j --out now.csv");
    assert_eq!((code, &refused["code"]), (4, &"exists".into()), "{refused}");
    assert_eq!(folder.json("job export j --out now.csv --overwrite").1["rows"], 5);
    let table = folder.read("in.csv");
    let (code, refused) = folder.json("job export j --out in.csv --overwrite");
    assert_eq!((code, &refused["code"]), (2, &"usage".into()), "{refused}");
    assert_eq!(folder.read("in.csv"), table, "what the job reads again if it has to");
    assert_eq!(folder.read("out.csv"), before);
}
