//! Each thing that may not fit, planted in a sound store.

use std::sync::Arc;

use super::*;
use crate::records::Card;

/// Plants one thing in a sound store and checks what is found.
async fn check(plant: impl FnOnce(&mut Draft), expected: &[&str]) {
    let world = World::sound().await;
    world.commit(plant).await;
    world.check(expected).await;
}

#[tokio::test]
async fn a_sound_store_has_no_problems() {
    let verified = World::sound().await.store.verify().await.unwrap();
    assert!(verified.is_sound(), "{verified:?}");
    let Verified { rows, nodes, agents, jobs, items, .. } = verified;
    // 11 nodes, 1 mark, 4 counts, 2 messages, 3 entries, 1 dead letter, 1 seen, 2 specs, 1 row, 1 result, 4 item ids,
    // 1 unfinished, 2 fingerprints, 1 nickname, 1 grant, 1 token, 1 resume, 1 session, 1 digest, 1 directory, 1 of settings, 1 plan
    // with 2 nodes; and 3 parts for each of 9 long values.
    assert_eq!((rows, nodes, agents, jobs, items), (45 + 27, 11, 5, 2, 4));
}

#[tokio::test]
async fn an_empty_store_has_no_problems() {
    World::over(Arc::new(MemoryBackend::new())).check(&[]).await;
}

#[tokio::test]
async fn a_wrong_count_is_named() {
    let root = path("/root");
    check(|draft| draft.put(Table::Count.at(&root), &3_u64), &["count/root: it is 3, and 2 are open"]).await;
    check(|draft| draft.delete(Table::Count.at(&root)), &["count/root: it is missing, and 2 are open"]).await;
    let ada = Table::Count.at(&path("/root/ada"));
    check(|draft| draft.put(ada, &0_u64), &["count/root/ada: it is 0, which is told by no row"]).await;
    let low = Table::Count.at(&path("/root/ada/kid/low"));
    check(|draft| draft.put(low, &1_u64), &["count/root/ada/kid/low: it is 1, and 0 are open"]).await;
}

#[tokio::test]
async fn a_mark_that_is_gone_changes_the_counts() {
    let expected = ["count/root/ada: it is missing, and 2 are open", "count/root: it is 2, and 4 are open"];
    check(|draft| draft.delete(Table::Closed.at(&path("/root/ada/kid"))), &expected).await;
}

#[tokio::test]
async fn rows_without_a_node_are_named() {
    let nobody = path("/root/nobody");
    check(|draft| draft.put(Table::Closed.at(&nobody), &()), &["closed/root/nobody: it belongs to no node"]).await;
    check(|draft| draft.put(Table::Count.at(&nobody), &1_u64), &["count/root/nobody: it belongs to no node"]).await;
    let seen = Table::Seen.named(&nobody, b"m1");
    check(|draft| draft.put(seen, &1_u64), &["seen/root/nobody m1: it belongs to no node"]).await;
    check(|draft| draft.add(Table::Grant.at(&nobody), &grant()), &["grant/root/nobody: it belongs to no node"]).await;
    let (job, bad) = (path("/root/job"), path("/root/ada/kid"));
    let expected = ["grant/root/job: there is no agent at its path"];
    check(|draft| draft.add(Table::Grant.at(&job), &grant()), &expected).await;
    let expected = ["grant/root/ada/kid: Grant record does not decode: Hit the end of buffer, expected more data"];
    check(|draft| draft.put(Table::Grant.at(&bad), &()), &expected).await;
    for at in [&nobody, &job] {
        let what = if *at == job { "there is no agent at its path" } else { "it belongs to no node" };
        let expected = format!("credential{at}: {what}");
        check(|draft| draft.add(Table::Credential.at(at), &credential()), &[expected.as_str()]).await;
    }
    for (at, what) in [(&nobody, "it belongs to no node"), (&job, "it lies at a job, which has no brain of its own")] {
        let expected = format!("session{at}: {what}");
        check(|draft| draft.add(Table::Session.at(at), &session()), &[expected.as_str()]).await;
        let expected = format!("brain_settings{at}: {what}");
        check(|draft| draft.add(Table::BrainSettings.at(at), &brain_settings()), &[expected.as_str()]).await;
    }
    check(|draft| draft.add(Table::Reopened.at(&nobody), &()), &["reopened/root/nobody: it belongs to no node"]).await;
    check(|draft| draft.put(Table::Spec.at(&nobody), &()), &["spec/root/nobody: it belongs to no node"]).await;
    let world = World::sound().await;
    let mailing = |draft: &mut Draft| {
        let _ = draft.append(Table::Inbox.below(&nobody), &message(String::new()));
    };
    let sent = world.commit(mailing).await;
    assert!(sent < 0x20, "the key below is written for a number of one byte");
    let key = format!(r"inbox/root/nobody \x00\x00\x00\x00\x00\x00\x00\x0{sent:x}\x00\x00: it belongs to no node");
    world.check(&[&key.replace(r"\x09", r"\t")]).await;
}

#[tokio::test]
async fn a_node_in_the_wrong_place_is_named() {
    let add = |at: &'static str, node: Node| move |draft: &mut Draft| draft.add(Table::Node.at(&path(at)), &node);
    let closed = |at: &'static str| move |draft: &mut Draft| draft.put(Table::Closed.at(&path(at)), &());
    let world = World::sound().await;
    world.commit(add("/root/none/a", Node::Agent(agent(7)))).await;
    world.commit(closed("/root/none/a")).await;
    world.commit(add("/root/job/a", Node::Agent(agent(8)))).await;
    world.commit(closed("/root/job/a")).await;
    let stray = item(9, here(), pending());
    world.commit(add("/root/ada/r00000009", Node::Item(stray))).await;
    world.commit(|draft| draft.put(keys::item_id(&path("/root/ada"), "id 9"), &9_u64)).await;
    world
        .check(&[
            "node/root/ada/r00000009: it is an item below something that is no job",
            "node/root/job/a: it is an agent below a job",
            "node/root/none/a: it has no parent",
        ])
        .await;
}

#[tokio::test]
async fn a_nickname_is_followed_both_ways() {
    let root = path("/root");
    let ada = Table::Nickname.named(&root, b"ada l");
    let other = |to: &str| Pointer(path(to));
    check(|draft| draft.delete(ada.clone()), &["node/root/ada: its nickname \"Ada L\" leads nowhere"]).await;
    check(
        |draft| draft.put(ada.clone(), &other("/root/job/r00000002/help")),
        &[
            "nickname/root ada l: it leads to /root/job/r00000002/help, who is not called so here",
            "node/root/ada: its nickname \"Ada L\" is another's: it leads to /root/job/r00000002/help",
        ],
    )
    .await;
    check(
        |draft| draft.put(Table::Nickname.named(&root, b"bob"), &other("/root/bob")),
        &["nickname/root bob: it leads to /root/bob, where no agent is"],
    )
    .await;
}

#[tokio::test]
async fn item_ids_are_followed_both_ways() {
    let job = path("/root/job");
    let id = |name: &str| keys::item_id(&job, name);
    check(|draft| draft.delete(id("id 2")), &["node/root/job/r00000002: its item id \"id 2\" leads nowhere"]).await;
    check(
        |draft| draft.put(id("id 2"), &4_u64),
        &[
            "item_id/root/job id 2: it leads to row 4, whose item id is \"id 4\"",
            "node/root/job/r00000002: its item id \"id 2\" leads to row 4",
        ],
    )
    .await;
    check(|draft| draft.put(id("x"), &5_u64), &["item_id/root/job x: it leads to row 5, which is not there"]).await;
}

#[tokio::test]
async fn unfinished_jobs_are_followed_both_ways() {
    let (job, old) = (path("/root/job"), path("/root/old"));
    let gone = ["node/root/job: it is unfinished, and not among the unfinished"];
    check(|draft| draft.delete(Table::Unfinished.at(&job)), &gone).await;
    check(|draft| draft.put(Table::Unfinished.at(&old), &()), &["unfinished/root/old: its job is finished"]).await;
    let ada = Table::Unfinished.at(&path("/root/ada"));
    check(|draft| draft.put(ada, &()), &["unfinished/root/ada: there is no job at its path"]).await;
}

#[tokio::test]
async fn specs_and_fingerprints_are_followed_both_ways() {
    let (root, job) = (path("/root"), path("/root/job"));
    let fingerprint = |of: u8| Table::Fingerprint.named(&root, &[of; 32]);
    let world = World::sound().await;
    let row = world.store.peek::<JobSpec>(&Table::Spec.at(&job)).await.unwrap().unwrap();
    world.commit(|draft| draft.remove(&row)).await;
    let name = r"\x01".repeat(32);
    world
        .check(&[
            &format!("fingerprint/root {name}: it leads to /root/job, where no job is"),
            "node/root/job: nothing says what the job was asked for",
        ])
        .await;
    check(|draft| draft.delete(fingerprint(1)), &["spec/root/job: its fingerprint leads nowhere"]).await;
    let name = r"\x03".repeat(32);
    let expected = format!("fingerprint/root {name}: it leads to /root/job, whose fingerprint is another");
    check(|draft| draft.put(fingerprint(3), &Pointer(job.clone())), &[&expected]).await;
    let old = Table::Spec.at(&path("/root/ada"));
    check(
        |draft| draft.put(old, &()),
        &[
            "spec/root/ada: JobSpec record does not decode: Hit the end of buffer, expected more data",
            "spec/root/ada: there is no job at its path",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_jobs_record_is_recounted() {
    let counted = |change: fn(&mut Job)| {
        async move |expected: &[&str]| {
            let world = World::sound().await;
            let key = Table::Node.at(&path("/root/job"));
            let Node::Job(mut job) = world.store.peek::<Node>(&key).await.unwrap().unwrap().value else { panic!() };
            change(&mut job);
            world.commit(|draft| draft.put(key, &Node::Job(job))).await;
            world.check(expected).await;
        }
    };
    counted(|job| job.counts.pending = 2)(&[
        "node/root/job: its counts are 2 pending, 0 running, 2 completed, 1 failed, 0 skipped, and its rows come to 1 pending, 0 running, 2 completed, 1 failed, 0 skipped",
    ])
    .await;
    counted(|job| job.cursor = 4)(&["node/root/job: its cursor is 4, and row 3 is not final"]).await;
    counted(|job| job.imported = 5)(&["node/root/job: it has 5 rows, and 4 were found"]).await;
}

#[tokio::test]
async fn a_missing_row_of_a_job_is_named() {
    let expected = [
        "item_id/root/job id 4: it leads to row 4, which is not there",
        "node/root/job: it has 4 rows, and 3 were found",
        "node/root/job: its counts are 1 pending, 0 running, 2 completed, 1 failed, 0 skipped, and its rows come to 1 pending, 0 running, 2 completed, 0 failed, 0 skipped",
    ];
    check(|draft| draft.delete(Table::Node.at(&row_path(4))), &expected).await;
    let world = World::sound().await;
    world.commit(|draft| draft.delete(Table::Node.at(&row_path(1)))).await;
    let problems = world.problems().await;
    assert!(problems.contains(&"node/root/job: row 1 is missing".to_owned()), "{problems:?}");
}

#[tokio::test]
async fn texts_beside_items_are_followed_both_ways() {
    let world = World::sound().await;
    for (table, number) in [(Table::Row, 3), (Table::Result, 2)] {
        let row = world.store.peek::<String>(&table.at(&row_path(number))).await.unwrap().unwrap();
        world.commit(|draft| draft.remove(&row)).await;
    }
    world
        .check(&[
            "result/root/job/r00000002: it is missing, and its item says that it lies here",
            "row/root/job/r00000003: it is missing, and its item says that it lies here",
        ])
        .await;
    let text = String::new();
    let stray = ["row/root/job/r00000001: its item does not say that it lies here"];
    check(|draft| draft.put(Table::Row.at(&row_path(1)), &text), &stray).await;
    let stray = ["result/root/ada: there is no item at its path"];
    check(|draft| draft.put(Table::Result.at(&path("/root/ada")), &text), &stray).await;
}

#[tokio::test]
async fn a_message_in_hand_that_is_gone_is_named() {
    let world = World::sound().await;
    let ada = path("/root/ada");
    let rows = world.store.peek_page::<Message>(Table::Inbox.rows_of(&ada), None, 1).await.unwrap();
    world.commit(|draft| draft.remove(&rows[0])).await;
    world.check(&["node/root/ada: its turn has message (2, 3) in hand, which is not in its inbox"]).await;
}

#[tokio::test]
async fn parts_are_counted_against_their_heads() {
    let world = World::sound().await;
    let (result, entry) = (Table::Result.at(&row_path(2)), world.first_key(Table::Transcript.all()).await);
    world.write(vec![Write::Delete(result), Write::Delete(entry)]).await;
    world
        .check(&[
            "result/root/job/r00000002: it is missing, and its item says that it lies here",
            r"chunk \x05/root/ada: 6 parts lie here, and rows name 3",
            r"chunk \x08/root/job/r00000002: 3 parts lie here, and rows name 0",
        ])
        .await;
    let world = World::sound().await;
    let part = world.first_key(KeyRange::prefix(b"\x0f\x07")).await;
    world.write(vec![Write::Put(part.clone(), "changed".into())]).await;
    world.check(&["row/root/job/r00000003: the parts of its value are not those that were cut"]).await;
    world.write(vec![Write::Delete(part)]).await;
    world.check(&["row/root/job/r00000003: part 0 of its value is missing"]).await;
}

#[tokio::test]
async fn only_the_first_problems_are_listed() {
    let world = World::sound().await;
    world.commit(|draft| (0..250).for_each(|n| draft.put(Table::Closed.at(&path(&format!("/root/n{n}"))), &()))).await;
    let verified = world.store.verify().await.unwrap();
    assert_eq!((verified.problems.len(), verified.problems_total), (100, 250));
    assert!(!verified.is_sound());
}

/// What is left of a removal need not fit, but it must be readable and have parents.
#[tokio::test]
async fn what_is_being_removed_need_not_fit() {
    let world = World::sound().await;
    let (ada, job) = (path("/root/ada"), path("/root/job"));
    let begin = |draft: &mut Draft| {
        draft.put(Table::Closed.at(&ada), &Mark::Removing);
        // What is being imported is not all there yet either.
        draft.put(Table::Closed.at(&job), &Mark::Importing(AgentId::from_u128(1)));
        draft.delete(Table::Count.at(&path("/root")));
    };
    world.commit(begin).await;
    world.check(&[]).await;
    // What is above it still must.
    world.commit(|draft| draft.put(Table::Count.at(&path("/root")), &9_u64)).await;
    world.check(&["count/root: it is 9, and 0 are open"]).await;
    world.commit(|draft| draft.delete(Table::Count.at(&path("/root")))).await;
    world
        .commit(|draft| {
            draft.delete(Table::Node.at(&path("/root/ada/kid/low")));
            draft.delete(Table::Count.at(&path("/root/ada")));
            draft.delete(Table::Node.at(&row_path(4)));
            draft.delete(Table::Unfinished.at(&job));
        })
        .await;
    world.check(&[]).await;
    world.commit(|draft| draft.delete(Table::Node.at(&path("/root/ada/kid")))).await;
    let left = ["closed/root/ada/kid: it belongs to no node", "count/root/ada/kid: it belongs to no node"];
    world.check(&left).await;
}

#[tokio::test]
async fn a_tombstone_stands_where_nothing_lies_and_is_found_by_its_age() {
    let (gone, ada) = (path("/root/gone"), path("/root/ada"));
    let stone = |n| Tombstone { id: AgentId::from_u128(n), at: Time(9) };
    let burial = |path: &understory_paths::AgentPath, n| Burial {
        node: AgentRef::new(path.clone(), AgentId::from_u128(n)),
        at: Time(9),
    };
    let bury = |draft: &mut Draft| {
        draft.put(Table::Tombstone.at(&gone), &stone(7));
        draft.put(keys::burial(3), &burial(&gone, 7));
        // A newcomer took this one's away.
        draft.put(keys::burial(4), &burial(&ada, 8));
    };
    check(bury, &[]).await;
    let unfound = |draft: &mut Draft| {
        bury(draft);
        draft.put(keys::burial(3), &burial(&gone, 6));
    };
    check(unfound, &["tombstone: 1 stand, and 0 are found by their age"]).await;
    let over = |draft: &mut Draft| {
        draft.put(Table::Tombstone.at(&ada), &stone(8));
        draft.put(keys::burial(4), &burial(&ada, 8));
    };
    check(over, &["tombstone/root/ada: something lies at its path"]).await;
}

#[tokio::test]
async fn a_digest_is_of_the_agent_at_its_path() {
    let digest = |id| Digest { of: AgentId::from_u128(id), ..digest() };
    let check = async |at: &str, id, what: &str| {
        let key = Table::Digest.at(&path(at));
        check(|draft| draft.put(key, &digest(id)), &[&format!("digest{at}: {what}")]).await;
    };
    check("/root/ada", 99, "it is another's, which was removed").await;
    check("/root/nobody", 1, "it belongs to no node").await;
    check("/root/job", 9, "there is no agent at its path").await;
    check("/root/job/r00000001", 1, "there is no agent at its path").await;
}

#[tokio::test]
async fn a_card_is_of_the_node_at_its_path() {
    let (ada, nobody) = (path("/root/ada"), path("/root/nobody"));
    let other = Card { title: Some("t".to_owned()), ..Card::blank(AgentId::from_u128(99)) };
    let put = |at: &understory_paths::AgentPath| Table::Card.at(at);
    check(|draft| draft.put(put(&ada), &other), &["card/root/ada: it is another's, which was removed"]).await;
    check(|draft| draft.put(put(&nobody), &other), &["card/root/nobody: it belongs to no node"]).await;
}

#[tokio::test]
async fn a_directory_is_that_of_whoever_lies_there() {
    let (nobody, item, job) = (path("/root/nobody"), path("/root/job/r00000001"), path("/root/job"));
    let plant =
        |at: understory_paths::AgentPath| move |draft: &mut Draft| draft.add(Table::Directory.at(&at), &directory());
    check(plant(nobody), &["directory/root/nobody: it belongs to no node"]).await;
    check(plant(item), &["directory/root/job/r00000001: an item works where its job does"]).await;
    check(plant(job), &["directory/root/job: it is another's, which was removed"]).await;
}

#[tokio::test]
async fn a_plan_is_of_the_agent_at_its_path_and_its_nodes_fit_together() {
    let (ada, job, nobody) = (path("/root/ada"), path("/root/job"), path("/root/nobody"));
    let head = |of, next| Plan { next, ..Plan::new(AgentId::from_u128(of)) };
    let node = |after: &[u32]| PlanNode::new("t".to_owned(), String::new(), after.to_vec(), Time(3));
    let key = |number| keys::plan_node(&path("/root/ada"), number);
    check(|draft| draft.put(Table::Plan.at(&ada), &head(9, 4)), &["plan/root/ada: it is another's, which was removed"])
        .await;
    check(|draft| draft.put(Table::Plan.at(&job), &head(9, 1)), &["plan/root/job: there is no agent at its path"])
        .await;
    check(|draft| draft.put(Table::Plan.at(&nobody), &head(9, 1)), &["plan/root/nobody: it belongs to no node"]).await;
    check(|draft| draft.delete(Table::Plan.at(&ada)), &["plan/root/ada: it is missing, and nodes of it are there"])
        .await;
    let name = |number: u8| format!(r"plan_node/root/ada \x00\x00\x00\x{number:02x}");
    let gone = format!("{}: it comes after 1, which is not there", name(3));
    check(|draft| draft.delete(key(1)), &[&gone]).await;
    let round = format!("{}: it comes after itself, by way of others or behind those that do", name(1));
    check(|draft| draft.put(key(1), &node(&[3])), &[&round]).await;
    let late = format!("{}: its plan's next node is 4", name(4));
    check(|draft| draft.put(key(4), &node(&[])), &[&late]).await;
    let job = PlanJob { job: AgentRef::new(path("/root/old"), AgentId::from_u128(8)), nodes: vec![3, 0, 9] };
    let given = Plan { jobs: vec![job], ..head(1, 4) };
    let expected = [
        "plan/root/ada: its job /root/old does not lie below its agent",
        "plan/root/ada: its job /root/old has node 9, which is not there",
    ];
    check(|draft| draft.put(Table::Plan.at(&ada), &given), &expected).await;
    let bad = "plan_node/root/ada x: its key holds no number";
    check(|draft| draft.put(Table::PlanNode.named(&ada, b"x"), &node(&[])), &[bad]).await;
    let unread = format!("{}: PlanNode record does not decode: Hit the end of buffer, expected more data", name(1));
    check(|draft| draft.put(key(1), &()), &[&unread]).await;
}
