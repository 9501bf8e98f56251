//! Backup, restore and compaction from the terminal.

use std::fs;

use serde_json::json;

use super::folder::Folder;
use super::resident::HELD;

fn planted() -> Folder {
    let folder = Folder::new();
    folder.ok("spawn ada --brain shell --command cat --nickname Ada -m hello");
    folder.ok("send ada 'read this'");
    folder
}

/// Which files and folders there are, without sockets and locks.
fn names(folder: &Folder, name: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.at(name)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_restored_into_another_home() {
    let folder = planted();
    let said = folder.ok("store backup kept.backup");
    assert!(said.starts_with("[dir]/kept.backup: ") && said.contains(" 0 batches beside them, "), "{said}");
    folder.ok("spawn bob");
    let (code, failure) = folder.json("store backup kept.backup");
    assert_eq!((code, &failure["code"]), (4, &json!("exists")), "{failure}");
    assert_eq!(failure["message"], "[dir]/kept.backup is there already");
    let (code, restored) = folder.json("--home other store restore kept.backup");
    assert_eq!((code, &restored["restored"], &restored["batches"]), (0, &json!("[dir]/other/store"), &json!(0)));
    let same = format!(": {} rows and 0 batches beside them, ", restored["rows"]);
    assert!(said.contains(&same) && said.ends_with(&format!(", up to commit {}\n", restored["commit"])), "{said}");
    let tree = folder.ok("--home other tree");
    assert!(tree.contains("ada \"Ada\"") && !tree.contains("bob"), "{tree}");
    assert_eq!(folder.ok("--home other assign ada again"), "read this\n\nagain\n");
    assert_eq!(folder.json("--home other store verify").1["sound"], true);
}

#[test]
fn a_restore_takes_the_place_of_nothing() {
    let folder = planted();
    folder.ok("store backup kept.backup");
    let ran = folder.run("store restore kept.backup");
    assert_eq!(ran.code, 4);
    insta::assert_snapshot!(ran.err, @"
    error: [dir]/home/store is there already
    hint: move it away first, or name another --home
    ");
    let (code, failure) = folder.json("--home other store restore missing");
    assert_eq!((code, &failure["code"]), (3, &json!("not_found")), "{failure}");
    folder.write("table.csv", "id,n\n1,2\n");
    let (code, failure) = folder.json("--home other store restore table.csv");
    assert_eq!((code, &failure["code"]), (5, &json!("damaged")), "{failure}");
    assert_eq!(failure["message"], "[dir]/table.csv is no good: it is no file of understory's");
    let mut bytes = fs::read(folder.at("kept.backup")).unwrap();
    bytes.truncate(bytes.len() - 40);
    fs::write(folder.at("cut"), bytes).unwrap();
    let ran = folder.run("--home other store restore cut");
    assert_eq!(ran.code, 5);
    assert!(ran.err.starts_with("error: [dir]/cut is no good: it was cut or changed: it ends within"), "{}", ran.err);
    assert_eq!(names(&folder, "other"), [""; 0]);
}

#[test]
fn a_backup_goes_through_the_process_that_has_the_store() {
    let folder = Folder::with_table(3);
    folder.worker("held", HELD);
    let mut job = folder
        .start("job run in.csv --id-column id --brain shell --command ./held --out out.csv --name j --concurrency 1");
    job.began(1);
    let (code, kept) = folder.json("store backup kept");
    assert_eq!((code, &kept["backup"]), (0, &json!("[dir]/kept")), "{kept}");
    let (code, failure) = folder.json("store compact");
    assert_eq!((code, &failure["code"]), (4, &json!("in_use")), "{failure}");
    assert!(failure["hint"].as_str().unwrap().contains("needs the store for itself"), "{failure}");
    job.let_go();
    assert_eq!(job.ended().code, 0);
    // The job of the backup goes on where it was: the row that ran is run again.
    folder.ok("--home other store restore kept");
    assert_eq!(folder.json("--home other store verify").1["sound"], true);
    assert_eq!(folder.json("--home other job show j").1["counts"]["running"], 1);
}

#[test]
fn a_compaction_keeps_everything_and_leaves_nothing_beside() {
    let folder = planted();
    let before = folder.ok("show ada");
    let (code, compacted) = folder.json("store compact");
    assert_eq!((code, &compacted["compacted"]), (0, &json!("[dir]/home/store")), "{compacted}");
    assert!(folder.ok("store compact").starts_with("[dir]/home/store compacted: "));
    assert_eq!(folder.ok("show ada"), before);
    assert_eq!(folder.json("store verify").1["sound"], true);
    assert!(!names(&folder, "home").iter().any(|name| name.starts_with("store.")), "{:?}", names(&folder, "home"));
    let (code, failure) = folder.json("--home nowhere store compact");
    assert_eq!((code, &failure["code"]), (3, &json!("not_found")), "{failure}");
    assert!(!folder.at("nowhere").exists());
}
