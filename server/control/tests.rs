use std::collections::BTreeMap;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use understory::{BrainError, Role, brain_fn};

use crate::client::Client;
use crate::lines::Shown;
use crate::wire::{Reply, Wanted};

use super::*;

/// A runtime in memory that answers on a socket.
pub(super) struct Owner {
    home: TempDir,
    pub(super) runtime: Runtime,
    pub(super) requests: Requests,
    end: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl Owner {
    pub(super) async fn new() -> Owner {
        let stuck = |_: &understory::Seat| {
            Ok(brain_fn(|turn| async move {
                turn.cancelled().await;
                Err(BrainError::refused("cancelled"))
            }))
        };
        let runtime = Runtime::builder().brain("stuck", stuck).role("default", Role::with_brain("stuck", ""));
        let runtime = runtime.in_memory().await.unwrap();
        runtime.root().spawn("ada").await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let control = Control::bind(home.path()).unwrap();
        let requests = control.requests();
        let (end, ended) = oneshot::channel::<()>();
        let served = tokio::spawn(control.serve(runtime.clone(), async { drop(ended.await) }));
        Owner { home, runtime, requests, end: Some(end), served }
    }

    pub(super) async fn client(&self) -> Option<Client> {
        Client::connect(self.home.path()).await.unwrap()
    }

    async fn raw(&self) -> (BufReader<tokio::net::unix::OwnedReadHalf>, tokio::net::unix::OwnedWriteHalf) {
        let (input, output) = place::connect(self.home.path()).await.unwrap().unwrap().into_split();
        let mut input = BufReader::new(input);
        let hello: Hello = serde_json::from_slice(&read_line(&mut input).await.unwrap().unwrap()).unwrap();
        assert_eq!(hello.pid, std::process::id());
        (input, output)
    }

    pub(super) async fn end(mut self) {
        drop(self.end.take());
        self.served.await.unwrap();
        self.runtime.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}

fn ada() -> String {
    "/root/ada".to_owned()
}

#[tokio::test]
async fn a_client_is_answered_as_often_as_it_asks() {
    let owner = Owner::new().await;
    let mut client = owner.client().await.unwrap();
    assert_eq!(client.hello().pid, std::process::id());
    for _ in 0..2 {
        let Reply::Shown(Shown::Agent(agent)) = client.ask(&Request::Show { path: ada() }).await.unwrap() else {
            panic!("an agent was asked for");
        };
        assert_eq!((agent.path, agent.status.as_str()), (ada().parse().unwrap(), "idle"));
    }
    let failure = client.ask(&Request::Show { path: "/root/bob".to_owned() }).await.unwrap_err();
    assert_eq!((failure.code, failure.message.as_str()), (Code::NotFound, "/root/bob does not exist"));
    owner.end().await;
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order_and_nonsense_is_refused() {
    let owner = Owner::new().await;
    let (mut input, mut output) = owner.raw().await;
    let lines = b"{\"verb\":\"jobs\"}\nnonsense\n{\"verb\":\"fly\"}\n{\"verb\":\"show\",\"path\":\"/root/Ada\"}\n{\"verb\":\"jobs\"}\n";
    output.write_all(lines).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(String::from_utf8(read_line(&mut input).await.unwrap().unwrap()).unwrap());
    }
    assert_eq!(answers[0], r#"{"ok":{"jobs":{"jobs":[]}}}"#);
    assert_eq!(answers[4], answers[0]);
    for (answer, said) in answers[1..4].iter().zip([
        ["usage", "expected"],
        ["usage", "unknown variant `fly`"],
        ["invalid_path", "bad agent path"],
    ]) {
        let [code, words] = said;
        assert!(answer.starts_with(&format!(r#"{{"error":{{"code":"{code}""#)) && answer.contains(words), "{answer}");
    }
    owner.end().await;
}

#[tokio::test]
async fn a_request_lasts_as_long_as_its_client() {
    let owner = Owner::new().await;
    let mut client = owner.client().await.unwrap();
    let assigned = client
        .ask(&Request::Assign {
            path: ada(),
            text: "go".to_owned(),
            interrupt: false,
            metadata: BTreeMap::new(),
            follow: crate::wire::Follow::Run,
            timeout_ms: None,
        })
        .await;
    assert!(matches!(assigned, Ok(Reply::Assigned(_))), "{assigned:?}");
    let mut watch = owner.requests.0.subscribe();
    let wait = Request::Wait { paths: vec![ada()], wanted: Wanted::All, after: None, timeout_ms: None };
    let waiting = tokio::spawn(async move { client.ask(&wait).await });
    watch.wait_for(|pending| *pending == 1).await.unwrap();
    waiting.abort();
    owner.requests.none().await;
    owner.end().await;
}

#[tokio::test]
async fn who_waits_hears_that_the_owner_stops() {
    let owner = Owner::new().await;
    let mut client = owner.client().await.unwrap();
    let assign = Request::Assign {
        path: ada(),
        text: "go".to_owned(),
        interrupt: false,
        metadata: BTreeMap::new(),
        follow: crate::wire::Follow::Outcome,
        timeout_ms: None,
    };
    let mut watch = owner.requests.0.subscribe();
    let waiting = tokio::spawn(async move { client.ask(&assign).await });
    watch.wait_for(|pending| *pending == 1).await.unwrap();
    let home = owner.home.path().to_owned();
    owner.end().await;
    let failure = waiting.await.unwrap().unwrap_err();
    // It was accepted: asked again it would be a second message.
    assert_eq!((failure.code, failure.retryable), (Code::Stopping, false), "{failure:?}");
    assert!(Client::connect(&home).await.unwrap().is_none(), "nobody listens any more");
}

#[tokio::test]
async fn a_dead_owners_socket_is_nobody_and_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    assert!(Client::connect(home.path()).await.unwrap().is_none());
    // The socket of a process that was killed stays.
    drop(std::os::unix::net::UnixListener::bind(home.path().join("control.sock")).unwrap());
    assert!(Client::connect(home.path()).await.unwrap().is_none());
    let control = Control::bind(home.path()).unwrap();
    let names: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["control.sock"]);
    drop(control);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

/// What comes of asking an owner that says `answer` to everything and ends.
async fn asked_of_one_that_says(answer: &'static [u8]) -> Failure {
    let home = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(home.path().join("control.sock")).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (input, mut output) = stream.into_split();
        write_line(&mut output, &Hello::mine()).await.unwrap();
        read_line(&mut BufReader::new(input)).await.unwrap();
        output.write_all(answer).await.unwrap();
    });
    Client::connect(home.path()).await.unwrap().unwrap().ask(&Request::Jobs).await.unwrap_err()
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_asked_for_again() {
    let failure = asked_of_one_that_says(b"{\"ok\":{\"dreams\":[]}}\n").await;
    assert_eq!((failure.code, failure.retryable), (Code::Failure, false), "{failure:?}");
    // One that was cut is that of a process that was killed: the next may answer.
    let failure = asked_of_one_that_says(b"{\"ok\":{\"jo").await;
    assert_eq!((failure.code, failure.retryable), (Code::Stopping, true), "{failure:?}");
}
