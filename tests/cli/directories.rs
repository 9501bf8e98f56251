//! Directories that agents work in, from the terminal, with real repositories.

use std::process::Command;

use serde_json::{Value, json};

use super::folder::Folder;

/// A folder with a repository `repo` on branch main with one commit, and a worker that tells where it is.
pub(crate) fn with_repository() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.at("repo")).unwrap();
    git(&folder, "init -q -b main");
    commit(&folder, "one");
    folder.write("answer", "#!/bin/sh\ncat; echo \"|$(basename \"$PWD\")|$UNDERSTORY_DRIFT\"\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.at("answer"), executable).unwrap();
    folder
}

pub(crate) fn git(folder: &Folder, words: &str) -> String {
    let mut command = Command::new("git");
    command.args(words.split(' ')).current_dir(folder.at("repo")).env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "a").env(format!("GIT_{who}_EMAIL"), "a@example.org");
        command.env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    let done = command.output().unwrap();
    assert!(done.status.success(), "git {words}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// Commits a file with this text; gives the commit's name back.
pub(crate) fn commit(folder: &Folder, text: &str) -> String {
    folder.write("repo/file", text);
    git(folder, "add -A");
    git(folder, &format!("commit -q -m {text}"));
    git(folder, "rev-parse HEAD")
}

fn spawned(folder: &Folder, more: &str) {
    folder.ok(&format!("spawn ada --brain shell --command ./answer --dir repo {more}"));
}

/// A document with what differs from run to run left out.
fn settled(mut document: Value) -> Value {
    fn settle(value: &mut Value) {
        let Value::Object(fields) = value else { return };
        for (name, value) in fields {
            match name.as_str() {
                name if name == "at" || name.ends_with("_at") => *value = json!("[time]"),
                "commit" if value.is_string() => *value = json!("[commit]"),
                _ => settle(value),
            }
        }
    }
    settle(&mut document);
    document
}

#[test]
fn an_agent_works_in_its_directory_and_is_told_when_that_drifted() {
    let folder = with_repository();
    spawned(&folder, "");
    assert_eq!(folder.ok("assign ada one"), "one|repo|\n");
    let old = git(&folder, "rev-parse HEAD");
    git(&folder, "checkout -q -b dev");
    let new = commit(&folder, "two");
    let words = format!("branch main -> branch dev, commit {} -> {}", &old[..12], &new[..12]);
    let (_, shown) = folder.json("dir show ada");
    assert_eq!(shown["drift"], json!(words), "{shown}");
    let told = folder.ok("assign ada two");
    assert_eq!(told, format!("Your directory [dir]/repo is not as it was left: {words}.\n\ntwo|repo|{words}\n"));
    assert_eq!(folder.ok("assign ada three"), "three|repo|\n");
    let shown = folder.ok("show ada");
    assert!(shown.contains(&format!("drift      {words}, found at ")), "{shown}");
    assert!(shown.contains(&format!("left       on branch dev at {}, seen at ", &new[..12])), "{shown}");
    let events = folder.ok("watch --after 0.0");
    assert!(events.contains("/root/ada  directory not as it was left: branch main"), "{events}");
    folder.write("repo/file", "changed");
    folder.ok("dir accept ada");
    assert!(folder.ok("dir show ada").contains(", with uncommitted changes\n"));
    assert_eq!(folder.ok("assign ada four"), "four|repo|\n");
}

#[test]
fn a_blocking_role_holds_an_agent_until_it_is_accepted() {
    let folder = with_repository();
    std::fs::create_dir_all(folder.home().join("roles")).unwrap();
    std::fs::write(folder.home().join("roles/default.toml"), "drift = 'block'\n").unwrap();
    spawned(&folder, "");
    git(&folder, "checkout -q --detach");
    let (code, failure) = folder.json("assign ada one");
    assert_eq!((code, &failure["code"]), (4, &json!("conflict")), "{failure}");
    assert_eq!(failure["hint"], json!("understory dir accept /root/ada, or put it back as it was"));
    assert_eq!(failure["details"]["drift"], json!("branch main -> no branch"));
    assert_eq!(folder.run("run --until-idle").code, 0, "nobody waits for what is held");
    let shown = folder.ok("show ada");
    assert!(shown.contains("status     queued\n"), "{shown}");
    assert!(shown.contains("; nothing runs there: understory dir accept /root/ada\n"), "{shown}");
    folder.ok("dir accept ada");
    folder.ok("run --until-idle");
    assert!(folder.ok("show ada").ends_with("\none|repo|\n"));
    assert!(folder.ok("role show default").contains("drift      block\n"));
}

#[test]
fn a_directory_is_shown_set_and_refused() {
    let folder = with_repository();
    folder.ok("spawn bob");
    assert_eq!(folder.ok("dir show bob"), "/root/bob has no directory\n");
    let (code, failure) = folder.json("dir accept bob");
    assert_eq!((code, &failure["code"]), (3, &json!("not_found")), "{failure}");
    let (_, set) = folder.json("dir set bob repo/../repo");
    let (_, shown) = folder.json("dir show bob");
    assert_eq!(settled(set), settled(shown.clone()));
    insta::assert_snapshot!(settled(shown), @r#"{"path":"/root/bob","directory":{"directory":"[dir]/repo","began":{"is":"repository","commit":"[commit]","branch":"main","dirty":false},"left":{"is":"repository","commit":"[commit]","branch":"main","dirty":false},"left_at":"[time]","found":null},"now":{"is":"repository","commit":"[commit]","branch":"main","dirty":false},"drift":null}"#);
    git(&folder, "checkout -q -b dev");
    let (_, shown) = folder.json("dir show bob");
    insta::assert_snapshot!(settled(shown), @r#"{"path":"/root/bob","directory":{"directory":"[dir]/repo","began":{"is":"repository","commit":"[commit]","branch":"main","dirty":false},"left":{"is":"repository","commit":"[commit]","branch":"main","dirty":false},"left_at":"[time]","found":null},"now":{"is":"repository","commit":"[commit]","branch":"dev","dirty":false},"drift":"branch main -> branch dev"}"#);
    for (words, code) in [
        ("dir set bob none", (3, "not_found")),
        ("dir set nobody repo", (3, "not_found")),
        ("spawn cy --dir none", (3, "not_found")),
        ("spawn cy --dir repo/file", (3, "not_found")),
        ("dir show nobody", (3, "not_found")),
    ] {
        let (exit, failure) = folder.json(words);
        assert_eq!((exit, failure["code"].as_str().unwrap()), code, "{words}: {failure}");
    }
    std::fs::remove_dir_all(folder.at("repo")).unwrap();
    let shown = folder.ok("dir show bob");
    assert!(shown.contains("now        not there\n"), "{shown}");
    assert_eq!(folder.run("store verify").code, 0);
}

#[test]
fn a_digest_and_a_memory_name_the_commits_of_a_turn() {
    let folder = with_repository();
    let (me, words) = (env!("CARGO_BIN_EXE_understory"), "-c user.name=a -c user.email=a@example.org commit -qam");
    let script = format!("cat; echo x >file; git {words} 'mill repaired'; '{me}' memory add old --scope agent");
    folder.worker("answer", &script);
    spawned(&folder, "");
    let before = git(&folder, "rev-parse HEAD");
    folder.ok("assign ada go");
    let after = git(&folder, "rev-parse HEAD");
    assert_ne!(before, after);
    let digest = folder.ok("digest ada");
    assert!(digest.contains(&format!("commits:\n  {}: mill repaired\n", &after[..12])), "{digest}");
    let told = folder.json("digest ada").1;
    assert_eq!(told["commits"], json!([{ "commit": after, "subject": "mill repaired" }]));
    assert_eq!((&told["more_commits"], &told["commits_counted"]), (&json!(0), &json!(true)));
    let memories = folder.json("memory list").1;
    assert_eq!(memories["memories"][0]["commit"], json!(before), "{memories}");
}

#[test]
fn a_project_shows_what_drifted_and_what_that_holds() {
    let folder = with_repository();
    std::fs::create_dir_all(folder.home().join("roles")).unwrap();
    std::fs::write(folder.home().join("roles/careful.toml"), "description = 'slow'\ndrift = 'block'\n").unwrap();
    spawned(&folder, "");
    folder.ok("spawn eve --role careful --brain shell --command ./answer --dir repo");
    assert!(!folder.ok("show --all /root").contains("Drift"));
    git(&folder, "checkout -q -b dev");
    folder.ok("assign eve two --detach");
    folder.ok("run --until-idle");
    let page = folder.ok("show --all /root");
    let drift = "  /root/ada  [dir]/repo: branch main -> branch dev\n  /root/eve  [dir]/repo: branch main -> branch dev, held\n";
    assert!(page.contains(&format!("\nDrift\n{drift}")), "{page}");
    let way = "drift: [dir]/repo is not as it was left: branch main -> branch dev; understory dir accept /root/eve\n";
    assert!(page.contains(&format!("\nIn the way\n  /root/eve  {way}")), "{page}");
    let shown = folder.json("show --all eve").1;
    let drifts =
        json!([{ "path": "/root/eve", "directory": "[dir]/repo", "drift": "branch main -> branch dev", "held": true }]);
    assert_eq!(shown["drifts"], drifts, "{shown}");
    git(&folder, "checkout -q main");
    assert!(!folder.ok("show --all /root").contains("Drift"), "it is as it was left");
}

#[test]
fn a_program_creates_agents_below_its_own_directory_only() {
    let folder = with_repository();
    std::fs::create_dir(folder.at("repo/sub")).unwrap();
    std::fs::create_dir(folder.at("other")).unwrap();
    let tool = |verb: &str| format!("'{}' --json {verb} || true\n", env!("CARGO_BIN_EXE_understory"));
    let script = ["spawn a --dir sub", "spawn b --dir ../other", "spawn c", "dir show .", "dir set c ."].map(tool);
    folder.worker("boss", &format!("exec 2>&1\n{}", script.concat().replace("dir show .", "dir show /root/boss")));
    let said = folder.ok("spawn boss --brain shell --command ./boss --dir repo -m go");
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["path"], json!("/root/boss/a"), "{said}");
    assert_eq!(lines[1]["code"], json!("invalid_text"), "{said}");
    assert_eq!(lines[2]["path"], json!("/root/boss/c"), "{said}");
    assert!(lines[3]["directory"]["directory"].as_str().unwrap().ends_with("/repo"), "{said}");
    assert_ne!(lines[4]["code"], Value::Null, "where it works is not an agent's to say: {said}");
    assert!(folder.ok("dir show boss/a").contains("/repo/sub\n"));
    assert!(folder.ok("dir show boss/c").contains("/repo\n"));
}

#[test]
fn the_rows_of_a_job_are_worked_on_where_it_is_said() {
    let folder = with_repository();
    std::fs::create_dir_all(folder.home().join("roles")).unwrap();
    std::fs::write(folder.home().join("roles/default.toml"), "drift = 'block'\n").unwrap();
    folder.table(2);
    folder.worker("here", r#"echo "{\"in\":\"$(basename "$PWD")\"}"; [ "$UNDERSTORY_ROW" = 1 ] || exec [ -f ../now ]"#);
    let words =
        "job run in.csv --brain shell --command ./here --dir repo --concurrency 1 --attempts 1 --name j --out out.csv";
    assert_eq!(folder.run(words).code, 6);
    assert!(folder.ok("job show j").contains("directory  [dir]/repo\n"));
    folder.write("now", "");
    git(&folder, "checkout -q -b dev");
    let (code, failure) = folder.json("job retry j");
    assert_eq!(code, 1, "{failure}");
    let shown = folder.ok("job show j");
    assert!(shown.contains("branch main -> branch dev; understory dir accept /root/j takes it as it is"), "{shown}");
    folder.ok("dir accept j");
    folder.ok("job resume j");
    let out = folder.read("out.csv");
    assert_eq!(out.matches("\"\"repo\"\"").count(), 2, "{out}");
    assert_eq!(folder.run("store verify").code, 0);
}
