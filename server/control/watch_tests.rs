//! Events over the socket.

use understory::SpawnRequest;

use super::tests::Owner;
use super::*;
use crate::client::Client;
use crate::watching::WatchLine;

fn request(path: &str, after: Option<&str>) -> WatchRequest {
    WatchRequest { path: path.parse().unwrap(), after: after.map(str::to_owned) }
}

async fn spawn(runtime: &Runtime, names: impl Iterator<Item = String>) {
    let requests = names.map(|name| SpawnRequest::at(format!("/root/{name}").parse().unwrap()));
    assert!(runtime.spawn_many(requests).await.iter().all(Result::is_ok));
}

fn said(line: &WatchLine) -> String {
    let word = serde_json::to_value(&line.happened).unwrap()["event"].as_str().unwrap().to_owned();
    format!("{} {word}", line.path.as_ref().map_or("-", |path| path.name()))
}

async fn followed(client: &mut Client) -> String {
    said(&client.followed().await.unwrap().unwrap())
}

/// Follows from before the first event on, so that what comes next is known to be live once those have come.
async fn following(owner: &Owner, path: &str) -> Client {
    let mut client = owner.client().await.unwrap();
    client.follow(request(path, Some("0.0"))).await.unwrap();
    client
}

#[tokio::test]
async fn events_come_as_they_happen_and_end_with_the_process() {
    let owner = Owner::new().await;
    let mut client = following(&owner, "/root/ada").await;
    assert_eq!(followed(&mut client).await, "ada spawned");
    spawn(&owner.runtime, ["bob", "ada/kid"].map(str::to_owned).into_iter()).await;
    let kid = client.followed().await.unwrap().unwrap();
    assert_eq!(said(&kid), "kid spawned", "bob is none of its subtree");
    owner.runtime.root().child("ada").unwrap().close(Duration::from_secs(5)).await.unwrap();
    assert_eq!(followed(&mut client).await, "ada closed");
    // From the middle of a commit on.
    let mut second = owner.client().await.unwrap();
    second.follow(request("/root", Some(&kid.id))).await.unwrap();
    assert_eq!(followed(&mut second).await, "ada closed");
    // What happens to everything above happens to it.
    let mut below = owner.client().await.unwrap();
    below.follow(request("/root/ada/kid", Some(&kid.id))).await.unwrap();
    assert_eq!(followed(&mut below).await, "ada closed");
    assert_eq!(*owner.requests.0.borrow(), 0, "nobody waits for those who watch");
    owner.end().await;
    for client in [&mut client, &mut second, &mut below] {
        assert_eq!(client.followed().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_client_goes_on_asking_when_its_watch_was_refused() {
    let owner = Owner::new().await;
    let mut client = owner.client().await.unwrap();
    for (after, words) in [
        ("nonsense", "\"nonsense\" is no event's id: NUMBER.NUMBER"),
        ("999999.0", "event 999999.0 has not happened yet: the last commit is 2"),
    ] {
        client.follow(request("/root", Some(after))).await.unwrap();
        let failure = client.followed().await.unwrap_err();
        assert_eq!((failure.code, failure.message.as_str()), (Code::Usage, words));
    }
    assert!(client.ask(&Request::Jobs).await.is_ok());
    owner.end().await;
}

#[tokio::test]
async fn a_reader_that_is_slow_slows_nobody_and_is_told_that_it_lagged() {
    const MANY: usize = 30_000;
    let owner = Owner::new().await;
    let mut client = following(&owner, "/root").await;
    assert_eq!(followed(&mut client).await, "root spawned");
    assert_eq!(followed(&mut client).await, "ada spawned");
    // It reads nothing of all this, which is more than a socket takes.
    spawn(&owner.runtime, (0..MANY).map(|n| format!("n{n}"))).await;
    let (mut lagged, mut next) = (0, 0);
    while next < MANY {
        match followed(&mut client).await.as_str() {
            "- lagged" => lagged += 1,
            line => {
                assert_eq!(line, format!("n{next} spawned"));
                next += 1;
            }
        }
    }
    assert!(lagged > 0, "it was told");
    owner.end().await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_place_at_once() {
    let owner = Owner::new().await;
    let mut clients = Vec::new();
    for _ in 0..WATCHES_MAX {
        let mut client = following(&owner, "/root").await;
        assert_eq!(followed(&mut client).await, "root spawned");
        clients.push(client);
    }
    let mut late = following(&owner, "/root").await;
    let failure = late.followed().await.unwrap_err();
    assert_eq!((failure.code, failure.message.as_str()), (Code::Limit, "64 clients follow events already"));
    // Nothing happens that would be written to it: that it has gone is seen by itself.
    clients.pop();
    while late.followed_again().await.is_err() {}
    drop(clients);
    owner.end().await;
}

impl Client {
    /// Asks to follow once more.
    async fn followed_again(&mut self) -> Result<Option<WatchLine>, Failure> {
        self.follow(request("/root", Some("0.0"))).await?;
        self.followed().await
    }
}
