//! Jobs whose rows come after others.

use super::folder::Folder;

const JOB: &str = "job run in.csv --id-column id --after-column after --brain shell --command ./picky --out out.csv \
                   --name j --attempts 1";

#[test]
fn rows_run_in_the_order_that_a_column_asks_for_and_are_skipped_behind_a_failure() {
    let folder = Folder::new();
    folder.worker("picky", r#"test "$UNDERSTORY_ROW" != 3 && echo "{\"row\":$UNDERSTORY_ROW}""#);
    folder.write("in.csv", "id,after\na,d\nb,c\nc,\nd,\n");
    assert_eq!(folder.run(JOB).code, 6);
    insta::assert_snapshot!(folder.ok("job items"), @r#"
    ROW  ITEM  STATUS     RUNS  ERROR
    1    a     completed  1
    2    b     skipped    0     "c", row 3, which comes before it, failed: [dir]/picky exited with code 1
    3    c     failed     1     [dir]/picky exited with code 1
    4    d     completed  1
    "#);
    assert_eq!(folder.json("job items j --status skipped").1["items"][0]["after"], serde_json::json!([3]));
    let log = folder.lines("log");
    assert!(log.iter().position(|run| run == "4 1") < log.iter().position(|run| run == "1 1"), "{log:?}");
    assert_eq!(folder.json("job items --status failed,skipped").1["items"].as_array().unwrap().len(), 2);
    folder.worker("picky", r#"echo "{\"row\":$UNDERSTORY_ROW}""#);
    assert_eq!(folder.run("job retry --failed").code, 6, "one is skipped still");
    assert_eq!(folder.run("job retry").code, 0);
    assert_eq!(folder.lines("log")[3..], ["3 2", "2 1"]);
}

#[test]
fn rows_that_wait_for_each_other_are_refused_with_their_line() {
    let folder = Folder::new();
    folder.write("in.csv", "id,after\na,\nb,c\nc,b\n");
    let (code, refused) = folder.json(JOB.replace("./picky", "true").as_str());
    assert_eq!(
        (code, &refused["code"], &refused["details"]["line"]),
        (5, &"invalid_table".into(), &3.into()),
        "{refused}"
    );
    assert_eq!(refused["message"], "line 3: rows wait for each other: \"b\" after \"c\" after \"b\"");
    assert_eq!(folder.ok("job list"), "no jobs\n");
}
