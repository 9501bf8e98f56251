//! The disk that the home lies on is full.

use std::collections::BTreeMap;

use crate::store::skip;
use crate::store::volume::Volume;

use super::folder::Folder;

const ROWS: usize = 400;

#[test]
fn a_job_without_room_ends_and_goes_on_when_there_is_some() {
    let volume = match Volume::tmpfs(9_600) {
        Ok(volume) => volume,
        Err(reason) => return skip("a_job_without_room_ends_and_goes_on_when_there_is_some", &reason),
    };
    let folder = Folder::with_table(ROWS);
    folder.worker("long", "head -c 3000 /dev/zero | tr '\\0' x");
    let home = volume.path().join("home");
    let words = |words: &str| format!("--home {} {words}", home.display());
    let job = words("job run in.csv --id-column id --brain shell --command ./long --out out.csv --name j");

    let (code, failure) = folder.json(&job);
    assert_eq!((code, &failure["code"], &failure["retryable"]), (1, &"disk_full".into(), &false.into()), "{failure}");
    let ran = folder.run(&job);
    assert_eq!(ran.code, 1);
    let said = "error: failed to commit: storage_full: no space left for the store\n\
                hint: make room and give the same command again\n";
    assert!(ran.err.ends_with(said), "{ran:?}");
    assert_eq!(folder.run(&words("spawn ada")).code, 1);
    // Reads go on.
    let (_, stands) = folder.json(&words("job show"));
    let done = stands["counts"]["completed"].as_u64().unwrap();
    assert!(0 < done && done < ROWS as u64, "{stands}");
    assert!(!folder.at("out.csv").exists());

    volume.grow(64 << 10);
    assert_eq!(folder.run(&job).code, 0);
    assert_eq!(folder.lines("out.csv").len(), ROWS + 1);
    let mut runs = BTreeMap::<String, usize>::new();
    for line in folder.lines("log") {
        *runs.entry(line.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    let again = runs.values().filter(|runs| **runs > 1).count();
    assert!(runs.len() == ROWS && again <= ROWS - done as usize, "{again} rows ran again, {done} were done");
    let once = (1..=done as usize - 16).filter(|row| runs[&row.to_string()] == 1).count();
    assert!(once > 0, "rows that were done are not run again: {runs:?}");
    assert_eq!(folder.json(&words("store verify")).1["sound"], true);
}
