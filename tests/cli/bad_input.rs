//! Bad input: a clear error, its exit code, and nothing lost or half-made.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::folder::Folder;

const JOB: &str = "job run in.csv --id-column id --brain shell --command ./double --out out.csv";

/// Runs a job that is refused: nothing ran, nothing was written, no job is there.
fn refused(folder: &Folder, words: &str, code: i32) -> String {
    let ran = folder.run(words);
    assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{words}: {ran:?}");
    assert!(!folder.at("log").exists(), "{words}: a row ran");
    assert_eq!(folder.ok("job list"), "no jobs\n", "{words}");
    assert_eq!(folder.json("store verify").1["sound"], true);
    ran.err
}

fn bad_table(table: &[u8], code: i32) -> String {
    let folder = Folder::with_table(3);
    fs::write(folder.at("in.csv"), table).unwrap();
    let said = refused(&folder, JOB, code);
    assert!(!folder.at("out.csv").exists());
    said
}

#[test]
fn tables() {
    insta::assert_snapshot!(bad_table(b"", 5), @"error: no header: the table has no line that is not blank");
    insta::assert_snapshot!(bad_table(b"\n\n", 5), @"error: no header: the table has no line that is not blank");
    insta::assert_snapshot!(bad_table(b"id,n,id\n1,2,3\n", 5), @r#"error: header "id" names column 1 and column 3"#);
    insta::assert_snapshot!(bad_table(b"id,n\na,1\n\n\"b\nb\",2\nc,3,4\n", 5), @"error: line 6 has 3 fields, the header has 2");
    insta::assert_snapshot!(bad_table(b"id,n\na,1\nb\xff,2\n", 5), @"error: invalid utf-8 at byte 10, in line 3");
    insta::assert_snapshot!(bad_table(b"key,n\na,1\n", 5), @r#"error: id column "id" is not in the table, which has "key", "n""#);
    let long = format!("id,n\na,\"{}\n", "x".repeat(300 << 10));
    insta::assert_snapshot!(bad_table(long.as_bytes(), 4), @"error: the row at line 2 is too large, the limit is 262144 bytes as json; a quote may have been left open");
}

#[test]
fn a_table_that_cannot_be_read() {
    let folder = Folder::with_table(3);
    fs::remove_file(folder.at("in.csv")).unwrap();
    insta::assert_snapshot!(refused(&folder, JOB, 3), @"error: table in.csv does not exist");
    fs::create_dir(folder.at("in.csv")).unwrap();
    insta::assert_snapshot!(refused(&folder, JOB, 1), @"error: failed to open table in.csv: is a directory");
    if !rustix::process::geteuid().is_root() {
        fs::remove_dir(folder.at("in.csv")).unwrap();
        folder.table(1);
        fs::set_permissions(folder.at("in.csv"), fs::Permissions::from_mode(0o0)).unwrap();
        refused(&folder, JOB, 1);
    }
}

#[test]
fn a_template_that_names_no_column_is_a_warning() {
    let folder = Folder::with_table(1);
    folder.worker("double", "read -r line; echo \"$line\"");
    let ran = folder.run(&format!("{JOB} --instruction '{{n}} and {{m}}' --name j"));
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.err, @r#"
    warning: the template names "m", but the table has "id", "n"
    job /root/j: 1 row
    job /root/j completed, 1 row: 1 completed
    output: [dir]/out.csv
    "#);
    assert!(folder.read("out.csv").contains("1 and {m}"));
}

#[test]
fn templates_and_scripts() {
    let folder = Folder::with_table(1);
    insta::assert_snapshot!(refused(&folder, &format!("{JOB} --template none.txt"), 3), @"error: failed to read template none.txt: No such file or directory (os error 2)");
    fs::write(folder.at("bad.txt"), b"ask \xff").unwrap();
    insta::assert_snapshot!(refused(&folder, &format!("{JOB} --template bad.txt"), 5), @"error: template bad.txt has invalid utf-8 at byte 4");
    // One without an end is not read to it.
    insta::assert_snapshot!(refused(&folder, &format!("{JOB} --template /dev/zero"), 4), @"error: template /dev/zero is over the limit of 262144 bytes");
    let scripted = "job run in.csv --out out.csv --brain scripted";
    insta::assert_snapshot!(refused(&folder, scripted, 2), @"error: the brain scripted needs --script FILE");
    insta::assert_snapshot!(refused(&folder, &format!("{scripted} --script none"), 3), @"error: cannot read the script none: No such file or directory (os error 2)");
    folder.write("bad.jsonl", "{\"content\":\"a\"}\n{\"say\":1}\n");
    insta::assert_snapshot!(refused(&folder, &format!("{scripted} --script bad.jsonl"), 5), @"error: bad.jsonl:2: not a reply: unknown field `say`, expected one of `match`, `content`, `report`, `fail`, `class`, `panic`, `delay_ms`, `times`, `usage` at line 1 column 6");
}

#[test]
fn paths_and_roles() {
    let folder = Folder::with_table(1);
    let said = |words: &str, code| {
        let ran = folder.run(words);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{words}: {ran:?}");
        ran.err
    };
    insta::assert_snapshot!(said("spawn Ada", 5), @r#"error: bad agent path "Ada": 'A' is not one of a-z, 0-9 and _"#);
    insta::assert_snapshot!(said("show /home/ada", 5), @r#"error: bad agent path "/home/ada": a path starts at /root"#);
    insta::assert_snapshot!(said("send ../ada hi", 5), @r#"error: bad agent path "../ada": . and .. are no names and are never followed"#);
    insta::assert_snapshot!(said("spawn ada --role boss", 3), @r#"error: role "boss" is not known; known are default, explorer, worker"#);
    insta::assert_snapshot!(said("spawn ada --brain clay", 3), @r#"error: brain "clay" is not known; known are scripted, shell"#);
    insta::assert_snapshot!(said(&format!("{JOB} --name No"), 5), @r#"error: bad agent name "No": 'N' is not one of a-z, 0-9 and _"#);
    insta::assert_snapshot!(said(&format!("{JOB} --owner nobody"), 3), @"error: /root/nobody does not exist");
    assert_eq!(folder.json("store verify").1["agents"], 1);
    assert!(!folder.at("log").exists());
}

#[test]
fn a_worker_that_is_not_there() {
    let folder = Folder::with_table(1);
    let words = |command: &str| JOB.replace("./double", command);
    insta::assert_snapshot!(refused(&folder, &words("./none"), 3), @"error: no program [dir]/none");
    insta::assert_snapshot!(refused(&folder, &words("no_such_program_here"), 3), @"error: no program no_such_program_here on the PATH");
    insta::assert_snapshot!(refused(&folder, &words("./in.csv"), 1), @"error: [dir]/in.csv is not an executable file");
    insta::assert_snapshot!(refused(&folder, &words("'sh \"-c'"), 2), @r#"error: cannot split the command `sh "-c` into words: missing closing quote"#);
    insta::assert_snapshot!(refused(&folder, "job run in.csv --out out.csv", 2), @r#"
    error: no brain is named: not for the job, and role "default" has none
    hint: --brain shell --command 'PROGRAM ARGUMENTS'
    "#);
    insta::assert_snapshot!(refused(&folder, "job run in.csv --out out.csv --brain shell", 2), @"error: the brain shell needs --command 'PROGRAM ARGUMENTS'");
}

#[test]
fn an_output_that_cannot_be_written_is_found_before_any_row_runs() {
    let folder = Folder::with_table(1);
    fs::create_dir(folder.at("out.csv")).unwrap();
    insta::assert_snapshot!(refused(&folder, JOB, 1), @"error: output [dir]/out.csv is not a file");
    let below = JOB.replace("out.csv", "in.csv/out.csv");
    insta::assert_snapshot!(refused(&folder, &below, 1), @"error: failed to write output [dir]/in.csv/out.csv: Not a directory (os error 20)");
    if !rustix::process::geteuid().is_root() {
        fs::create_dir(folder.at("sealed")).unwrap();
        fs::set_permissions(folder.at("sealed"), fs::Permissions::from_mode(0o500)).unwrap();
        refused(&folder, &JOB.replace("out.csv", "sealed/out.csv"), 1);
    }
}

#[test]
fn an_output_that_is_there_is_not_written_over() {
    let folder = Folder::with_table(1);
    folder.write("out.csv", "mine");
    insta::assert_snapshot!(refused(&folder, JOB, 4), @"
    error: output [dir]/out.csv exists already, and was not to be overwritten
    hint: --overwrite writes over it
    ");
    assert_eq!(folder.read("out.csv"), "mine");
    folder.ok(&format!("{JOB} --overwrite"));
    assert_eq!(folder.lines("out.csv").len(), 2);
}

#[test]
fn usage() {
    let folder = Folder::with_table(1);
    for words in [
        "frobnicate",
        "job",
        "spawn",
        "wait",
        "wait ada --any --all",
        "tree --children many",
        "job run",
        "job run in.csv --brain shell --command ./double --concurrency 0",
        "--log loud=very tree",
    ] {
        let ran = folder.run(words);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words}: {ran:?}");
        let (code, failure) = folder.json(words);
        assert_eq!((code, &failure["code"]), (2, &serde_json::json!("usage")), "{words}: {failure}");
    }
    assert_eq!(folder.run("--version").code, 0);
    assert!(folder.ok("--help").contains("job"));
    assert!(!folder.home().exists(), "usage is found before anything is made");
}

#[test]
fn names_that_are_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::with_table(1);
    let job = "--json job run --brain shell --command ./double";
    let said = |words: &str, name: &[u8]| {
        let ran = folder.ended(folder.command(words).arg(OsStr::from_bytes(name)).spawn().unwrap());
        let failure: serde_json::Value = serde_json::from_str(&ran.err).unwrap_or_else(|_| panic!("{words}: {ran:?}"));
        assert!(failure.to_string().contains('\u{fffd}'), "{failure}");
        ran.code
    };
    assert_eq!(said(job, b"no\xff"), 3);
    assert_eq!(said(&format!("{job} in.csv --template"), b"no\xff"), 3);
    assert_eq!(said(&format!("{job} in.csv --out"), b"in.csv/\xff"), 5);
    assert_eq!(said("--json tree --home", b"in.csv/\xff"), 1);
    assert_eq!(said("--json tree --log-file", b"in.csv/\xff"), 1);
    fs::write(folder.at("").join(OsStr::from_bytes(b"\xff")), "{\"content\":\"a\"}\n").unwrap();
    assert_eq!(said("--json spawn ada --script", b"\xff"), 5);
}

#[test]
fn files_that_a_job_cannot_name_or_must_not_write() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::with_table(1);
    let odd = OsStr::from_bytes(b"\xff.csv");
    fs::copy(folder.at("in.csv"), folder.at("").join(odd)).unwrap();
    let said = |table: &OsStr, out: &OsStr| {
        let mut command = folder.command("job run --brain shell --command ./double --overwrite --out");
        let ran = folder.ended(command.args([out, table]).spawn().unwrap());
        assert_eq!(folder.ok("job list"), "no jobs\n");
        (ran.code, ran.err)
    };
    let [table, out] = ["in.csv", "out.csv"].map(OsStr::new);
    let unkept = || (5, "error: [dir]/\u{fffd}.csv cannot be kept: its name is not utf-8\n".to_owned());
    assert_eq!(said(odd, out), unkept());
    assert_eq!(said(table, odd), unkept());
    assert_eq!(said(table, table), (2, "error: output [dir]/in.csv is the table itself\n".to_owned()));
    assert_eq!(folder.lines("in.csv").len(), 2);
}
