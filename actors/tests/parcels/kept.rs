//! All that an agent can keep, in a file and out of it.

use tempfile::TempDir;
use understory_store::{
    Charge, DeadLetter, Directory, Draft, Drive, Goal, GoalId, GoalStatus, Grant, ImportState, ImportedThread,
    MemoryId, MemoryUse, Message, MessageKind, Metadata, ParcelReader, PlanStep, Scope, Time, Usage, keys, travels,
};

use super::*;
use crate::brain::{BrainError, Response, Turn};
use crate::tests::world::until;
use crate::{GoalPatch, NewGoal, NewPlanNode, Note, PlanPatch};

/// Tables of which an agent has no row, nor a job that is done and whose rows are short.
const OF_JOBS: [Rows; 3] = [Rows::Unfinished, Rows::Row, Rows::Result];

fn keeping() -> Setting {
    setting().brain("keeps", |turn: Turn| async move {
        let refused = |error: crate::tools::ToolError| BrainError::refused(error.to_string());
        turn.keep_session("a conversation").await.map_err(refused)?;
        turn.keep_settings(Some("a model"), None).await.map_err(refused)?;
        let note = Note { text: turn.text(), scope: Scope::Subtree, tags: Default::default() };
        turn.remember(note).await.map_err(refused)?;
        let usage = Usage { input_tokens: 7, ..Usage::default() };
        Ok(Response { usage, ..Response::text("kept") })
    })
}

/// `/root/a` with a row in every table whose rows travel, closed.
async fn plant_all(world: &World, table: &Table) {
    let system = &world.system;
    plant(world, table, 3).await.unwrap();
    system.resume(&at("/root/a")).await.unwrap();
    world.spawn("/root/a/keeper", "keeps").await;
    for (path, budget) in [("/root/a", 100), ("/root/a/keeper", 50)] {
        system.create_goal(&at(path), NewGoal::new("keep").unwrap().within(budget)).await.unwrap();
        system.set_goal(&at(path), GoalPatch::to(GoalStatus::Paused)).await.unwrap();
    }
    world.assign("/root/a/keeper", "the tide").await.unwrap();
    until(async || !world.rows::<Charge>(Rows::Charge, "/root/a/keeper").await.is_empty()).await;
    let nodes = ["one", "two"].map(|title| NewPlanNode { title: title.to_owned(), ..NewPlanNode::default() });
    system.plan_add(&at("/root/a"), &nodes).await.unwrap();
    let keeper = AgentRef::new(at("/root/a/keeper"), world.agent("/root/a/keeper").await.id);
    let start = PlanStep::Start { owner: Some(keeper.clone()) };
    let patch = PlanPatch { step: Some(start), ..PlanPatch::default() };
    system.plan_update(&at("/root/a"), 1, &patch).await.unwrap();
    system.mark_untrusted(&at("/root/a/keeper"), "a page").await.unwrap();
    system.refresh_digest(&at("/root/a/keeper")).await.unwrap();
    world.store().commit(by_hand(world, &keeper).await).await.unwrap();
    system.close(&at("/root/a"), LONG).await.unwrap();
}

/// What takes long to come to be.
async fn by_hand(world: &World, keeper: &AgentRef) -> Draft {
    let (path, mut draft) = (&keeper.path, Draft::new());
    let goal = world.store().get::<Goal>(&Rows::Goal.at(path)).await.unwrap().unwrap().value;
    draft.put(Rows::Drive.at(path), &Drive::of(&goal));
    let message = Message {
        to: keeper.id,
        from: Sender::Agent(keeper.clone()),
        kind: MessageKind::GoOn { goal: GoalId::from_u128(3) },
        trigger: true,
        text: "never mind".to_owned(),
        at: Time(1),
        message_id: None,
        metadata: Metadata::default(),
    };
    draft.append(Rows::Dead.below(path), &DeadLetter { message, error: "no".to_owned(), at: Time(2) });
    let memories =
        world.store().page::<understory_store::Memory>(Rows::Memory.rows_of(path), None, Direction::Forward, 9);
    let id: MemoryId = keys::memory_id(&memories.await.unwrap()[0].key).unwrap();
    let used = MemoryUse { uses: 2, used_at: Time(3), by: keeper.id, turn: Some(1) };
    draft.put(keys::memory_use(path, id), &used);
    let thread = ImportedThread {
        name: "t".to_owned(),
        agent: keeper.clone(),
        file: "sessions/t".to_owned(),
        bytes: 1,
        sha256: [7; 32],
        entries: 0,
        used: Usage::default(),
        title: None,
    };
    let grant = Grant {
        instructions: Some("keep".to_owned()),
        restart: "never".to_owned(),
        faults: 1,
        within_ms: 1,
        hidden: Vec::new(),
        agents: None,
        depth: None,
        isolated: false,
        wake_on_result: false,
    };
    draft.put(Rows::Grant.at(path), &grant);
    draft.put(Rows::Directory.at(path), &Directory::new(keeper.id, "/repo".to_owned(), None, Time(3)));
    draft.put(keys::imported_thread(&at("/root/a"), "t"), &ImportState::Thread(thread));
    draft
}

async fn tables_below(world: &World, top: &str) -> Vec<Rows> {
    let mut there = Vec::new();
    for table in Rows::ALL {
        if !world.store().peek_keys(table.subtree(&at(top)), None, 1).await.unwrap().is_empty() {
            there.push(table);
        }
    }
    there
}

/// The rows of a file as they come to lie.
fn rows(file: &Path, to: Option<&str>) -> Vec<understory_store::ParcelRow> {
    let mut rows = Vec::new();
    ParcelReader::open(file, to.map(at).as_ref(), |row| rows.push(row.clone())).unwrap();
    rows
}

#[tokio::test(start_paused = true)]
async fn a_row_of_every_table_comes_back_and_names_those_of_the_subtree_elsewhere() {
    let (dir, table) = (TempDir::new().unwrap(), Table::of(2));
    let file = |name: &str| dir.path().join(name);
    let world = keeping().open().await;
    plant_all(&world, &table).await;
    world.sound().await;
    let there = tables_below(&world, "/root/a").await;
    let missing = |table: &Rows| travels(*table) && !OF_JOBS.contains(table) && !there.contains(table);
    assert_eq!(Rows::ALL.into_iter().filter(missing).collect::<Vec<_>>(), []);
    let first = exported(&world, "/root/a", &file("first")).await;
    world.system.remove(&at("/root/a")).await.unwrap();
    assert_eq!(tables_below(&world, "/root/a").await, [Rows::Tombstone]);
    world.system.import_subtree(file("first"), None).await.unwrap();
    check(&world, 1, "at its place").await;
    assert_eq!(exported(&world, "/root/a", &file("again")).await, first);

    world.system.import_subtree(file("first"), Some(at("/root/b/copy"))).await.unwrap();
    check(&world, 1, "elsewhere").await;
    exported(&world, "/root/b/copy", &file("copy")).await;
    for row in rows(&file("copy"), None) {
        let holds = |bytes: &[u8]| bytes.windows(7).any(|seven| seven == b"/root/a");
        assert!(!holds(row.key.as_bytes()) && !holds(&row.value.0), "{}", row.key);
    }
    assert_eq!(rows(&file("copy"), Some("/root/a")), rows(&file("first"), None));
    world.system.resume(&at("/root/b/copy")).await.unwrap();
    check(&world, 6, "resumed").await;
    world.end().await;
}
