//! `list` and `label` from the terminal.

use serde_json::{Value, json};

use super::folder::Folder;

/// Three agents, one of which has done something.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.ok("spawn ada --brain shell --command cat -m 'count the\nrows'");
    folder.ok("spawn ada/bea --role worker --no-nickname");
    folder.ok("spawn cai --detach --brain shell --command cat -m 'not yet'");
    folder
}

/// A table without its times.
fn timeless(text: &str) -> String {
    let cell = |word: &str| word.bytes().filter(u8::is_ascii_digit).count() >= 6 && !word.contains('/');
    let line =
        |line: &str| line.split(' ').map(|word| if cell(word) { "[t]" } else { word }).collect::<Vec<_>>().join(" ");
    text.lines().map(|one| line(one) + "\n").collect()
}

fn paths(page: &Value) -> Vec<&str> {
    page["nodes"].as_array().unwrap().iter().map(|node| node["path"].as_str().unwrap()).collect()
}

#[test]
fn a_list_is_a_table() {
    let folder = folder();
    folder.ok("label ada --title Counting --label team=a");
    insta::assert_snapshot!(timeless(&folder.ok("list")), @r"
    PATH           STATUS     NAME    ROLE     ACTIVE               ABOUT
    /root          idle               default  [t] [t]
    /root/ada      completed  Lark    default  [t] [t]  Counting  [team=a]  count the
    /root/ada/bea  idle               worker   [t] [t]
    /root/cai      queued     Laurel  default  [t] [t]  not yet
    ");
    assert_eq!(folder.ok("list --status faulted"), "nothing\n");
}

#[test]
fn a_list_keeps_what_is_asked_for() {
    let folder = folder();
    for (words, expected) in [
        ("list", &["/root", "/root/ada", "/root/ada/bea", "/root/cai"][..]),
        ("list ada", &["/root/ada", "/root/ada/bea"]),
        ("list --depth 1", &["/root", "/root/ada", "/root/cai"]),
        ("list --status completed,queued", &["/root/ada", "/root/cai"]),
        ("list --status completed --status idle --role worker", &["/root/ada/bea"]),
        ("list --text 'COUNT THE'", &["/root/ada"]),
        ("list --text bea", &["/root/ada/bea"]),
        ("list --kind job,item", &[]),
        ("list --order created --limit 1", &["/root/cai"]),
        ("list --order active --limit 1", &["/root/cai"]),
    ] {
        let (code, page) = folder.json(words);
        assert_eq!((code, paths(&page).as_slice()), (0, expected), "{words}: {page}");
    }
}

#[test]
fn pages_follow_each_other_both_ways() {
    let folder = folder();
    let (_, first) = folder.json("list --limit 2");
    assert_eq!(first["previous"], Value::Null);
    let next = first["next"].as_str().unwrap();
    let (_, second) = folder.json(&format!("list --limit 2 --after {next}"));
    assert_eq!((paths(&second), &second["next"]), (vec!["/root/ada/bea", "/root/cai"], &Value::Null));
    let previous = second["previous"].as_str().unwrap();
    let (_, back) = folder.json(&format!("list --limit 2 --before {previous}"));
    assert_eq!(paths(&back), paths(&first));
    for (words, said) in [
        ("list --after nonsense", "\"nonsense\" is no cursor: take one from a page before"),
        ("list --status busy", "\"busy\" is no status; they are closed, faulted, waiting"),
    ] {
        let (code, failure) = folder.json(words);
        assert_eq!((code, &failure["code"]), (2, &json!("usage")), "{words}");
        assert!(failure["message"].as_str().unwrap().starts_with(said), "{failure}");
    }
    let (code, failure) = folder.json(&format!("list --order created --after {next}"));
    assert_eq!(code, 2);
    assert_eq!(failure["message"], "the cursor is of a list by path, and this is one by created");
    assert_eq!(folder.run("list none").code, 3);
}

#[test]
fn a_label_keeps_what_is_not_named() {
    let folder = folder();
    let labelled = |words: &str, title: Value, labels: Value, new: bool| {
        let expected = json!({ "path": "/root/ada", "title": title, "labels": labels, "new": new });
        assert_eq!(folder.json(&format!("label ada {words}")), (0, expected), "{words}");
    };
    labelled("", Value::Null, json!({}), false);
    labelled("--title 'The Counter' --label a=b=c", json!("The Counter"), json!({ "a": "b=c" }), true);
    labelled("--label d=e --label f=g", json!("The Counter"), json!({ "a": "b=c", "d": "e", "f": "g" }), true);
    labelled("--no-title --no-label a --no-label d", Value::Null, json!({ "f": "g" }), true);
    labelled("--no-label x", Value::Null, json!({ "f": "g" }), false);
    folder.ok("label @Lark --title Counter");
    assert_eq!(folder.json("list lark --depth 0").1["nodes"][0]["title"], "Counter");
    assert!(folder.ok("tree").contains("1 turn  Counter  [f=g]\n"));
    insta::assert_snapshot!(folder.ok("label ada"), @r"
    of         /root/ada
    title      Counter
    labels     f=g
    ");
    let shown = folder.ok("show ada");
    assert!(
        shown.contains("title      Counter\nlabels     f=g\n") && shown.contains("about      count the\n"),
        "{shown}"
    );
    assert!(folder.ok("show cai").contains("mail       1 message, 7 bytes\n"));
    assert!(folder.ok("show /root").contains("children   2 open\n"));
    for (words, code, said) in [
        ("--label x", 2, "\"x\" is no label: KEY=VALUE"),
        ("--label x=1 --no-label x", 2, "label \"x\" is given twice"),
        ("--label 'a b=1'", 5, "label key \"a b\" must be 1 to 64 of letters, digits, _ . - and /"),
        ("--title 'a\u{7}'", 5, "title \"a\\u{7}\" has control characters"),
    ] {
        let (ended, failure) = folder.json(&format!("label ada {words}"));
        assert_eq!((ended, &failure["message"]), (code, &json!(said)), "{words}");
    }
    assert_eq!(folder.run("store verify").code, 0);
}
