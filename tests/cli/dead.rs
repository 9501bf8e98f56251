//! Dead letters from the terminal.

use serde_json::json;

use super::folder::Folder;

/// An agent whose brain breaks twice has one dead letter.
fn folder() -> (Folder, String) {
    let folder = Folder::new();
    folder.write("script.jsonl", "{\"fail\":\"no luck\",\"class\":\"broken\"}\n");
    folder.run("spawn ada --brain scripted --script script.jsonl -m 'do it' --meta trace=7");
    let (code, page) = folder.json("dead list");
    assert_eq!((code, page["letters"].as_array().map(Vec::len)), (0, Some(1)), "{page}");
    let letter = page["letters"][0]["letter"].as_str().unwrap().to_owned();
    (folder, letter)
}

#[test]
fn dead_letters_are_listed_and_shown() {
    let (folder, letter) = folder();
    assert!(letter.starts_with("/root/ada@"), "{letter}");
    let (_, page) = folder.json("dead list ada --limit 1");
    assert_eq!(page["next"], json!(letter));
    let (_, rest) = folder.json(&format!("dead list --after {letter}"));
    assert_eq!(rest, json!({ "letters": [], "next": null }));
    let (code, mut shown) = folder.json(&format!("dead show {letter}"));
    for time in ["sent_at", "dead_at"] {
        assert!(shown[time].is_string(), "{shown}");
        shown[time] = json!("[time]");
    }
    shown["letter"] = json!("[letter]");
    assert_eq!(code, 0);
    insta::assert_snapshot!(shown, @r#"{"letter":"[letter]","path":"/root/ada","from":null,"trigger":true,"text":"do it","metadata":{"trace":"7"},"bytes":5,"error":"brain broken: no luck","sent_at":"[time]","dead_at":"[time]"}"#);
    assert!(folder.ok("dead list").ends_with("do it\n"));
    assert!(folder.ok(&format!("dead show {letter}")).contains("starts     a turn\nattached   trace=7\n"));
}

#[test]
fn a_dead_letter_is_retried_or_dropped() {
    let (folder, letter) = folder();
    let (code, failure) = folder.json(&format!("dead drop {letter}"));
    assert_eq!((code, &failure["code"]), (2, &json!("usage")), "{failure}");
    assert!(folder.ok(&format!("dead retry {letter}")).starts_with(&format!("{letter} retried: message ")));
    assert!(folder.ok("tree").contains("ada \"Lark\"  queued"));
    for words in [format!("dead retry {letter}"), format!("dead show {letter}"), format!("dead drop {letter} --yes")] {
        let (code, failure) = folder.json(&words);
        assert_eq!((code, &failure["code"]), (3, &json!("not_found")), "{words}: {failure}");
    }
    folder.run("run --until-idle");
    let (_, page) = folder.json("dead list");
    let again = page["letters"][0]["letter"].as_str().unwrap();
    assert_eq!(folder.json(&format!("dead drop {again} --yes")), (0, json!({ "dropped": again })));
    assert_eq!(folder.ok("dead list"), "no dead letters\n");
    assert_eq!(folder.run("store verify").code, 0);
    for words in ["dead show nothing", "dead show ada@1", "dead show ada@x.y"] {
        let (code, failure) = folder.json(words);
        assert_eq!((code, &failure["code"]), (2, &json!("usage")), "{words}: {failure}");
    }
}
