//! Roles from files in the home.

use serde_json::json;

use super::folder::Folder;

/// A folder whose home has these role files.
fn with_roles(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.home().join("roles")).unwrap();
    for (name, text) in files {
        std::fs::write(folder.home().join("roles").join(name), text).unwrap();
    }
    folder.worker("home/roles/answer", "cat; echo \"|${UNDERSTORY_INSTRUCTIONS-}\"");
    folder
}

const READER: &str = r#"
description = "reads"
instructions = "read it twice"
command = "./answer"
nicknames = ["Ann", "Bob"]

[tools]
hide = ["spawn"]

[limits]
agents = 3
"#;

#[test]
fn a_role_file_makes_a_role() {
    let folder =
        with_roles(&[("reader.toml", READER), ("worker.toml", "command = './answer'"), ("notes.txt", "no role")]);
    insta::assert_snapshot!(folder.ok("role list"), @"
    default   does what it is asked
    explorer  looks around and tells what it found
    reader    reads
    worker    does a piece of work and tells what came of it
    ");
    insta::assert_snapshot!(folder.ok("role show reader"), @r#"
    role       reader
    for        reads
    told       read it twice
    brain      shell {"program":"[dir]/home/roles/answer","args":[],"cwd":"[dir]/home/roles"}
    restart    permanent, 5 faults in 60 s
    nicknames  Ann, Bob
    without    spawn
    agents     at most 3 below it
    "#);
    insta::assert_snapshot!(serde_json::to_string_pretty(&folder.json("role show reader").1).unwrap(), @r#"
    {
      "name": "reader",
      "description": "reads",
      "instructions": "read it twice",
      "brain": {
        "name": "shell",
        "settings": "{\"program\":\"[dir]/home/roles/answer\",\"args\":[],\"cwd\":\"[dir]/home/roles\"}"
      },
      "policy": {
        "restart": "permanent",
        "faults": 5,
        "within_ms": 60000
      },
      "nicknames": [
        "Ann",
        "Bob"
      ],
      "hidden_tools": [
        "spawn"
      ],
      "limits": {
        "agents": 3,
        "depth": null
      },
      "isolated": false,
      "wake_on_result": true,
      "drift": "warn",
      "untrusted": false,
      "summary": false,
      "shared_memory": "clean"
    }
    "#);
    assert_eq!(folder.ok("role check"), "reader: good\nworker: good\n");
    for name in ["a", "b", "c"] {
        assert_eq!(folder.ok(&format!("spawn {name} --role reader -m hi")), "hi|read it twice\n");
    }
    insta::assert_snapshot!(folder.ok("tree"), @r#"
    /root  idle
      a "Ann"  completed  1 turn
      b "Bob"  completed  1 turn
      c "Ann the 2nd"  completed  1 turn
    "#);
    let (code, failure) = folder.json("spawn d --role writer");
    assert_eq!((code, &failure["code"], &failure["details"]["name"]), (3, &json!("not_found"), &json!("writer")));
    assert_eq!(folder.json("role show writer").0, 3);
}

#[test]
fn a_role_file_that_is_no_good_is_told_with_its_line() {
    let folder = with_roles(&[("a.toml", "description = 'a'\ncolour = 'red'\n"), ("b.toml", "\n\ndescription = 3\n")]);
    let (code, failure) = folder.json("role check");
    assert_eq!(code, 5);
    insta::assert_snapshot!(serde_json::to_string_pretty(&failure).unwrap(), @r#"
    {
      "code": "invalid_text",
      "message": "2 role files are no good: [dir]/home/roles/a.toml:2: unknown field `colour`, expected one of `name`, `description`, `instructions`, `brain`, `settings`, `command`, `nicknames`, `policy`, `tools`, `limits`, `isolated`, `wake_on_result`, `drift`, `untrusted`, `summary`, `memory`; [dir]/home/roles/b.toml:3: invalid type: integer `3`, expected a string",
      "details": {
        "problems": [
          {
            "file": "[dir]/home/roles/a.toml",
            "line": 2,
            "message": "unknown field `colour`, expected one of `name`, `description`, `instructions`, `brain`, `settings`, `command`, `nicknames`, `policy`, `tools`, `limits`, `isolated`, `wake_on_result`, `drift`, `untrusted`, `summary`, `memory`"
          },
          {
            "file": "[dir]/home/roles/b.toml",
            "line": 3,
            "message": "invalid type: integer `3`, expected a string"
          }
        ]
      },
      "hint": null,
      "retryable": false
    }
    "#);
    for words in ["spawn ada", "tree", "role list", "run --until-idle"] {
        let ran = folder.run(words);
        assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{words}: {ran:?}");
        assert!(
            ran.err.contains("roles/a.toml:2: unknown field") && ran.err.contains("understory role check"),
            "{ran:?}"
        );
    }
    let ran = folder.run("role check home/roles/b.toml");
    assert_eq!(ran.code, 5);
    insta::assert_snapshot!(ran.err, @"error: home/roles/b.toml:3: invalid type: integer `3`, expected a string");
    assert_eq!(folder.run("role check none.toml").code, 3);
    std::fs::remove_dir_all(folder.home().join("roles")).unwrap();
    assert_eq!(folder.ok("role check"), "no role files in [dir]/home/roles\n");
    folder.write("alone.toml", "description = 'x'\ncommand = './worker'\n");
    let ran = folder.run("role check alone.toml");
    assert!(ran.code == 5 && ran.err.contains("alone.toml:2: "), "{ran:?}");
    folder.worker("worker", "cat");
    assert_eq!(folder.ok("role check alone.toml"), "alone: good\n");
    assert_eq!(folder.run("role").code, 2);
    assert_eq!(folder.run("role show").code, 2);
}

#[test]
fn what_an_agent_got_follows_its_role_with_its_next_turn() {
    let folder = with_roles(&[("reader.toml", READER)]);
    folder.ok("spawn ada --role reader");
    assert_eq!(folder.json("show ada").1["granted"], json!(null), "it had no turn yet");
    assert_eq!(folder.ok("assign ada one"), "one|read it twice\n");
    assert_eq!(folder.json("show ada").1["granted"]["instructions"], json!("read it twice"));
    let changed = READER.replace("read it twice", "be brief").replace("[limits]\nagents = 3", "");
    std::fs::write(folder.home().join("roles/reader.toml"), changed).unwrap();
    assert_eq!(folder.json("show ada").1["granted"]["instructions"], json!("read it twice"), "it had no turn since");
    assert_eq!(folder.ok("assign ada two"), "two|be brief\n");
    insta::assert_snapshot!(serde_json::to_string_pretty(&folder.json("show ada").1["granted"]).unwrap(), @r#"
    {
      "instructions": "be brief",
      "policy": {
        "restart": "permanent",
        "faults": 5,
        "within_ms": 60000
      },
      "hidden_tools": [
        "spawn"
      ],
      "limits": {
        "agents": null,
        "depth": null
      },
      "isolated": false,
      "wake_on_result": true
    }
    "#);
    let shown = folder.ok("show ada");
    let got = shown.lines().find(|line| line.starts_with("got ")).unwrap();
    insta::assert_snapshot!(got, @"got        permanent, 5 faults in 60 s; without spawn; told be brief");
    std::fs::remove_file(folder.home().join("roles/reader.toml")).unwrap();
    let ran = folder.run("assign ada three");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("role \"reader\" is not known"), "{ran:?}");
    assert_eq!(folder.json("store verify").1["sound"], json!(true));
}

#[test]
fn a_nickname_is_picked_given_or_left_out() {
    let folder = Folder::new();
    let named = |words: &str| folder.json(words).1["nickname"].clone();
    let picked = named("spawn a");
    assert!(picked.is_string());
    assert_eq!(named("spawn b --no-nickname"), json!(null));
    assert_eq!(named("spawn c --nickname Ada"), json!("Ada"));
    assert_ne!(named("spawn d"), picked);
    assert_eq!(named("spawn a --or-existing"), picked);
    let refused = |words: &str| {
        let (code, failure) = folder.json(words);
        (code, failure["code"].clone())
    };
    assert_eq!(refused("spawn e --nickname ada"), (4, json!("exists")));
    assert_eq!(refused("spawn e --nickname ''"), (5, json!("invalid_text")));
    assert_eq!(refused("spawn e --nickname 'a\u{7}'"), (5, json!("invalid_text")));
    assert_eq!(refused("spawn e --nickname Bo --no-nickname"), (2, json!("usage")));
    let (_, verified) = folder.json("store verify");
    assert_eq!(verified["sound"], json!(true));
}
