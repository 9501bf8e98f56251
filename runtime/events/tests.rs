use std::time::Duration;

use understory_actors::SpawnRequest;
use understory_store::Event;

use super::*;
use crate::runtime::Runtime;

async fn spawn(runtime: &Runtime, names: impl Iterator<Item = String>) {
    let requests = names.map(|name| SpawnRequest::at(format!("/root/{name}").parse().unwrap()));
    assert!(runtime.spawn_many(requests).await.iter().all(Result::is_ok));
}

fn name(heard: Option<Heard>) -> String {
    match heard {
        Some(Heard::Told(Told { event: Event::Spawned { agent }, .. })) => agent.path.name().to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn an_id_comes_back_as_it_went_and_nothing_else_is_one() {
    let id = EventId { version: 12, index: 3 };
    assert_eq!((id.to_string().as_str(), "12.3".parse::<EventId>().unwrap()), ("12.3", id));
    for bad in ["", "12", "12.", ".3", "12.3.4", "+12.3", "012.3", "12.65536", "a.b"] {
        let error = bad.parse::<EventId>().unwrap_err();
        assert_eq!(error.to_string(), format!("{bad:?} is no event's id: NUMBER.NUMBER"));
    }
}

#[tokio::test]
async fn events_are_heard_from_any_id_on() {
    let runtime = Runtime::builder().in_memory().await.unwrap();
    // Of one commit, so that an id in the middle of it is one.
    spawn(&runtime, ["a", "b", "c"].map(str::to_owned).into_iter()).await;
    let mut events = runtime.events(Some(EventId::after(0)));
    let mut ids = Vec::new();
    while let Some(heard) = events.stored().await.unwrap() {
        let Heard::Told(told) = &heard else { panic!("{heard:?}") };
        ids.push((EventId::from(told), name(Some(heard.clone()))));
    }
    let names = |from: usize| ids[from..].iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(0), ["root", "a", "b", "c"]);
    for (at, (id, _)) in ids.iter().enumerate() {
        let (mut live, mut stored) = (runtime.events(Some(*id)), runtime.events(Some(*id)));
        for expected in names(at + 1) {
            assert_eq!(name(stored.stored().await.unwrap()), expected, "after {id}");
            assert_eq!(name(live.next().await.unwrap()), expected, "after {id}");
        }
        assert_eq!(stored.stored().await.unwrap(), None);
    }
    let first = EventId { version: 0, index: 0 };
    assert_eq!(name(runtime.events(Some(first)).next().await.unwrap()), "root", "it is before every event");
    runtime.shutdown(Duration::from_secs(5)).await.unwrap();
    assert_eq!(events.next().await.unwrap(), None);
}

#[tokio::test]
async fn who_lags_is_told_so_and_misses_nothing() {
    const MANY: usize = 9_000;
    let runtime = Runtime::builder().in_memory().await.unwrap();
    let mut events = runtime.events(None);
    spawn(&runtime, std::iter::once("first".to_owned())).await;
    assert_eq!(name(events.next().await.unwrap()), "first");
    // It has heard everything, and listens from now on.
    tokio::select! {
        biased;
        heard = events.next() => panic!("{heard:?}"),
        () = std::future::ready(()) => {}
    }
    let names = || (0..MANY).map(|n| format!("n{n}"));
    spawn(&runtime, names()).await;
    // All of them have been told by then.
    let mut last = runtime.events(None);
    spawn(&runtime, std::iter::once("last".to_owned())).await;
    assert_eq!(name(last.next().await.unwrap()), "last");
    assert_eq!(events.next().await.unwrap(), Some(Heard::Lagged));
    for expected in names().chain(["last".to_owned()]) {
        assert_eq!(name(events.next().await.unwrap()), expected);
    }
    runtime.shutdown(Duration::from_secs(5)).await.unwrap();
}
