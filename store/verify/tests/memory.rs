//! Memories, their uses and marks, planted where they fit and where they do not.

use std::collections::BTreeSet;

use super::*;
use crate::keys::Table;

fn memory(of: u128, scope: Scope) -> Memory {
    Memory {
        of: AgentId::from_u128(of),
        scope,
        text: "m".repeat(LONG),
        tags: BTreeSet::new(),
        author: None,
        turn: None,
        commit: None,
        at: Time(3),
        tainted: false,
        edited_at: None,
    }
}

fn used() -> MemoryUse {
    MemoryUse { uses: 1, used_at: Time(4), by: AgentId::from_u128(1), turn: None }
}

fn taint(of: u128) -> Taint {
    Taint { of: AgentId::from_u128(of), reason: "a page".to_owned(), at: Time(4), turn: Some(1) }
}

async fn check(plant: impl FnOnce(&mut Draft), expected: &[&str]) {
    let world = World::sound().await;
    world.commit(plant).await;
    world.check(expected).await;
}

const ONE: MemoryId = MemoryId::from_u128(1);

#[tokio::test]
async fn what_fits_is_no_problem() {
    let (root, ada, job) = (path("/root"), path("/root/ada"), path("/root/job"));
    let plant = |draft: &mut Draft| {
        draft.add(keys::memory(&root, ONE), &memory(0, Scope::Tree));
        draft.add(keys::memory(&root, MemoryId::from_u128(2)), &memory(0, Scope::Role("r".to_owned())));
        draft.add(keys::memory(&ada, ONE), &memory(1, Scope::Agent));
        draft.add(keys::memory_use(&ada, ONE), &used());
        // What all rows of a job see.
        draft.add(keys::memory(&job, ONE), &memory(9, Scope::Subtree));
        draft.add(Table::Taint.at(&ada), &taint(1));
    };
    check(plant, &[]).await;
}

#[tokio::test]
async fn a_memory_lies_where_its_scope_says() {
    let (ada, nobody) = (path("/root/ada"), path("/root/nobody"));
    let name = r"\x00".repeat(15) + r"\x01";
    let at = |path: &str, what: &str| format!("memory{path} {name}: {what}");
    let expected = at("/root/nobody", "it belongs to no node");
    check(|draft| draft.add(keys::memory(&nobody, ONE), &memory(1, Scope::Agent)), &[&expected]).await;
    let expected = at("/root/ada", "it is another's, which was removed");
    check(|draft| draft.add(keys::memory(&ada, ONE), &memory(2, Scope::Agent)), &[&expected]).await;
    let expected = at("/root/ada", "it is for all, and does not lie at the root");
    check(|draft| draft.add(keys::memory(&ada, ONE), &memory(1, Scope::Tree)), &[&expected]).await;
    let short = Table::Memory.named(&ada, b"short");
    let expected = "memory/root/ada short: its key has no id behind the path";
    check(|draft| draft.add(short, &memory(1, Scope::Agent)), &[expected]).await;
}

#[tokio::test]
async fn uses_are_of_a_memory_and_marks_of_an_agent() {
    let (ada, nobody) = (path("/root/ada"), path("/root/nobody"));
    let name = r"\x00".repeat(15) + r"\x01";
    let expected = format!("memory_use/root/ada {name}: there is no memory of its name");
    check(|draft| draft.add(keys::memory_use(&ada, ONE), &used()), &[&expected]).await;
    let expected = format!("memory_use/root/nobody {name}: it belongs to no node");
    check(|draft| draft.add(keys::memory_use(&nobody, ONE), &used()), &[&expected]).await;
    let expected = "taint/root/ada: it is another's, which was removed";
    check(|draft| draft.add(Table::Taint.at(&ada), &taint(2)), &[expected]).await;
    let expected = "taint/root/nobody: it belongs to no node";
    check(|draft| draft.add(Table::Taint.at(&nobody), &taint(2)), &[expected]).await;
}

/// What is left of a removal need not fit.
#[tokio::test]
async fn memories_of_what_is_being_removed_need_not_fit() {
    let ada = path("/root/ada");
    let plant = |draft: &mut Draft| {
        draft.put(Table::Closed.at(&ada), &Mark::Removing);
        draft.put(Table::Count.at(&path("/root")), &1_u64);
        draft.add(keys::memory_use(&ada, ONE), &used());
        draft.add(Table::Taint.at(&ada), &taint(2));
    };
    check(plant, &[]).await;
}
