//! Stores that cannot be opened: the error says why, and changes nothing.

use std::fs;

use super::folder::Folder;

/// A home with an agent in it.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.ok("spawn ada");
    folder
}

#[test]
fn a_store_that_another_process_holds_without_answering() {
    let folder = folder();
    let lock = fs::File::options().read(true).write(true).open(folder.home().join("store/lock")).unwrap();
    lock.lock().unwrap();
    fs::write(folder.home().join("store/lock"), "4194305\n").unwrap();
    let (code, failure) = folder.json("tree");
    assert_eq!(code, 4);
    insta::assert_snapshot!(failure, @r#"{"code":"in_use","message":"store [dir]/home/store is in use by process 4194305, which does not answer: it has no control socket","details":{"store":"[dir]/home/store","pid":4194305},"hint":null,"retryable":true}"#);
    drop(lock);
    assert!(folder.ok("tree").contains("ada"));
}

#[test]
fn a_store_of_a_newer_schema() {
    let folder = folder();
    let before = set_schema(&folder, 999);
    let (code, failure) = folder.json("tree");
    assert_eq!(code, 5);
    insta::assert_snapshot!(failure, @r#"{"code":"newer_schema","message":"store [dir]/home/store has schema 999, this build reads up to 1","details":{"store":"[dir]/home/store","found":999,"supported":1},"hint":"use the newer understory that wrote it","retryable":false}"#);
    assert_eq!(folder.run("store verify").code, 5);
    assert_eq!(folder.run("spawn bob").code, 5);
    set_schema(&folder, before);
    let tree = folder.ok("tree");
    assert!(tree.contains("ada") && !tree.contains("bob"), "{tree}");
}

#[test]
fn a_store_that_is_damaged() {
    let folder = folder();
    let conf = folder.home().join("store/conf");
    let bytes = fs::read(&conf).unwrap();
    fs::write(&conf, vec![0x5a; bytes.len()]).unwrap();
    let (code, failure) = folder.json("tree");
    assert_eq!(code, 5, "{failure}");
    assert_eq!(failure["code"], "damaged", "{failure}");
    fs::write(&conf, bytes).unwrap();
    assert!(folder.ok("tree").contains("ada"), "nothing was changed");
}

#[test]
fn a_home_that_cannot_be_made() {
    let folder = folder();
    folder.write("file", "");
    let ran = folder.run("--home file/home tree");
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.err, @"error: failed to make the home [dir]/file/home: Not a directory (os error 20)");
}

/// Writes the store's schema as a build that knows it would, and returns what it was.
fn set_schema(folder: &Folder, schema: u32) -> u32 {
    let key = [0, b's'];
    let mut value = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
    let payload = schema.to_be_bytes();
    let sum = crc32c::crc32c(&[&key[..], &value, &payload].concat());
    value.extend_from_slice(&sum.to_be_bytes());
    value.extend_from_slice(&payload);
    let db = sled::open(folder.home().join("store")).unwrap();
    let old = db.insert(key, value).unwrap().unwrap();
    db.flush().unwrap();
    u32::from_be_bytes(old[old.len() - 4..].try_into().unwrap())
}
