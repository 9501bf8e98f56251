//! A subtree as a project.

use serde_json::json;

use super::folder::Folder;

#[test]
fn what_is_done_what_remains_and_what_is_in_the_way_are_on_one_page() {
    let folder = Folder::with_table(3);
    assert_eq!(folder.ok("show --all /root"), "/root  idle\nnothing is planned\n");
    folder.worker("answer", "cat");
    folder.worker("picky", r#"case $UNDERSTORY_ROW in 2) exit 3;; esac; echo "{\"row\":$UNDERSTORY_ROW}""#);
    folder.ok("spawn ada --brain shell --command ./answer -m hello");
    folder.worker("fail", "exit 3");
    folder.run("spawn bob --brain shell --command ./fail -m hello");
    folder.ok("plan add ada survey");
    folder.ok("plan add ada build --after 1");
    folder.ok("plan add ada paint --after 2");
    folder.ok("plan done ada 1");
    folder.ok("plan start ada 2");
    let job = "job run in.csv --id-column id --brain shell --command ./picky --out out.csv --name j --attempts 1";
    assert_eq!(folder.run(job).code, 6);
    let page = folder.ok("show --all /root");
    insta::assert_snapshot!(page, @"
    /root  idle
    1 of 3 nodes of plans done, 3 of 3 rows done, 1 of 1 jobs done

    In the way
      /root/bob  errored: [dir]/fail exited with code 3
      /root/j  rows: 1 of its rows failed

    Plans
      /root/ada  1 of 3 done
        2  doing  build
        3  after 2  paint

    Jobs
      /root/j  completed  3 of 3 rows done, 1 failed, 0 running

    Usage
      /root  0 tokens in 5 turns

    Digests
      /root/ada: completed, 1 turn (1 completed)
      last answers:
        turn 1 completed: hello
      /root/bob: errored, 1 turn (1 errored)
      last answers:
        turn 1 errored: [dir]/fail exited with code 3
    ");
    let (code, page) = folder.json("show --all ada");
    assert_eq!((code, &page["progress"]["nodes"]), (0, &json!({ "done": 1, "all": 3 })));
    assert_eq!((&page["hindrances"], &page["jobs"], &page["whole"]), (&json!([]), &json!([]), &json!(true)));
    assert_eq!(folder.json("show --all nobody").1["code"], "not_found");
}
