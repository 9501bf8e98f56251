//! What `--keep` leaves of a row's work, as `show` tells it.

use super::folder::Folder;

/// A job whose second row fails.
fn run(keep: &str) -> Folder {
    let folder = Folder::new();
    folder.table(2);
    folder.worker("picky", r#"[ "$UNDERSTORY_COL_N" = 1 ] || { echo "no luck" >&2; exit 3; }; echo '{"ok":true}'"#);
    let words = "job run in.csv --brain shell --command ./picky --instruction 'look at {id}' --attempts 1 --name j";
    assert_eq!(folder.run(&format!("{words} {keep}")).code, 6);
    folder
}

/// The entries shown of a row, without their times.
fn shown(folder: &Folder, row: u32) -> Vec<String> {
    let text = folder.ok(&format!("show j/r0000000{row}"));
    let entries = text.lines().filter_map(|line| line.split_once("Z  "));
    entries.map(|(_, entry)| entry.to_owned()).collect()
}

#[test]
fn show_has_what_was_kept() {
    let done = ["run 1  message: look at k1", "run 1  completed: {\"ok\":true}"];
    let failed = ["run 1  message: look at k2", "run 1  errored: [dir]/picky exited with code 3: no luck"];
    for (keep, first, second) in
        [("", &[] as &[&str], &[] as &[&str]), ("--keep failed", &[], &failed), ("--keep all", &done, &failed)]
    {
        let folder = run(keep);
        assert_eq!((shown(&folder, 1), shown(&folder, 2)), (own(first), own(second)), "{keep}");
        let (_, json) = folder.json("show j/r00000002");
        assert_eq!(json["kept"].as_array().unwrap().len(), second.len(), "{json}");
        assert_eq!(folder.run("store verify").code, 0);
    }
}

fn own(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|entry| (*entry).to_owned()).collect()
}

#[test]
fn whose_is_one_of_three() {
    let folder = Folder::with_table(1);
    let refused = folder.run("job run in.csv --brain shell --command ./double --keep some");
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("[possible values: failed, all, none]"), "{}", refused.err);
}
