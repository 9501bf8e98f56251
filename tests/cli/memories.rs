//! Memories from the terminal.

use std::path::Path;

use serde_json::{Value, json};

use super::folder::Folder;

/// What a memory is called that a command noted.
fn noted(folder: &Folder, words: &str) -> String {
    let (code, noted) = folder.json(words);
    assert_eq!(code, 0, "{words}: {noted}");
    noted["noted"].as_str().unwrap().to_owned()
}

/// What the memories say that a command lists.
fn texts(folder: &Folder, words: &str) -> Vec<String> {
    let (code, page) = folder.json(words);
    assert_eq!(code, 0, "{words}: {page}");
    page["memories"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn memories_are_noted_listed_searched_and_shown() {
    let folder = Folder::new();
    folder.run("spawn ada");
    folder.run("spawn ada/kid");
    assert_eq!(folder.ok("memory list"), "no memories\n");
    let all = noted(&folder, "memory add 'deploy on Mondays' --scope tree --tag ops");
    let below = noted(&folder, "memory add 'ada likes Rust' --for ada");
    noted(&folder, "memory add 'workers deploy twice' --role worker");
    noted(&folder, "memory add 'ada alone' --for ada --scope agent");
    assert!(all.starts_with("/root@") && below.starts_with("/root/ada@"));
    assert_eq!(texts(&folder, "memory search deployed"), ["workers deploy twice", "deploy on Mondays"]);
    assert_eq!(texts(&folder, "memory search 'deploy mondays' --all-words"), ["deploy on Mondays"]);
    assert_eq!(texts(&folder, "memory list ada --newest"), ["ada alone", "ada likes Rust"]);
    assert_eq!(texts(&folder, "memory list ada/kid --seen --newest"), ["ada likes Rust", "deploy on Mondays"]);
    assert_eq!(texts(&folder, "memory list --role worker"), ["workers deploy twice"]);
    assert_eq!(texts(&folder, "memory list --tag ops"), ["deploy on Mondays"]);
    assert_eq!(texts(&folder, "memory list --scope agent --scope subtree --newest"), ["ada alone", "ada likes Rust"]);
    assert_eq!(texts(&folder, "memory list --tainted"), [] as [&str; 0]);
    assert_eq!(texts(&folder, "memory list --before 2020-01-01T00:00:00Z"), [] as [&str; 0]);
    let (_, first) = folder.json("memory list --limit 3");
    let next = first["next"].as_str().unwrap().to_owned();
    assert_eq!(texts(&folder, &format!("memory list --after {next}")).len(), 1);
    assert!(folder.ok(&format!("memory show {all}")).contains("tags       ops\n"));
    let (_, shown) = folder.json(&format!("memory show {all}"));
    let fields: Vec<&String> = shown.as_object().unwrap().keys().collect();
    let (who, what) = (["memory", "path", "scope", "role"], ["text", "bytes", "tags", "author", "turn", "commit"]);
    let when = ["tainted", "uses", "used_at", "at", "edited_at"];
    assert_eq!(fields, [&who[..], &what, &when].concat(), "a promise to programs");
    assert!(folder.ok("memory list --tag ops").ends_with("  tree  0 uses  deploy on Mondays\n"));
    for (words, code, kind) in [
        ("memory show nothing", 5, "invalid_text"),
        ("memory show /root@00000000-0000-0000-0000-000000000007", 3, "not_found"),
        ("memory add x --scope role", 2, "usage"),
        ("memory add x --role gone", 3, "not_found"),
        ("memory add x --for nobody", 3, "not_found"),
        ("memory list --since yesterday", 2, "usage"),
        ("memory list --after x", 2, "usage"),
    ] {
        let (found, failure) = folder.json(words);
        assert_eq!((found, &failure["code"]), (code, &json!(kind)), "{words}: {failure}");
    }
    assert_eq!(folder.run("store verify").code, 0);
}

#[test]
fn memories_are_edited_and_forgotten_one_by_one_and_many_at_once() {
    let folder = Folder::new();
    folder.run("spawn ada");
    let one = noted(&folder, "memory add first --for ada");
    noted(&folder, "memory add second --for ada");
    noted(&folder, "memory add third");
    noted(&folder, &format!("memory edit {one} 'first, again' --tag x"));
    let (_, shown) = folder.json(&format!("memory show {one}"));
    assert_eq!((&shown["text"], &shown["tags"]), (&json!("first, again"), &json!(["x"])));
    noted(&folder, &format!("memory edit {one} --no-tags"));
    assert_eq!(folder.json(&format!("memory show {one}")).1["tags"], json!([]));
    for words in [format!("memory forget {one}"), "memory reset".to_owned(), "memory forget --keep 1".to_owned()] {
        let (code, failure) = folder.json(&words);
        assert_eq!((code, &failure["code"]), (2, &json!("usage")), "{words}: {failure}");
    }
    assert!(folder.ok(&format!("memory forget {one} --dry-run")).contains("\nfirst, again\n"), "it is shown");
    assert_eq!(folder.ok(&format!("memory forget {one} --yes")), format!("{one} forgotten\n"));
    assert_eq!(folder.json(&format!("memory forget {one} --yes")).0, 3);
    let (_, dry) = folder.json("memory forget --keep 1 --dry-run");
    assert_eq!((&dry["dry_run"], &dry["forgotten"], &dry["seen"]), (&json!(true), &json!(1), &json!(2)));
    assert_eq!(folder.json("memory forget --unused --dry-run").1["forgotten"], json!(0), "30 days");
    assert_eq!(folder.json("memory forget --unused 0 --in ada --yes").1["forgotten"], json!(1));
    assert_eq!(texts(&folder, "memory list"), ["third"]);
    assert!(folder.ok("memory reset --dry-run").ends_with("1 of 1 would be forgotten, 5 bytes\n"));
    assert!(folder.ok("memory reset --yes").ends_with("1 of 1 forgotten, 5 bytes\n"));
    assert_eq!(folder.ok("memory list"), "no memories\n");
}

/// A worker that notes, recalls and marks itself by the command, as its agent.
#[test]
fn an_agents_program_notes_and_recalls_with_its_token() {
    let folder = Folder::new();
    let command = env!("CARGO_BIN_EXE_understory");
    let lines = [
        "memory add 'noted by me' --tag t",
        "memory add 'for all' --scope tree",
        "memory list --json",
        r#"tool call recall '{"query":"noted"}'"#,
        "memory marks",
        r#"tool call mark_untrusted '{"reason":"a page"}'"#,
        "memory add 'more for all' --scope tree",
        "memory reset --yes",
        "memory mark /root x",
        "memory list /root",
    ];
    let script: String =
        lines.iter().map(|line| format!("{command} --home \"$UNDERSTORY_HOME\" {line} 2>&1\n")).collect();
    let vouches =
        format!("key=$({command} memory add mine | cut -d' ' -f1)\n{command} memory edit $key mine --trusted 2>&1\n");
    let home = folder.home();
    folder.worker("notes", &format!("export UNDERSTORY_HOME={}\n{script}{vouches}true", home.display()));
    folder.run("spawn ada --brain shell --command ./notes");
    folder.ok("memory add 'by a person'");
    let said = folder.ok("assign ada go");
    assert!(said.contains("/root/ada@") && said.contains(" noted\n"), "{said}");
    assert!(said.contains(r#""uses":0"#) && said.contains(r#""text":"noted by me""#), "{said}");
    assert!(said.contains(r#""text":"for all""#), "what it sees is not only what lies there: {said}");
    assert!(said.contains("/root/ada may not write memories for others: /root/ada has read"), "{said}");
    assert_eq!(said.matches("an agent has no such verb").count(), 2, "{said}");
    assert!(said.contains("/root does not exist"), "{said}");
    assert!(said.contains("an agent vouches for no memory"), "{said}");
    assert_eq!(texts(&folder, "memory list --by ada --newest"), ["mine", "for all", "noted by me"]);
    let (_, page) = folder.json("memory list --tag t");
    let found = &page["memories"][0];
    assert_eq!((&found["uses"], &found["turn"], &found["scope"]), (&json!(1), &json!(1), &json!("agent")));
    assert_eq!(page["memories"].as_array().map(Vec::len), Some(1));
    assert_eq!(folder.json("memory add x --scope tree --role worker").1["code"], "usage");
    assert!(folder.ok("memory marks").contains("/root/ada  "));
    assert_eq!(folder.ok("memory unmark ada"), "/root/ada is not marked\n");
    assert_eq!(folder.ok("memory marks"), "no marks\n");
    assert_eq!(folder.ok("memory mark ada 'a mail'"), "/root/ada is marked\n");
    assert_eq!(folder.ok("memory mark ada 'a mail'"), "/root/ada is marked, as before\n");
}

/// What looks like a secret is in no file of the home: not in rows, transcripts, the engine's log or ours.
#[test]
fn redacted_canaries_are_in_no_file_of_the_home() {
    let folder = Folder::new();
    let key = |kind: &str| format!("{kind}CanaryCanary0123456789Canary0123456789");
    let canaries = [
        key("sk-ant-"),
        key("ghp_"),
        key("glpat-"),
        key("xoxb-"),
        format!("AKIA{}", "CANARY0123456789"),
        format!("eyJ{0}.{0}.{0}", "Canary0123456789"),
        "CanaryPassword1".to_owned(),
        "CanaryHeader123456".to_owned(),
    ];
    let (password, header) = (&canaries[6], &canaries[7]);
    let tokens = canaries[..6].join(" ");
    let text = format!("{tokens} password={password} postgres://u:{password}@db Authorization: Bearer {header} end");
    let argument = json!({ "text": text, "scope": "tree", "tags": ["t"] }).to_string();
    let reason = json!({ "reason": format!("a page with api_key: {password}") }).to_string();
    folder.write("text.txt", &text);
    folder.write("argument.json", &argument);
    folder.write("reason.json", &reason);
    let command = env!("CARGO_BIN_EXE_understory");
    folder.worker(
        "notes",
        &format!(
            "cd {}\nH=\"{command} --home {}\"\n$H memory add \"$(cat text.txt)\"\n$H tool call remember \"$(cat argument.json)\"\n$H tool call mark_untrusted \"$(cat reason.json)\"\n",
            folder.at("").display(),
            folder.home().display()
        ),
    );
    folder.run("spawn ada --brain shell --command ./notes");
    let said = folder.ok("assign ada go");
    assert!(said.contains("9 secrets taken out"), "{said}");
    assert_eq!(folder.run(&format!("memory add '{text}'")).code, 0);
    let one = noted(&folder, "memory add plain");
    noted(&folder, &format!("memory edit {one} '{text}'"));
    assert_eq!(folder.run(&format!("memory mark /root 'password={password}'")).code, 0);
    assert_eq!(folder.run("memory search Canary").code, 0);
    let (_, page) = folder.json("memory list");
    assert_eq!(page["memories"].as_array().map(Vec::len), Some(4), "{page}");
    let mut files = 0;
    walk(&folder.home(), &mut |path, bytes| {
        files += 1;
        for canary in &canaries {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{} holds {canary}", path.display());
        }
    });
    assert!(files > 3, "{files} files");
    // The end of each text is there: it was not lost for another reason.
    let whole = |one: &Value| folder.json(&format!("memory show {}", one["memory"].as_str().unwrap())).1;
    assert!(
        page["memories"].as_array().unwrap().iter().all(|one| whole(one)["text"].as_str().unwrap().ends_with(" end"))
    );
}

/// What a brain says of its own work is looked through like what it notes.
#[test]
fn a_canary_in_a_summary_is_in_no_file_of_the_home() {
    let folder = Folder::new();
    let canary = format!("{}CanaryCanary0123456789Canary0123456789", "sk-ant-");
    let argument = json!({ "text": format!("the key is {canary}, the north is done") }).to_string();
    folder.write("argument.json", &argument);
    let command = env!("CARGO_BIN_EXE_understory");
    folder.worker(
        "sum",
        &format!("'{command}' tool call summarise \"$(cat '{}')\"", folder.at("argument.json").display()),
    );
    folder.ok("spawn ada --brain shell --command ./sum");
    folder.ok("assign ada go");
    let (_, digest) = folder.json("digest ada");
    let said = digest["summary"]["text"].as_str().unwrap();
    assert!(said.contains("[redacted:") && said.ends_with(", the north is done"), "{digest}");
    let transcript = folder.ok("transcript ada");
    assert!(transcript.contains("call 1 of summarise") || transcript.contains("summarise"), "{transcript}");
    folder.ok("close ada --yes");
    folder.ok("export ada ada.subtree");
    let mut files = 0;
    let mut look = |path: &Path, bytes: &[u8]| {
        files += 1;
        let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
        assert!(!found, "{} holds it", path.display());
    };
    walk(&folder.home(), &mut look);
    look(Path::new("ada.subtree"), &std::fs::read(folder.at("ada.subtree")).unwrap());
    assert!(files > 3, "{files} files");
}

fn walk(dir: &Path, look: &mut dyn FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, look);
        } else if path.is_file() {
            look(&path, &std::fs::read(&path).unwrap());
        }
    }
}
