mod damage;
mod fit;
mod goals;
mod imports;
mod memory;

use std::sync::Arc;

use super::*;
use crate::draft::Draft;
use crate::memory::MemoryBackend;
use crate::records::*;
use crate::seam::{Backend, Commit, Key, KeyRange, Version, Write};
use crate::{ItemSource, keys};

const LONG: usize = 9000;

fn path(text: &str) -> understory_paths::AgentPath {
    text.parse().unwrap()
}

fn agent(id: u128) -> Agent {
    Agent {
        id: AgentId::from_u128(id),
        created_at: Time(1),
        creation: Creation::Host,
        role: "default".to_owned(),
        brain: None,
        nickname: None,
        turns: 0,
        phase: Phase::IDLE,
        outcome: None,
        faults: Vec::new(),
        used: Usage::default(),
        heard: InboxKey::FIRST,
    }
}

fn message(text: String) -> Message {
    let (kind, at) = (MessageKind::Said, Time(2));
    let metadata = Metadata::default();
    Message {
        to: AgentId::from_u128(1),
        from: Sender::Operator,
        kind,
        trigger: true,
        text,
        at,
        message_id: None,
        metadata,
    }
}

fn spec(rows: u32, fingerprint: u8) -> JobSpec {
    JobSpec {
        input: "/table.csv".to_owned(),
        format: TableFormat::Csv,
        bytes: 9,
        sha256: [7; 32],
        rows,
        headers: vec!["id".to_owned()],
        id_column: None,
        template: Some("t".repeat(LONG)),
        brain: Some(BrainChoice { name: "echo".to_owned(), settings: String::new() }),
        role: "default".to_owned(),
        columns: RowColumns::default(),
        schema: None,
        output: "/out.csv".to_owned(),
        output_format: OutputFormat::default(),
        keep: Keep::None,
        attempts: 1,
        timeout_ms: 1,
        fingerprint: [fingerprint; 32],
    }
}

fn item(number: u32, row: Text, state: ItemState) -> Item {
    let id = AgentId::from_u128(100 + u128::from(number));
    Item { run: 1, state, ..Item::new(id, format!("id {number}"), ItemSource::Number, row) }
}

fn here() -> Text {
    Text::Inline("{}".to_owned())
}

fn pending() -> ItemState {
    ItemState::Pending { not_before: None }
}

/// A store under test.
struct World {
    store: Store,
    backend: Arc<dyn Backend>,
}

fn grant() -> Grant {
    Grant {
        instructions: Some("be brief".to_owned()),
        restart: "permanent".to_owned(),
        faults: 5,
        within_ms: 60_000,
        hidden: vec!["spawn".to_owned()],
        agents: None,
        depth: Some(1),
        isolated: false,
        wake_on_result: true,
    }
}

fn session() -> Session {
    Session { of: agent(1).id, failures: 0, name: "s1".to_owned(), at: Time(3) }
}

fn brain_settings() -> BrainSettings {
    BrainSettings { of: agent(1).id, failures: 0, model: Some("m1".to_owned()), effort: None, at: Time(3) }
}

fn directory() -> Directory {
    Directory::new(agent(1).id, "/repo".to_owned(), None, Time(3))
}

fn digest() -> Digest {
    Digest {
        of: agent(1).id,
        at: Time(3),
        status: "idle".to_owned(),
        goal: None,
        plan: None,
        work: Work::default(),
        used: Usage::default(),
        children: Shortlist::default(),
        below: Below::default(),
        commits: Shortlist::default(),
        summary: None,
    }
}

fn credential() -> Credential {
    Credential { agent: agent(1).id, sha256: [7; 32], at: Time(3) }
}

/// A plan of two nodes, the second of which is long and comes after the first.
fn add_plan(draft: &mut Draft, of: &understory_paths::AgentPath) {
    let node = |notes: usize, after| PlanNode::new("t".to_owned(), "n".repeat(notes), after, Time(3));
    draft.put(Table::Plan.at(of), &Plan { next: 4, ..Plan::new(agent(1).id) });
    draft.add(keys::plan_node(of, 1), &node(0, vec![]));
    draft.add(keys::plan_node(of, 3), &node(LONG, vec![1]));
}

impl World {
    fn over(backend: Arc<dyn Backend>) -> World {
        World { store: Store::new(backend.clone()), backend }
    }

    /// A sound store with rows of every kind.
    ///
    /// ```text
    /// /root
    ///   ada     nickname, a turn with a long message in hand, a transcript, a dead letter
    ///     kid   closed
    ///       low
    ///   job     four rows; an agent below the second
    ///   old     a finished job
    /// ```
    async fn sound() -> World {
        World::sound_over(Arc::new(MemoryBackend::new())).await
    }

    async fn sound_over(backend: Arc<dyn Backend>) -> World {
        let world = World::over(backend);
        world.commit(|draft| draft.add(Table::Node.at(&path("/root")), &Node::Agent(agent(0)))).await;
        world.add_agents().await;
        world.add_job().await;
        world.commit(|draft| draft.put(Table::Count.at(&path("/root")), &2_u64)).await;
        world
    }

    async fn add_agents(&self) {
        let ada = path("/root/ada");
        let mailed = self
            .commit(|draft| {
                let _ = draft.append(Table::Inbox.below(&ada), &message("a".repeat(LONG)));
                let _ = draft.append(Table::Inbox.below(&ada), &message("short".to_owned()));
                draft.tell(&Event::Closed { path: path("/root/ada/kid") });
            })
            .await;
        let in_hand = vec![self.inbox_rows(&ada).await.remove(0)];
        assert_eq!(in_hand[0].sequence, mailed);
        self.commit(|draft| {
            let nickname = Some("Ada L".to_owned());
            let ada_record = Agent { nickname, ..agent(1) }.start(in_hand, Time(3)).unwrap();
            draft.add(Table::Node.at(&ada), &Node::Agent(ada_record));
            draft.put(Table::Nickname.named(&path("/root"), b"ada l"), &Pointer(ada.clone()));
            draft.put(Table::Seen.named(&ada, b"once"), &3_u64);
            draft.add(Table::Grant.at(&ada), &grant());
            draft.add(Table::Credential.at(&ada), &credential());
            draft.add(Table::Reopened.at(&ada), &());
            draft.add(Table::Session.at(&ada), &session());
            draft.add(Table::Directory.at(&ada), &directory());
            draft.add(Table::BrainSettings.at(&ada), &brain_settings());
            add_plan(draft, &ada);
            draft.add(Table::Digest.at(&ada), &digest());
            for letter in [LONG, 3, LONG] {
                let entry = TranscriptEntry::Message { turn: 1, message: message("x".repeat(letter)) };
                let _ = draft.append(Table::Transcript.below(&ada), &entry);
            }
            let dead = DeadLetter { message: message("d".repeat(LONG)), error: "e".to_owned(), at: Time(4) };
            let _ = draft.append(Table::Dead.below(&ada), &dead);
        })
        .await;
        self.commit(|draft| {
            draft.add(Table::Node.at(&path("/root/ada/kid")), &Node::Agent(agent(2)));
            draft.add(Table::Node.at(&path("/root/ada/kid/low")), &Node::Agent(agent(3)));
            draft.put(Table::Closed.at(&path("/root/ada/kid")), &());
            draft.put(Table::Count.at(&path("/root/ada/kid")), &1_u64);
        })
        .await;
    }

    async fn add_job(&self) {
        let job = path("/root/job");
        let done = |result| ItemState::Completed { result, at: Time(5) };
        let states = [
            (here(), done(here())),
            (here(), done(Text::Beside)),
            (Text::Beside, pending()),
            (here(), ItemState::Failed { at: Time(5) }),
        ];
        let record = Job {
            state: JobState::Running,
            imported: 4,
            cursor: 3,
            counts: Counts { pending: 1, running: 0, completed: 2, failed: 1, skipped: 0 },
            ..Job::new(AgentId::from_u128(9), Time(1), JobLimits::default())
        };
        self.commit(|draft| {
            draft.add(Table::Node.at(&job), &Node::Job(record));
            draft.add(Table::Spec.at(&job), &spec(4, 1));
            draft.put(Table::Unfinished.at(&job), &());
            draft.put(Table::Fingerprint.named(&path("/root"), &[1; 32]), &Pointer(job.clone()));
            for (number, (row, state)) in (1..).zip(states) {
                draft.add(Table::Node.at(&row_path(number)), &Node::Item(item(number, row, state)));
                draft.put(keys::item_id(&job, &format!("id {number}")), &u64::from(number));
            }
            draft.add(Table::Result.at(&row_path(2)), &"r".repeat(LONG));
            draft.add(Table::Row.at(&row_path(3)), &"w".repeat(LONG));
            draft.add(Table::Node.at(&path("/root/job/r00000002/help")), &Node::Agent(agent(4)));
            draft.put(Table::Count.at(&row_path(2)), &1_u64);
            draft.put(Table::Count.at(&job), &1_u64);
        })
        .await;
        self.commit(|draft| {
            let fresh = Job::new(AgentId::new(), Time(1), JobLimits::default());
            let old = Job { state: JobState::Completed, exported: Some(Time(9)), ..fresh };
            draft.add(Table::Node.at(&path("/root/old")), &Node::Job(old));
            draft.add(Table::Spec.at(&path("/root/old")), &spec(0, 2));
            draft.put(Table::Fingerprint.named(&path("/root"), &[2; 32]), &Pointer(path("/root/old")));
        })
        .await;
    }

    async fn commit(&self, fill: impl FnOnce(&mut Draft)) -> Version {
        let mut draft = Draft::new();
        fill(&mut draft);
        self.store.commit(draft).await.unwrap()
    }

    async fn write(&self, writes: Vec<Write>) {
        self.backend.commit(Commit { writes, ..Commit::default() }).await.unwrap();
    }

    async fn inbox_rows(&self, of: &understory_paths::AgentPath) -> Vec<InboxKey> {
        let keys = self.store.peek_keys(Table::Inbox.rows_of(of), None, 99).await.unwrap();
        keys.iter().filter_map(keys::inbox_key).collect()
    }

    async fn first_key(&self, range: KeyRange) -> Key {
        self.store.peek_keys(range, None, 1).await.unwrap().remove(0)
    }

    /// What is wrong, each as `place: what`.
    async fn problems(&self) -> Vec<String> {
        let verified = self.store.verify().await.unwrap();
        assert_eq!(verified.problems_total, verified.problems.len() as u64);
        verified.problems.iter().map(|problem| format!("{}: {}", problem.place, problem.what)).collect()
    }

    async fn check(&self, expected: &[&str]) {
        assert_eq!(self.problems().await, expected);
    }
}

fn row_path(number: u32) -> understory_paths::AgentPath {
    keys::item_path(&path("/root/job"), number).unwrap()
}
