use understory_server::{Counts, NodeLine, Tree, TreeLine};

use super::*;

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let check = |text: &str, expected: &str| assert_eq!(escaped(text), expected);
    check("plain, ümläut and 漢字", "plain, ümläut and 漢字");
    check("\u{1b}[2J\u{7}gone", "\\u{1b}[2J\\u{7}gone");
    check("two\nlines\tand\r", "two\\nlines\\tand\\r");
    check("\u{9b}31m", "\\u{9b}31m");
    check("abc\u{202e}fdp.exe", "abc\\u{202e}fdp.exe");
    assert_eq!(lines("two\nlines\tand\r\u{1b}"), "two\nlines\tand\\r\\u{1b}");
}

#[test]
fn numbers_have_a_comma_between_thousands() {
    let check = |number: u64, expected: &str| assert_eq!(grouped(number), expected);
    check(0, "0");
    check(999, "999");
    check(1000, "1,000");
    check(1_234_567, "1,234,567");
}

fn line(path: &str, hidden: u64) -> TreeLine {
    let node = NodeLine {
        path: path.parse().unwrap(),
        kind: "agent".to_owned(),
        status: "idle".to_owned(),
        nickname: None,
        turns: Some(0),
        counts: None,
        role: Some("default".to_owned()),
        title: None,
        labels: Default::default(),
        task: None,
        active_at: None,
        elapsed_ms: None,
    };
    TreeLine { node, hidden, uncounted: hidden == 3 }
}

#[test]
fn a_tree_is_indented_and_says_what_it_folds() {
    let mut ada = line("/root/ada", 99_998);
    (ada.node.nickname, ada.node.turns) = (Some("Ada\u{7}".to_owned()), Some(2));
    ada.node.title = Some("Prices\u{1b}".to_owned());
    ada.node.labels.insert("team".to_owned(), "a".to_owned());
    let mut job = line("/root/job_1", 0);
    job.node.status = "running".to_owned();
    job.node.counts = Some(Counts { pending: 1000, running: 16, completed: 200, failed: 18, skipped: 0 });
    let nodes =
        vec![line("/root", 3), ada, line("/root/ada/a", 1), line("/root/ada/a/x", 0), line("/root/ada/b", 0), job];
    insta::assert_snapshot!(tree::tree(&Tree { nodes, cut: true }), @r#"
    /root  idle
      ada "Ada\u{7}"  idle  2 turns  Prices\u{1b}  [team=a]
        a  idle
          x  idle
          … and 1 more
        b  idle
        … and 99,998 more
      job_1  running  218 of 1,234 rows done, 18 failed, 16 running
      … and at least 3 more
    … there is more: look at a smaller part, or list fewer --children
    "#);
}

/// A job that runs, with what is said of it otherwise.
pub(super) fn job_line(changes: &Value) -> JobLine {
    let mut line = serde_json::json!({
        "path": "/root/j", "id": "1", "state": "running", "reason": null, "closed_by": null, "finished": false,
        "input": "in.csv", "output": "out.csv", "rows": 3376,
        "counts": { "pending": 3062, "running": 2, "completed": 310, "failed": 1, "skipped": 1 },
        "id_column": null, "template": null, "schema": null, "brain": { "name": "shell", "settings": "" },
        "role": "default", "columns": {}, "concurrency": 2,
        "limits": { "turns": null, "tokens": null, "until": null }, "spent": { "turns": 0, "tokens": 0 },
        "pause": null, "attempts": 3, "timeout_ms": 1, "created_at": "now", "exported_at": null, "errors": [],
    });
    for (name, value) in changes.as_object().unwrap() {
        line[name] = value.clone();
    }
    serde_json::from_value(line).unwrap()
}
