//! Programs that act as the agents whose brains they are.

use std::path::Path;

use super::folder::Folder;

/// What begins a program that says what came of each command it gives.
const SAY: &str = r#"
u='BINARY'
say() { echo "> $*"; "$u" "$@" 2>&1 | sed 's/message [0-9.]*/message/'; }
"#;

/// A folder in which the agent `ada` has the program as its brain, and `bob` is beside it.
fn with_program(script: &str) -> Folder {
    let folder = Folder::new();
    let script = format!("{SAY}{script}").replace("BINARY", env!("CARGO_BIN_EXE_understory"));
    folder.worker("act", &script);
    folder.ok("spawn ada --brain shell --command ./act --nickname Ada");
    folder.ok("spawn bob --nickname Bob");
    folder
}

#[test]
fn a_program_does_what_its_agent_may_and_nothing_as_the_operator() {
    let folder = with_program(
        r#"
say spawn kid --nickname Kim
say spawn /root/bob/kid
say spawn other --or-existing
say send kid hi
say send /root/bob hi
say tree /root
say show /root/bob
say show /root/none
say close kid --yes
say close /root/bob --yes
say close /root/none --yes
say resume kid
say interrupt ../bob
say interrupt /root/bob
say wait kid
say remove kid --yes
say remove none --yes
say tool call wait '{"agents":["kid"]}'
say tool call report '{"result":{}}'
say tool call fly
say tool call wait nonsense
say report '{}'
say job list
say dead list
say role list
say store verify
say run
say job resume
UNDERSTORY_TOKEN=understory_0 say tree
UNDERSTORY_TOKEN= say tree
UNDERSTORY_PATH=/root say tree
UNDERSTORY_PATH=/root/none say tree
unset UNDERSTORY_PATH
say tree
"#,
    );
    let said = folder.ok("assign ada go");
    insta::assert_snapshot!(said, @r#"
    > spawn kid --nickname Kim
    /root/ada/kid spawned
    > spawn /root/bob/kid
    error: /root/bob does not exist
    > spawn other --or-existing
    error: an agent creates agents that are new and have the brain of their role
    > send kid hi
    /root/ada/kid: message accepted
    > send /root/bob hi
    /root/bob: message accepted
    > tree /root
    /root  idle
      ada "Ada"  running
        kid "Kim"  idle
      bob "Bob"  idle
    > show /root/bob
    path       /root/bob
    status     idle
    role       default
    nickname   Bob
    > show /root/none
    error: /root/none does not exist
    > close kid --yes
    /root/ada/kid closed: 0 stopped
    > close /root/bob --yes
    error: /root/bob does not exist
    > close /root/none --yes
    error: /root/none does not exist
    > resume kid
    /root/ada/kid resumed
    > interrupt ../bob
    error: bad agent path "../bob": . and .. are no names and are never followed
    > interrupt /root/bob
    error: /root/bob does not exist
    > wait kid
    /root/ada/kid  idle
    > remove kid --yes
    error: /root/ada/kid does not exist
    > remove none --yes
    error: /root/ada/none does not exist
    > tool call wait {"agents":["kid"]}
    {"settled":[{"agent":"/root/ada/kid","status":"idle"}],"pending":[],"timed_out":false}
    > tool call report {"result":{}}
    error: no tool "report"
    > tool call fly
    error: no tool "fly"
    > tool call wait nonsense
    error: the arguments are not JSON: expected ident at line 1 column 2
    > report {}
    error: no tool "report"
    > job list
    error: an agent has no such verb
    > dead list
    error: /root does not exist
    > role list
    error: an agent has no such verb
    > store verify
    error: an agent has no such verb
    > run
    error: `understory run` has the store itself, which /root/ada may not
    > job resume
    error: `understory job resume` has the store itself, which /root/ada may not
    > tree
    error: the token is not good for /root/ada
    > tree
    error: the token is not good for /root/ada
    > tree
    error: the token is not good for /root
    > tree
    error: the token is not good for /root/none
    > tree
    error: UNDERSTORY_TOKEN is set, and UNDERSTORY_PATH does not say whose it is
    "#);
    assert!(folder.ok("show bob").contains("status     idle"), "nobody closed it");
    assert!(folder.ok("show ada/kid").contains("Kim"));
}

#[test]
fn a_rows_program_reports_with_its_token() {
    let folder = Folder::with_table(3);
    let report = r#"BINARY report "{\"twice\":$((UNDERSTORY_COL_N * 2))}" && echo ignored"#;
    folder.worker("twice", &report.replace("BINARY", env!("CARGO_BIN_EXE_understory")));
    folder.ok("job run in.csv --id-column id --brain shell --command ./twice --out out.csv");
    let output = folder.read("out.csv");
    for twice in [2, 4, 6] {
        assert!(output.contains(&format!(r#"{{""twice"":{twice}}}"#)), "{output}");
    }
    assert_eq!(folder.lines("log").len(), 3, "each ran once");
}

#[test]
fn without_the_process_that_runs_it_an_agent_may_nothing() {
    let folder = Folder::new();
    for words in ["tree", "spawn a", "show /root", "run", "store verify", "tool list"] {
        let mut command = folder.command(words);
        command.env("UNDERSTORY_TOKEN", "understory_0").env("UNDERSTORY_PATH", "/root/ada");
        let ran = folder.ended(command.spawn().unwrap());
        assert!(ran.code != 0 && ran.out.is_empty(), "{words}: {ran:?}");
        assert!(!folder.home().join("store").exists(), "{words} opened the store");
    }
    let refused = folder.run("tool list");
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn a_token_is_nowhere_but_with_its_program() {
    let folder = with_program(r#"echo "$UNDERSTORY_TOKEN" >leak; say tree; say spawn kid -m x; say send /root/bob hi"#);
    folder.ok("assign ada go --log trace --log-file trace.log");
    let token = folder.read("leak");
    let token = token.trim();
    assert_eq!(token.len(), "understory_".len() + 64, "{token}");
    assert!(folder.read("trace.log").contains("/root/ada"), "there is a log to look through");
    for shown in ["show ada", "tree", "show ada/kid", "show bob", "dead list"] {
        assert!(!folder.json(shown).1.to_string().contains(token), "{shown}");
    }
    let mut looked_at = 0;
    search(&folder.home(), &mut |bytes| {
        looked_at += 1;
        assert!(!holds(bytes, token.as_bytes()) && !holds(bytes, &token.as_bytes()["understory_".len()..]));
    });
    assert!(looked_at > 2, "{looked_at} files");
    assert!(!holds(folder.read("trace.log").as_bytes(), token.as_bytes()));
    // The search finds what is there.
    let mut found = false;
    search(folder.at("leak").parent().unwrap(), &mut |bytes| found |= holds(bytes, token.as_bytes()));
    assert!(found);
}

#[test]
fn a_minted_token_is_printed_once_and_kept_nowhere() {
    let folder = Folder::new();
    folder.ok("spawn ada --brain shell --command cat --nickname Ada");
    let token = folder.ok("token ada --log trace --log-file trace.log");
    let token = token.trim();
    let mut run = folder.start("run");
    run.says("running /root");
    let as_ada = |words: &str, token: &str| {
        let mut command = folder.command(words);
        folder.ended(command.env("UNDERSTORY_TOKEN", token).env("UNDERSTORY_PATH", "/root/ada").spawn().unwrap())
    };
    assert_eq!(as_ada("spawn kid", token).out, "/root/ada/kid spawned\n");
    assert_eq!(as_ada("token /root", token).err, "error: /root does not exist\n");
    assert_eq!(as_ada("token ada", token).err, "error: /root/ada/ada does not exist\n");
    let (_, next) = folder.json("token ada");
    let next = next["token"].as_str().unwrap();
    assert_eq!(as_ada("tree", token).err, "error: the token is not good for /root/ada\n");
    assert_eq!(as_ada("tree", next).code, 0);
    assert_eq!(folder.json("token none").0, 3);
    run.signal(rustix::process::Signal::INT);
    run.ended();
    assert_eq!(folder.json("store verify").1["sound"], true);
    let shown = ["show ada", "tree", "dead list"].map(|words| folder.json(words).1.to_string()).concat();
    search(&folder.home(), &mut |bytes| {
        for token in [token, next] {
            assert!(!holds(bytes, token.as_bytes()) && !holds(bytes, &token.as_bytes()["understory_".len()..]));
        }
    });
    assert!(!holds(folder.read("trace.log").as_bytes(), token.as_bytes()) && !shown.contains(token));
}

fn search(dir: &Path, look: &mut impl FnMut(&[u8])) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => search(&entry.path(), look),
            kind if kind.is_file() => look(&std::fs::read(entry.path()).unwrap()),
            _ => {}
        }
    }
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
