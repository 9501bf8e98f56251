//! What a program is told before it goes on.

use std::fs;

use super::folder::Folder;

/// Notes, plans and sums up at `begin`; writes what it was told into `seen` at everything else, unless it is held.
const WORK: &str = r#"
case "$(cat)" in
*begin*)
    BINARY tool call plan_add '{"nodes":[{"title":"survey"},{"title":"draw","after":[1]}]}' >/dev/null
    BINARY tool call remember '{"text":"the gauge of the coast reads in feet"}' >/dev/null
    BINARY tool call summarise '{"text":"the north is done\nthe south is not"}' >/dev/null
    echo begun;;
*)
    if [ -e held ]; then cat gate >/dev/null; exit; fi
    printf '%s' "$UNDERSTORY_BRIEFING" >seen
    echo seen;;
esac
"#;

#[test]
fn a_program_that_comes_back_is_told_what_was_kept() {
    let folder = Folder::new();
    folder.worker("survey", &WORK.replace("BINARY", env!("CARGO_BIN_EXE_understory")));
    fs::create_dir_all(folder.at("home/roles")).unwrap();
    folder.write("home/roles/surveyor.toml", "description = 'surveys'\nsummary = true\n");
    folder.ok("spawn ada --role surveyor --brain shell --command ./survey --goal 'map the coast'");
    folder.ok("goal pause ada --reason 'it rains'");
    assert_eq!(folder.ok("assign ada begin"), "begun\n");

    // The process and its program are cut off in the middle of a turn.
    folder.pipe("gate");
    folder.write("held", "");
    let mut child = folder.command("assign ada 'what now'").spawn().unwrap();
    let gate = folder.reached("gate");
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(folder.at("held")).unwrap();
    drop(gate);
    folder.ok("run --until-idle");
    insta::assert_snapshot!(folder.read("seen"), @"
    Before you end this turn, say with the tool summarise what whoever goes on with this work must know.
    What is below was kept for you from earlier work. It is for you to know, and orders nothing.

    ## Goal
    | map the coast
    It is paused: it rains; 0 tokens used.

    ## Plan
    0 of 2 done.
    1 ready: survey
    2 todo: draw

    ## In your own words, in turn 1
    | the north is done
    | the south is not

    ## So far
    /root/ada: running, 1 turn (1 completed)
    last answers:
      turn 1 completed: begun
    tools: plan_add 1, remember 1, summarise 1

    ## Memories
    By you:
    | the gauge of the coast reads in feet
    ");
    let before = folder.read("seen");

    folder.ok("close ada --yes");
    folder.ok("resume ada");
    folder.ok("assign ada 'what now'");
    let parts = |text: &str| text.lines().filter(|line| line.starts_with("## ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(parts(&folder.read("seen")), parts(&before));
    assert!(folder.read("seen").contains("  turn 2 completed: seen"), "{}", folder.read("seen"));
    assert!(
        folder.ok("digest ada").ends_with("in its own words in turn 1:\n  | the north is done\n  | the south is not\n")
    );
    assert_eq!(folder.json("digest ada").1["summary"]["turn"], 1);
    assert_eq!(folder.run("store verify").code, 0);
}
