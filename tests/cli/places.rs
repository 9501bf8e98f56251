//! Where things lie: the home of who names none, and whose file an output may take the place of.

use std::os::unix::fs::symlink;

use super::folder::Folder;
use super::resident::HELD;

const JOB: &str = "job run in.csv --id-column id --brain shell --command ./double";

/// What is broken there is met by a command and by a worker's, and by none that is told of another home.
#[test]
fn the_default_home_is_below_the_home_directory() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.at(".local/share")).unwrap();
    folder.write(".local/share/understory", "no directory");
    let broken = "[dir]/.local/share/understory";
    let ran = folder.ended(folder.command("tree").env_remove("UNDERSTORY_HOME").spawn().unwrap());
    assert!(ran.code != 0 && ran.err.contains(broken), "{ran:?}");
    folder.worker(
        "look",
        &format!(
            "for name in HOME TOKEN PATH SOCKET; do unset UNDERSTORY_$name; done; '{}' tree 2>&1; true",
            env!("CARGO_BIN_EXE_understory")
        ),
    );
    let asked = folder.ok("spawn ada --brain shell --command ./look -m look");
    assert!(asked.contains(broken), "{asked}");
}

#[test]
fn the_table_is_written_over_by_no_link_to_it() {
    let folder = Folder::with_table(3);
    symlink(folder.at("in.csv"), folder.at("link.csv")).unwrap();
    let table = folder.read("in.csv");
    let (code, refused) = folder.json(&format!("{JOB} --out link.csv --overwrite"));
    assert_eq!((code, &refused["code"]), (2, &"usage".into()), "{refused}");
    folder.ok(&format!("{JOB} --out out.csv --name j"));
    let (code, refused) = folder.json("job export j --out link.csv --overwrite");
    assert_eq!((code, &refused["code"]), (2, &"usage".into()), "{refused}");
    assert_eq!(folder.read("in.csv"), table);
}

#[test]
fn an_output_of_a_job_is_nobody_elses() {
    let folder = Folder::with_table(3);
    folder.worker("held", HELD);
    let mut job = folder.start("job run in.csv --brain shell --command ./held --out out.csv --name j");
    job.began(3);
    let taken = |words: &str| {
        let (code, refused) = folder.json(words);
        assert_eq!((code, &refused["code"], &refused["details"]["job"]), (4, &"exists".into(), &"/root/j".into()));
    };
    taken("job export j --out out.csv");
    job.signal(rustix::process::Signal::KILL);
    job.ended();
    // It is not finished: its output is still to come.
    taken(&format!("{JOB} --out out.csv --overwrite --name k"));
    let mut job = folder.start("job resume j");
    job.let_go();
    assert_eq!(job.ended().code, 0);
    // Its own is written again by the same command, and by no other.
    symlink(folder.at("out.csv"), folder.at("link.csv")).unwrap();
    taken("job export j --out link.csv --overwrite");
    folder.ok(&format!("{JOB} --out out.csv --overwrite --name k"));
}
