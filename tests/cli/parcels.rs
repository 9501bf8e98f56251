//! Export and import from the terminal.

use std::fs;

use serde_json::json;

use super::folder::Folder;
use super::resident::HELD;

#[test]
fn a_subtree_is_taken_to_another_home_and_resumed_there() {
    let folder = Folder::planted();
    let (code, failure) = folder.json("export ada ada.subtree");
    assert_eq!(code, 4);
    insta::assert_snapshot!(failure, @r#"{"code":"conflict","message":"/root/ada is open: close it before it is exported","details":{"path":"/root/ada"},"hint":"understory close /root/ada","retryable":false}"#);
    folder.ok("close ada --yes");
    let said = folder.ok("export @Ada ada.subtree");
    assert!(said.starts_with("/root/ada exported to [dir]/ada.subtree: 2 agents, "), "{said}");
    let (code, failure) = folder.json("export ada ada.subtree");
    assert_eq!((code, &failure["code"]), (4, &json!("exists")), "{failure}");
    let (code, failure) = folder.json("import ada.subtree");
    assert_eq!((code, &failure["code"]), (4, &json!("exists")), "{failure}");

    let said = folder.ok("--home other import ada.subtree");
    assert!(said.starts_with("/root/ada imported, closed: 2 agents, "), "{said}");
    assert!(folder.ok("--home other watch --after 0.0").contains("/root/ada  imported, closed"));
    folder.ok("--home other export ada again.subtree");
    assert_eq!(fs::read(folder.at("again.subtree")).unwrap(), fs::read(folder.at("ada.subtree")).unwrap());
    folder.ok("--home other resume ada");
    assert_eq!(folder.ok("--home other assign ada again"), "again\n");
    assert_eq!(folder.json("--home other store verify").1["sound"], true);

    // Beside the original its nickname is somebody else's.
    let (code, failure) = folder.json("import ada.subtree copy");
    assert_eq!(code, 4);
    insta::assert_snapshot!(failure, @r#"{"code":"exists","message":"nickname \"Ada\" is taken below /root, and what comes to /root/copy keeps it: import it to a path below another agent","details":{"nickname":"Ada","parent":"/root"},"hint":"understory import FILE PATH, with a PATH that is below another agent than /root","retryable":false}"#);
    folder.ok("spawn bob");
    let (code, imported) = folder.json("import ada.subtree bob/ada");
    assert_eq!((code, &imported["imported"], &imported["agents"]), (0, &json!("/root/bob/ada"), &json!(2)));
    assert_eq!(folder.json("store verify").1["sound"], true);
}

#[test]
fn a_subtree_goes_through_the_process_that_has_the_store() {
    let folder = Folder::with_table(3);
    folder.worker("held", HELD);
    folder.ok("spawn ada --brain shell --command cat --nickname Ada -m hello");
    folder.ok("goal set ada 'count the stars' --budget 60");
    folder.ok("memory add 'the harbour freezes' --for ada");
    folder.ok("close ada --yes");
    let words = "job run in.csv --id-column id --brain shell --command ./held --out out.csv --name j --concurrency 1";
    let mut job = folder.start(words);
    job.began(1);
    let (code, failure) = folder.json("export j j.subtree");
    assert_eq!((code, &failure["code"]), (4, &json!("conflict")), "{failure}");
    let (code, exported) = folder.json("export ada ada.subtree");
    assert_eq!((code, &exported["file"]), (0, &json!("[dir]/ada.subtree")), "{exported}");
    let (code, failure) = folder.json("import ada.subtree");
    assert_eq!((code, &failure["code"]), (4, &json!("exists")), "{failure}");
    folder.ok("spawn bob");
    folder.ok("goal set bob 'less' --budget 50");
    let (code, failure) = folder.json("import ada.subtree bob/ada");
    let message = "limit goal_budget of 50 is reached at /root/bob: ask for no more than that is left of its goal's budget, or \
                   raise that";
    assert_eq!((code, &failure["message"]), (4, &json!(message)), "{failure}");
    folder.ok("goal raise bob --budget 70");
    assert!(folder.ok("import ada.subtree bob/ada").starts_with("/root/bob/ada imported, closed: 1 agent, "));
    assert_eq!(folder.json("goal show bob").1["remaining"], 10);
    assert!(folder.ok("memory search harbour bob").contains("the harbour freezes"));
    job.let_go();
    assert_eq!(job.ended().code, 0);
    assert_eq!(folder.json("store verify").1["sound"], true);
}

/// What is imported is a file, unless it is the word for another program.
#[test]
fn a_file_that_is_called_like_a_program_is_named_by_its_place() {
    let folder = Folder::planted();
    folder.ok("close ada --yes");
    folder.ok("export ada codex");
    assert_eq!(folder.run("--home other import codex").code, 2, "it lacks the folder");
    assert!(folder.ok("--home other import ./codex").starts_with("/root/ada imported, closed: 2 agents, "));
    for (words, said) in [
        ("import", "<FILE>"),
        ("import codex", "<DIR>"),
        ("import codex codex ada extra", "unexpected argument 'ada'"),
        ("import ./codex ada extra", "'extra'"),
    ] {
        let ran = folder.run(words);
        assert!(ran.code == 2 && ran.err.contains(said), "{words}: {ran:?}");
    }
    let help = folder.ok("import --help");
    for words in ["Usage: understory import [OPTIONS] <FILE> [PATH]", "understory import <COMMAND>", "./codex"] {
        assert!(help.contains(words), "{words}: {help}");
    }
    assert!(folder.ok("import codex --help").contains("<DIR>"));
}

#[test]
fn a_file_that_was_cut_or_changed_anywhere_is_refused_whole() {
    let folder = Folder::planted();
    folder.ok("memory add 'the harbour freezes' --for ada");
    folder.ok("close ada --yes");
    folder.ok("export ada ada.subtree");
    let bytes = fs::read(folder.at("ada.subtree")).unwrap();
    // Its head, its top, rows of several tables, its tail and its checksum.
    let regions = [0, 9, bytes.len() / 4, bytes.len() / 2, bytes.len() * 3 / 4, bytes.len() - 60, bytes.len() - 1];
    for at in regions {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        fs::write(folder.at("changed"), &changed).unwrap();
        fs::write(folder.at("cut"), &bytes[..at]).unwrap();
        for file in ["changed", "cut"] {
            let (code, failure) = folder.json(&format!("--home other import {file}"));
            assert_eq!((code, &failure["code"]), (5, &json!("damaged")), "{file} at {at}: {failure}");
        }
    }
    assert_eq!(folder.ok("--home other tree"), "/root  idle\n");
    folder.ok("--home other import ada.subtree");
}

#[test]
fn what_is_no_subtree_is_not_imported() {
    let folder = Folder::planted();
    folder.ok("close ada --yes");
    folder.ok("export ada ada.subtree");
    folder.ok("store backup kept");
    folder.write("table.csv", "id,n\n1,2\n");
    let mut bytes = fs::read(folder.at("ada.subtree")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(folder.at("changed"), &bytes).unwrap();
    fs::write(folder.at("cut"), &bytes[..middle]).unwrap();
    for (file, exit, code, message) in [
        ("missing", 3, "not_found", "failed to open [dir]/missing: No such file or directory (os error 2)"),
        ("table.csv", 5, "damaged", "[dir]/table.csv is no good: it is no file of understory's"),
        ("kept", 5, "damaged", "[dir]/kept is no good: it holds a backup, not a subtree"),
        ("changed", 5, "damaged", "[dir]/changed is no good: "),
        ("cut", 5, "damaged", "[dir]/cut is no good: it was cut or changed: it ends within what begins at byte "),
        ("ada.subtree 'Not a path'", 5, "invalid_path", ""),
        ("ada.subtree /root", 2, "usage", "the root of the tree is neither exported nor imported"),
    ] {
        let (exited, failure) = folder.json(&format!("--home other import {file}"));
        assert_eq!((exited, &failure["code"]), (exit, &json!(code)), "{file}: {failure}");
        assert!(failure["message"].as_str().unwrap().starts_with(message), "{file}: {failure}");
    }
    assert_eq!(folder.ok("--home other tree"), "/root  idle\n");
    assert_eq!(folder.json("export /root all").1["hint"], "understory store backup writes all of it");
}

/// In the long form: it is done within less memory than the subtree has bytes, in one process that has the store.
#[cfg(target_os = "linux")]
#[test]
fn a_large_subtree_goes_through_little_memory() {
    const AGENTS: u64 = 10;
    const ENTRIES: usize = 192;
    if std::env::var_os("UNDERSTORY_LONG").is_none_or(|value| value != "1") {
        eprintln!("skipped: a subtree of 500 MB is moved with UNDERSTORY_LONG=1");
        return;
    }
    let folder = Folder::with_table(1);
    folder.worker("held", HELD);
    folder.ok("spawn ada");
    let mut random = fastrand::Rng::with_seed(7);
    let mut lines = String::new();
    for _ in 0..ENTRIES {
        let text: String = (0..256 << 10).map(|_| random.alphanumeric()).collect();
        lines += &format!("{}\n", super::entries::line("message", &json!({ "text": text })));
    }
    folder.write("large.jsonl", &lines);
    drop(lines);
    for number in 0..AGENTS {
        folder.ok(&format!("spawn ada/a{number}"));
        folder.ok(&format!("transcript import ada/a{number} large.jsonl"));
    }
    folder.ok("close ada --yes");
    let mut job = folder.start("job run in.csv --id-column id --brain shell --command ./held --out out.csv --name j");
    job.began(1);
    let (_, exported) = folder.json("export ada ada.subtree");
    let bytes = exported["bytes"].as_u64().unwrap();
    assert!(bytes > AGENTS * ENTRIES as u64 * (256 << 10), "{exported}");
    folder.ok("spawn bob");
    let (_, imported) = folder.json("import ada.subtree bob/ada");
    assert_eq!(imported["agents"], AGENTS + 1, "{imported}");
    let most = super::hostile_workers::peak(job.pid()) as u64 * 1024;
    assert!(most < bytes * 3 / 4, "{most} bytes of memory for a subtree of {bytes}");
    job.let_go();
    assert_eq!(job.ended().code, 0);
    let (_, written) = folder.json("transcript export bob/ada/a0 again.jsonl");
    assert_eq!(written["entries"], ENTRIES, "{written}");
}
