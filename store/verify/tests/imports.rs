//! What an import notes, where it lies and where it does not.

use super::*;

fn file(name: &str) -> ImportState {
    let taken = FileTaken::Whole { thread: "t1".to_owned() };
    ImportState::File(ImportedFile { name: name.to_owned(), size: 3, modified: 4, taken })
}

fn thread(of: &str) -> ImportState {
    ImportState::Thread(ImportedThread {
        name: "t1".to_owned(),
        agent: AgentRef::new(path(of), AgentId::from_u128(77)),
        file: "f1".to_owned(),
        bytes: 1,
        sha256: [7; 32],
        entries: 1,
        used: Usage::default(),
        title: None,
    })
}

/// Adds one row to a sound store and checks what is found.
async fn check(key: Key, state: ImportState, expected: &[&str]) {
    let world = World::sound().await;
    world.commit(|draft| draft.add(key, &state)).await;
    world.check(expected).await;
}

#[tokio::test]
async fn rows_of_an_import_lie_where_they_are_looked_for() {
    let (ada, nobody) = (path("/root/ada"), path("/root/nobody"));
    let runs = || ImportState::Runs(ImportRuns::default());
    let (long, table) = ("n".repeat(LONG), Table::ImportState);
    check(table.at(&ada), runs(), &[]).await;
    check(keys::imported_file(&ada, &long), file(&long), &[]).await;
    // Its agent is not there any more.
    check(keys::imported_thread(&ada, "t1"), thread("/root/ada/t1"), &[]).await;
    check(table.at(&nobody), runs(), &["import/root/nobody: it belongs to no node"]).await;
    check(table.named(&ada, b"r"), runs(), &["import/root/ada r: it is of the import's runs, which lies elsewhere"])
        .await;
    let elsewhere = "import/root/ada tt2: it is of \"t1\", which lies elsewhere";
    check(keys::imported_thread(&ada, "t2"), thread("/root/ada/t1"), &[elsewhere]).await;
    check(keys::imported_thread(&ada, "t1"), thread("/root/t1"), &["import/root/ada tt1: /root/t1 lies elsewhere"])
        .await;
    check(table.named(&ada, b"fx"), file("f1"), &["import/root/ada fx: it is of \"f1\", which lies elsewhere"]).await;
    let world = World::sound().await;
    world.commit(|draft| draft.put(table.at(&ada), &())).await;
    let expected = "import/root/ada: ImportState record does not decode: Hit the end of buffer, expected more data";
    world.check(&[expected]).await;
}
