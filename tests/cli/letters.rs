//! Messages from the terminal: what is attached to them, and whom they are for.

use serde_json::json;

use super::folder::Folder;

#[test]
fn what_is_attached_reaches_the_worker() {
    let folder = Folder::new();
    folder.worker("answer", "echo \"$UNDERSTORY_METADATA\"");
    let spawned = folder.ok("spawn ada --brain shell --command ./answer -m go --meta trace=7 --meta ld_preload=x=y");
    assert_eq!(spawned, "{\"ld_preload\":\"x=y\",\"trace\":\"7\"}\n");
    folder.ok("send ada note --meta trace=8 --meta from=me");
    assert_eq!(folder.ok("assign ada go --meta from="), "{\"from\":\"\",\"trace\":\"8\"}\n");
    assert_eq!(folder.ok("assign ada go"), "\n", "nothing is left over from the turns before");
}

#[test]
fn what_may_not_be_attached_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    for verb in ["send ada text", "assign ada text --detach", "spawn bob -m text --detach"] {
        let check = |meta: &str, code: u8, word: &str| {
            let (exit, failure) = folder.json(&format!("{verb} {meta}"));
            assert_eq!((exit, &failure["code"]), (code.into(), &json!(word)), "{verb} {meta}: {failure}");
        };
        check("--meta understory.turn=1", 5, "invalid_text");
        check("--meta Trace=1", 5, "invalid_text");
        check(&format!("--meta trace={}", "x".repeat(513)), 4, "limit");
        check("--meta trace", 2, "usage");
        check("--meta trace=1 --meta trace=2", 2, "usage");
    }
    let (exit, _) = folder.json("spawn bob --meta trace=1");
    assert_eq!(exit, 2);
    assert!(folder.ok("tree").ends_with("ada \"Lark\"  idle\n"));
}
