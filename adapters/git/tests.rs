//! Real repositories, made by the git that is there.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

/// A folder with a repository in `repo`.
struct Folder {
    dir: TempDir,
}

impl Folder {
    fn new() -> Folder {
        let folder = Folder { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(folder.repo()).unwrap();
        folder.git("init -q -b main");
        folder
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn git(&self, words: &str) {
        let mut command = std::process::Command::new(git_here().program.unwrap());
        command.args(words.split(' ')).current_dir(self.repo()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "a").env(format!("GIT_{who}_EMAIL"), "a@example.org");
            command.env(format!("GIT_{who}_DATE"), "1700000000 +0000");
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "git {words}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.repo().join(name), text).unwrap();
    }

    fn commit(&self) {
        self.git("add -A");
        self.git("commit -q -m more");
    }

    /// A program that leaves a file behind when it is run.
    fn trap(&self, name: &str) -> PathBuf {
        let program = self.dir.path().join(name);
        fs::write(&program, format!("#!/bin/sh\ntouch {}\ncat\n", self.sprung(name).display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn sprung(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.sprung"))
    }
}

fn git_here() -> Git {
    Git::on_path(std::env::var_os("PATH").as_deref())
}

async fn look(directory: &Path) -> Option<Checkout> {
    git_here().survey(directory.into()).await
}

/// What is found, with the commit left out.
async fn said(directory: &Path) -> (bool, Option<String>, bool) {
    match look(directory).await {
        Some(Checkout::Repository { commit, branch, dirty }) => {
            assert!(commit.as_ref().is_none_or(|commit| commit.len() == 40), "{commit:?}");
            (commit.is_some(), branch, dirty)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_repository_is_told_by_its_commit_its_branch_and_its_changes() {
    let folder = Folder::new();
    let (repo, main) = (folder.repo(), || Some("main".to_owned()));
    assert_eq!(said(&repo).await, (false, main(), false));
    folder.write("a", "1");
    assert_eq!(said(&repo).await, (false, main(), true), "a new file is a change");
    folder.commit();
    assert_eq!(said(&repo).await, (true, main(), false));
    let first = look(&repo).await.unwrap();
    folder.write("a", "22");
    assert_eq!(said(&repo).await, (true, main(), true), "so is another content");
    folder.commit();
    let second = look(&repo).await.unwrap();
    assert_ne!(first.commit(), second.commit());
    folder.git("checkout -q -b dev");
    assert_eq!(said(&repo).await, (true, Some("dev".to_owned()), false));
    folder.git("checkout -q --detach");
    assert_eq!(said(&repo).await, (true, None, false));
    folder.git("rm -q a");
    assert_eq!(said(&repo).await, (true, None, true), "and what is staged");
}

#[tokio::test]
async fn the_commits_between_two_are_told_newest_first() {
    let folder = Folder::new();
    let list = async |from: Option<&str>, to: &str| {
        git_here().revisions(folder.repo().into(), from.map(str::to_owned), to.to_owned()).await
    };
    let mut made = Vec::new();
    for n in 0..DIGEST_COMMITS + 3 {
        folder.write("a", &n.to_string());
        folder.git("add -A");
        folder.git(&format!("commit -q -m number{n} -m body"));
        made.push(look(&folder.repo()).await.unwrap().commit().unwrap().to_owned());
    }
    let [first, .., last] = made.as_slice() else { unreachable!("there are several") };
    let told = list(Some(first), last).await.unwrap();
    assert_eq!((told.first.len(), told.more, told.counted), (DIGEST_COMMITS, 2, true));
    assert_eq!(told.first[0], Revision { commit: last.clone(), subject: format!("number{}", DIGEST_COMMITS + 2) });
    assert_eq!(list(None, first).await.unwrap().first.len(), 1, "the first commit is told, too");
    assert_eq!(list(Some(last), last).await.unwrap(), Shortlist::default());
    let unknown = "0123456789012345678901234567890123456789";
    assert_eq!(list(Some(unknown), last).await, None, "it was written anew, perhaps");
    assert_eq!(list(Some(first), "--all").await, None, "what is no commit is not taken for a setting");
}

#[tokio::test]
async fn commits_are_counted_as_far_as_a_thousand() {
    use std::io::Write as _;
    let folder = Folder::new();
    let mut command = std::process::Command::new(git_here().program.unwrap());
    command.args(["fast-import", "--quiet"]).current_dir(folder.repo()).stdin(Stdio::piped());
    let mut importing = command.spawn().unwrap();
    let mut input = importing.stdin.take().unwrap();
    for n in 1..=1_001 {
        writeln!(input, "commit refs/heads/main\ncommitter a <a@example.org> {n} +0000\ndata 0").unwrap();
    }
    drop(input);
    assert!(importing.wait().unwrap().success());
    for (to, more, counted) in [("main~2", 999, true), ("main", 1_000, false)] {
        let told = git_here().revisions(folder.repo().into(), None, to.to_owned()).await.unwrap();
        assert_eq!((told.first.len() as u64 + told.more, told.counted), (more, counted), "{to}");
    }
}

#[tokio::test]
async fn only_what_lies_below_the_directory_counts() {
    let folder = Folder::new();
    fs::create_dir(folder.repo().join("sub")).unwrap();
    folder.write("a", "1");
    folder.write("sub/b", "1");
    folder.commit();
    folder.write("a", "22");
    assert!(!said(&folder.repo().join("sub")).await.2);
    folder.write("sub/b", "22");
    assert!(said(&folder.repo().join("sub")).await.2);
}

#[tokio::test]
async fn what_is_no_repository_is_plain_and_what_is_gone_is_gone() {
    let folder = Folder::new();
    let dir = folder.dir.path();
    assert_eq!(look(dir).await, Some(Checkout::Plain));
    assert_eq!(look(&dir.join("none")).await, Some(Checkout::Gone));
    fs::write(dir.join("file"), "").unwrap();
    assert_eq!(look(&dir.join("file")).await, Some(Checkout::Gone));
    assert_eq!(look(&dir.join("file/below")).await, Some(Checkout::Gone));
    assert_eq!(look(&folder.repo().join(".git")).await, Some(Checkout::Plain), "there is nothing checked out there");
    let located = git_here().locate(dir.join("file")).await;
    assert!(located.is_err(), "{located:?}");
    std::os::unix::fs::symlink(folder.repo(), dir.join("link")).unwrap();
    assert_eq!(git_here().locate(dir.join("link")).await.unwrap(), folder.repo().canonicalize().unwrap());
}

#[tokio::test]
async fn without_a_git_nothing_is_told_of_what_is_there() {
    let folder = Folder::new();
    let git = Git::on_path(Some(folder.dir.path().as_os_str()));
    assert_eq!(git.survey(folder.repo().into()).await, None);
    assert_eq!(git.survey(folder.dir.path().join("none").into()).await, Some(Checkout::Gone));
    // One that is broken is no better, and no repository that is broken is taken for a plain directory.
    folder.trap("git");
    assert_eq!(Git::on_path(Some(folder.dir.path().as_os_str())).survey(folder.repo().into()).await, None);
    fs::write(folder.repo().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(folder.repo().join(".git/config"), "[core\n").unwrap();
    assert_eq!(look(&folder.repo()).await, None);
}

#[tokio::test]
async fn nothing_that_a_repository_names_is_run() {
    let folder = Folder::new();
    folder.write("a", "1");
    folder.write("b", "1");
    folder.write(".gitattributes", "a filter=one\n");
    folder.commit();
    for (name, setting) in [
        ("clean", "filter.one.clean"),
        ("process", "filter.two=x.process"),
        ("monitor", "core.fsmonitor"),
        ("page", "core.pager"),
        ("ssh", "core.sshCommand"),
    ] {
        let program = folder.trap(name);
        let mut command = std::process::Command::new(git_here().program.unwrap());
        command.arg("config").arg(setting).arg(program).current_dir(folder.repo());
        assert!(command.status().unwrap().success());
    }
    folder.git("config filter.one.required true");
    fs::create_dir_all(folder.repo().join(".git/hooks")).unwrap();
    fs::copy(folder.trap("hook"), folder.repo().join(".git/hooks/post-index-change")).unwrap();
    fs::write(folder.repo().join(".git/info/attributes"), "b filter=two=x\n").unwrap();
    // The same length and another time: git has to look into it.
    folder.write("a", "2");
    folder.write("b", "2");
    folder.git("config log.showSignature true");
    let index = fs::read(folder.repo().join(".git/index")).unwrap();
    assert_eq!(said(&folder.repo()).await, (true, Some("main".to_owned()), true));
    let sprung: Vec<_> = ["clean", "process", "monitor", "page", "ssh", "hook"]
        .into_iter()
        .filter(|name| folder.sprung(name).exists())
        .collect();
    assert_eq!(sprung, Vec::<&str>::new());
    assert_eq!(fs::read(folder.repo().join(".git/index")).unwrap(), index, "nothing is written");
}

/// What cannot be taken away would be run.
#[tokio::test]
async fn a_repository_that_names_too_much_is_not_looked_at() {
    let folder = Folder::new();
    folder.write("a", "1");
    folder.commit();
    folder.write(".gitattributes", "a filter=last\n");
    folder.write("a", "2");
    let plain = fs::read_to_string(folder.repo().join(".git/config")).unwrap();
    let run = format!("clean = {}\n", folder.trap("clean").display());
    let one = |name: &str| format!("[filter \"{name}\"]\n{run}");
    let many: String = (0..256).map(|n| one(&n.to_string())).collect();
    for named in [one(&"x".repeat(70_000)), many] {
        fs::write(folder.repo().join(".git/config"), format!("{plain}{named}{}", one("last"))).unwrap();
        assert_eq!(look(&folder.repo()).await, None);
        assert!(!folder.sprung("clean").exists());
    }
}

#[tokio::test]
async fn git_has_no_environment_but_its_own() {
    let folder = Folder::new();
    let program = folder.dir.path().join("nosy");
    fs::write(&program, "#!/bin/sh\nenv >../env\n[ \"$1\" != config ]\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Git { program: Some(program) }.survey(folder.repo().into()).await;
    let found = fs::read_to_string(folder.dir.path().join("env")).unwrap();
    // Those are the shell's.
    let own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let others: Vec<&str> = found
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .filter(|name| !name.starts_with("GIT_") && !own.contains(name))
        .collect();
    assert_eq!(others, ["LC_ALL"], "{found}");
    for set in
        ["GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1", "GIT_ALLOW_PROTOCOL=none"]
    {
        assert!(found.lines().any(|line| line == set), "{set}: {found}");
    }
}

#[tokio::test]
async fn a_git_that_says_much_before_it_tells_anything_is_heard() {
    let folder = Folder::new();
    let program = folder.dir.path().join("loud");
    let script = "#!/bin/sh\n[ \"$1\" = config ] && exit 1\nhead -c 300000 /dev/zero >&2 || exit 1\n\
                  printf '# branch.oid abc\\0# branch.head main\\0'\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let loud = Git { program: Some(program) };
    let looked = tokio::time::timeout(std::time::Duration::from_secs(60), loud.survey(folder.repo().into()));
    let (commit, branch) = (Some("abc".to_owned()), Some("main".to_owned()));
    assert_eq!(looked.await.unwrap(), Some(Checkout::Repository { commit, branch, dirty: false }));
}
