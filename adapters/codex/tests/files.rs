//! Which files of a home are met, in which order, and how they are opened.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use understory_actors::chain;
use understory_actors::import::{Archive, Found};

use super::{META, read};
use crate::Codex;

/// A home with these files, each of them a session.
fn home(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in files {
        write(dir.path(), name, format!("{META}\n").as_bytes());
    }
    dir
}

fn write(dir: &Path, name: &str, bytes: &[u8]) {
    let place = dir.join(name);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, bytes).unwrap();
}

fn met(codex: &Codex) -> Vec<String> {
    let shown = |found| match found {
        Found::File(file) => format!("{} {}", file.name, file.size),
        Found::Failed { name, error } => format!("{name} failed: {error}"),
        Found::Link { name } => format!("{name} is a link"),
    };
    codex.files().map(shown).collect()
}

#[test]
fn rollouts_are_met_in_the_order_of_their_names() {
    let home = home(&[
        "sessions/2026/01/19/rollout-b.jsonl",
        "sessions/2026/01/19/rollout-a.jsonl.zst",
        "sessions/2025/12/31/rollout-c.jsonl",
        "sessions/rollout-old.jsonl",
        "sessions/2026/01/19/notes.txt",
        "sessions/2026/01/19/rollout-x.json",
        "archived_sessions/rollout-z.jsonl",
        "history.jsonl",
    ]);
    let size = META.len() + 1;
    let expected = [
        format!("archived_sessions/rollout-z.jsonl {size}"),
        format!("sessions/2025/12/31/rollout-c.jsonl {size}"),
        format!("sessions/2026/01/19/rollout-a.jsonl.zst {size}"),
        format!("sessions/2026/01/19/rollout-b.jsonl {size}"),
        format!("sessions/rollout-old.jsonl {size}"),
    ];
    assert_eq!(met(&Codex::open(home.path()).unwrap()), expected);
    // One of its folders names its files alike.
    assert_eq!(met(&Codex::open(&home.path().join("sessions")).unwrap()), expected[1..]);
    assert_eq!(met(&Codex::open(&home.path().join("archived_sessions")).unwrap()), expected[..1]);
}

#[test]
fn a_folder_that_is_none_of_codex_is_refused() {
    let home = home(&["sessions/2026/rollout-a.jsonl"]);
    let other = home.path().join("sessions/2026");
    let error = Codex::open(&other).unwrap_err().to_string();
    assert!(
        error.ends_with("is no Codex home: it holds neither sessions nor archived_sessions, and is neither"),
        "{error}"
    );
    assert!(chain(&Codex::open(&home.path().join("nowhere")).unwrap_err()).starts_with("failed to read it: "));
    write(home.path(), "other/sessions", b"a file");
    assert!(Codex::open(&home.path().join("other/sessions")).is_err());
}

#[test]
fn links_are_told_of_and_not_followed() {
    let elsewhere = home(&["real/rollout-a.jsonl"]);
    let home = home(&["sessions/2026/rollout-b.jsonl"]);
    symlink(elsewhere.path().join("real"), home.path().join("archived_sessions")).unwrap();
    symlink(elsewhere.path().join("real"), home.path().join("sessions/2027")).unwrap();
    symlink(elsewhere.path().join("real/rollout-a.jsonl"), home.path().join("sessions/2026/rollout-a.jsonl")).unwrap();
    let codex = Codex::open(home.path()).unwrap();
    let size = META.len() + 1;
    assert_eq!(
        met(&codex),
        [
            "archived_sessions is a link".to_owned(),
            "sessions/2026/rollout-a.jsonl is a link".to_owned(),
            format!("sessions/2026/rollout-b.jsonl {size}"),
            "sessions/2027 is a link".to_owned(),
        ]
    );
    // Nor is one that comes to lie there after the file was met.
    assert!(codex.open("sessions/2026/rollout-a.jsonl").is_err());
    assert!(!codex.has("sessions/2026/rollout-a.jsonl") && codex.has("sessions/2026/rollout-b.jsonl"));
}

#[test]
fn what_lies_too_deep_is_said() {
    let deep = "sessions/1/2/3/4/5/6/7/8/rollout-a.jsonl";
    let home = home(&[deep, "sessions/1/2/3/4/5/6/7/rollout-b.jsonl"]);
    let met = met(&Codex::open(home.path()).unwrap());
    assert_eq!(met[0], "sessions/1/2/3/4/5/6/7/8 failed: it lies over 8 folders deep");
    assert!(met[1].starts_with("sessions/1/2/3/4/5/6/7/rollout-b.jsonl "), "{met:?}");
}

#[test]
fn a_packed_file_is_read_like_any_other() {
    let home = home(&["sessions/rollout-a.jsonl"]);
    let line = r#"{"type":"response_item","payload":{"type":"message","role":"user","content":"hi"}}"#;
    let text = format!("{META}\n{line}\n");
    let mut packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
    write(home.path(), "sessions/rollout-b.jsonl.zst", &packed);
    // What is added to a packed file is a frame of its own.
    packed.extend(zstd::encode_all(format!("{line}\n").as_bytes(), 3).unwrap());
    write(home.path(), "sessions/rollout-c.jsonl.zst", &packed);
    packed.truncate(packed.len() - 5);
    write(home.path(), "sessions/rollout-d.jsonl.zst", &packed);
    write(home.path(), "sessions/rollout-e.jsonl.zst", b"not packed");
    let codex = Codex::open(home.path()).unwrap();
    let parts = |name: &str| codex.open(name).and_then(read).map(|(parts, _)| parts.len());
    assert_eq!(parts("sessions/rollout-b.jsonl.zst").unwrap(), 1);
    assert_eq!(parts("sessions/rollout-c.jsonl.zst").unwrap(), 2);
    for damaged in ["sessions/rollout-d.jsonl.zst", "sessions/rollout-e.jsonl.zst"] {
        let error = parts(damaged).unwrap_err();
        assert!(chain(error.as_ref()).starts_with("failed to read it: "), "{error}");
    }
}

#[test]
fn no_name_leads_out_of_the_home() {
    let home = home(&["sessions/rollout-a.jsonl", "other/rollout-b.jsonl"]);
    let codex = Codex::open(&home.path().join("sessions")).unwrap();
    for name in ["sessions/../other/rollout-b.jsonl", "other/rollout-b.jsonl", "rollout-a.jsonl", ""] {
        assert!(codex.open(name).is_err(), "{name}");
    }
    assert!(codex.open("sessions/rollout-a.jsonl").is_ok());
    // What is of a folder that is not read may be there.
    assert!(codex.has("archived_sessions/rollout-z.jsonl") && !codex.has("sessions/rollout-z.jsonl"));
}
