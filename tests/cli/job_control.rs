//! What is asked of one job while it runs and afterwards.

use super::folder::Folder;

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
