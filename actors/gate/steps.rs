//! The gate one step at a time, with an actor that notes what it is told.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use tokio::sync::Semaphore;

use super::*;
use crate::tests::panics;

enum Signal {
    Wake,
    Say(&'static str),
    /// Is at work until it is let.
    Work,
    Break,
    Last,
}

struct Notes {
    gate: Gate<Noter>,
    notes: Mutex<Vec<String>>,
    let_on: Semaphore,
}

#[derive(Clone)]
struct Home(Arc<Notes>);

impl AsRef<Gate<Noter>> for Home {
    fn as_ref(&self) -> &Gate<Noter> {
        &self.0.gate
    }
}

struct Noter {
    home: Home,
    path: AgentPath,
}

impl Resident for Noter {
    type Home = Home;
    type Signal = Signal;
    /// Whether something is under way that needs an incarnation.
    type Held = bool;

    fn wake() -> Signal {
        Signal::Wake
    }

    fn is_last(signal: &Signal) -> bool {
        matches!(signal, Signal::Last)
    }

    fn is_free(busy: &bool) -> bool {
        !busy
    }

    fn arrive(home: Home, path: AgentPath, _: ActorRef<Incarnation<Self>>) -> Self {
        Noter { home, path }
    }

    async fn begin(&mut self, _: &mut Life<Self>) {}

    async fn take(&mut self, signal: Signal, ctx: &mut Life<Self>) {
        let word = match signal {
            Signal::Wake => {
                self.home.0.gate.awake(&self.path);
                "wake"
            }
            Signal::Say(word) => word,
            Signal::Work => {
                self.home.0.let_on.acquire().await.expect("never closed").forget();
                "worked"
            }
            Signal::Break => std::panic::panic_any(panics::ACTOR),
            Signal::Last => {
                self.home.0.gate.park(&self.path, ctx.actor_ref().id());
                ctx.stop();
                "last"
            }
        };
        self.home.0.notes.lock().unwrap().push(format!("{} {word}", self.path.name()));
    }
}

impl Home {
    fn with_room_for(max: usize) -> Home {
        let (notes, let_on) = (Mutex::default(), Semaphore::new(0));
        Home(Arc::new(Notes { gate: Gate::with_room_for(max), notes, let_on }))
    }

    fn say(&self, name: &str, word: &'static str) {
        self.0.gate.deliver(self, &at(name), Signal::Say(word));
    }

    /// What was noted since this was last asked, when nobody has anything to do any more.
    async fn noted(&self) -> String {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        std::mem::take(&mut *self.0.notes.lock().unwrap()).join(", ")
    }

    fn here(&self) -> String {
        let mut names: Vec<_> =
            self.0.gate.residents(&AgentPath::root()).iter().map(|path| path.name().to_owned()).collect();
        names.sort();
        names.join(" ")
    }
}

fn at(name: &str) -> AgentPath {
    format!("/root/{name}").parse().unwrap()
}

#[tokio::test]
async fn one_wake_is_outstanding_and_what_is_told_goes_to_who_is_there() {
    let home = Home::with_room_for(9);
    let gate = &home.0.gate;
    assert!(gate.tell_resident(&at("a"), Signal::Say("lost")).is_err(), "nobody is there");
    gate.wake(&home, &at("a"));
    gate.wake(&home, &at("a"));
    assert_eq!(home.noted().await, "a wake");
    gate.wake(&home, &at("a"));
    assert!(gate.tell_resident(&at("a"), Signal::Say("hello")).is_ok());
    assert_eq!(home.noted().await, "a wake, a hello");
    assert_eq!((gate.len(), gate.population()), (1, 1));
}

#[tokio::test]
async fn who_is_dismissed_is_waited_for_and_who_is_not_there_is_not() {
    let home = Home::with_room_for(9);
    let (gone, mut left) = mpsc::channel::<Infallible>(1);
    home.say("a", "here");
    assert_eq!(home.noted().await, "a here");
    home.0.gate.dismiss(&at("nobody"), Signal::Last, gone.clone());
    home.0.gate.dismiss(&at("a"), Signal::Last, gone);
    assert!(left.recv().now_or_never().is_none(), "it has not heard of it");
    assert_eq!(home.noted().await, "a last");
    assert_eq!(left.recv().now_or_never(), Some(None));
    assert_eq!((home.here(), home.0.gate.population()), (String::new(), 0));
}

#[tokio::test]
async fn who_waits_for_one_to_leave_does_not_wait_for_its_successor() {
    let home = Home::with_room_for(9);
    let (gone, mut left) = mpsc::channel::<Infallible>(1);
    home.say("a", "here");
    home.noted().await;
    home.0.gate.dismiss(&at("a"), Signal::Last, gone);
    home.say("a", "after");
    assert_eq!(home.noted().await, "a last, a after");
    assert_eq!(left.recv().now_or_never(), Some(None));
    assert_eq!(home.here(), "a");
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_a_successor_looks_for_work_a_second_later() {
    panics::hush();
    let home = Home::with_room_for(9);
    home.say("a", "here");
    home.0.gate.deliver(&home, &at("a"), Signal::Break);
    assert_eq!(home.noted().await, "a here");
    home.say("a", "after");
    for (ms, noted) in [(999, ""), (2, "a wake, a after")] {
        tokio::time::advance(Duration::from_millis(ms)).await;
        assert_eq!(home.noted().await, noted, "{ms} ms");
    }
}

#[tokio::test]
async fn who_has_something_under_way_or_is_at_work_is_not_let_go() {
    let home = Home::with_room_for(9);
    let gate = &home.0.gate;
    assert!(gate.held(&at("a"), |busy| *busy).is_none() && gate.let_go(&at("a")).is_none());
    home.say("a", "here");
    assert!(gate.let_go(&at("a")).is_none(), "it has not begun");
    home.noted().await;
    assert_eq!(gate.held(&at("a"), |busy| std::mem::replace(busy, true)), Some(false));
    assert!(gate.let_go(&at("a")).is_none(), "something is under way");
    gate.held(&at("a"), |busy| *busy = false);
    gate.deliver(&home, &at("a"), Signal::Work);
    home.noted().await;
    assert!(gate.let_go(&at("a")).is_none(), "it is at work");
    home.0.let_on.add_permits(1);
    assert_eq!(home.noted().await, "a worked");
    assert!(gate.let_go(&at("a")).is_some());
    assert_eq!((gate.len(), gate.population()), (0, 0));
    home.say("a", "again");
    assert_eq!(home.noted().await, "a again");
}

#[tokio::test]
async fn a_kill_leaves_a_successor_that_looks_for_work_and_is_no_use_twice() {
    let home = Home::with_room_for(9);
    let gate = &home.0.gate;
    assert!(!gate.kill(&at("a")), "nobody is there");
    home.say("a", "here");
    home.noted().await;
    let living = gate.slots.get(&at("a")).unwrap().live.id();
    assert!(gate.kill(&at("a")) && !gate.kill(&at("a")), "its gate is shut already");
    home.say("a", "after");
    assert_eq!(home.noted().await, "a after, a wake");
    let successor = gate.slots.get(&at("a")).unwrap().live.id();
    assert_ne!(living, successor);
    gate.park(&at("a"), living);
    home.say("a", "still open");
    assert_eq!(home.noted().await, "a still open");
    assert_eq!((gate.len(), gate.population()), (1, 1));
}

#[tokio::test]
async fn who_is_old_and_rests_goes() {
    let home = Home::with_room_for(9);
    let gate = &home.0.gate;
    for name in ["a", "b", "busy"] {
        home.say(name, "here");
    }
    home.noted().await;
    gate.held(&at("busy"), |busy| *busy = true);
    gate.grow_old(2);
    assert_eq!(home.here(), "a b busy");
    home.say("b", "again");
    home.noted().await;
    gate.grow_old(2);
    assert_eq!(home.here(), "b busy");
    gate.grow_old(2);
    assert_eq!(home.here(), "busy");
}

#[tokio::test]
async fn the_least_recently_used_make_room_and_a_part_more() {
    let home = Home::with_room_for(32);
    let gate = &home.0.gate;
    let names: Vec<String> = (0..33).map(|n| format!("n{n:02}")).collect();
    for name in &names[..32] {
        home.say(name, "here");
    }
    home.noted().await;
    gate.make_room();
    assert_eq!((gate.len(), gate.departed()), (32, 0), "there is room for them");
    assert!(gate.crowded().now_or_never().is_none());
    home.say(&names[32], "one more");
    assert!(gate.crowded().now_or_never().is_some());
    home.noted().await;
    // The oldest are used again, but for one, and one has something under way.
    for name in &names[..4] {
        home.say(name, "again");
    }
    home.noted().await;
    gate.held(&at(&names[5]), |busy| *busy = true);
    gate.make_room();
    // One over, and a 16th of the room besides.
    let left: Vec<&String> = names.iter().filter(|name| gate.held(&at(name), |_| ()).is_none()).collect();
    assert_eq!(left, ["n04", "n06", "n07"]);
    assert_eq!((gate.len(), gate.population(), gate.departed()), (30, 30, 3));
}

#[tokio::test]
async fn while_too_few_rest_whoever_comes_to_rest_goes_until_there_is_room() {
    let home = Home::with_room_for(2);
    let gate = &home.0.gate;
    for name in ["a", "b", "c", "d"] {
        gate.deliver(&home, &at(name), Signal::Work);
    }
    home.noted().await;
    assert!(gate.crowded().now_or_never().is_some());
    gate.make_room();
    assert_eq!((home.here().as_str(), gate.departed()), ("a b c d", 0), "all are at work");
    gate.deliver(&home, &at("e"), Signal::Work);
    home.noted().await;
    assert!(gate.crowded().now_or_never().is_none(), "nobody needs to look through them");
    home.0.let_on.add_permits(3);
    home.noted().await;
    assert_eq!((gate.len(), gate.departed()), (2, 3));
    home.0.let_on.add_permits(2);
    home.noted().await;
    assert_eq!((gate.len(), gate.departed()), (2, 3), "there is room for those");
    home.say("f", "here");
    assert!(gate.crowded().now_or_never().is_some(), "now there is none, and some rest");
}

#[tokio::test]
async fn where_as_many_left_as_were_too_many_there_is_room() {
    let home = Home::with_room_for(2);
    let gate = &home.0.gate;
    for name in ["a", "b", "c"] {
        home.say(name, "here");
    }
    home.noted().await;
    assert!(gate.crowded().now_or_never().is_some());
    gate.make_room();
    assert_eq!((home.here().as_str(), gate.departed()), ("b c", 1));
    home.say("d", "here");
    assert!(gate.crowded().now_or_never().is_some(), "the next is one too many again");
    home.noted().await;
    assert_eq!(home.here(), "b c d", "it is for the least recently used to go");
}

#[test]
fn residents_are_those_below_the_deepest_first() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let home = Home::with_room_for(9);
        for name in ["a", "b", "a/b", "a/b/c", "ab", "a/c"] {
            home.say(name, "here");
        }
        let found = home.0.gate.residents(&at("a"));
        assert_eq!(found.iter().map(AgentPath::depth).collect::<Vec<_>>(), [3, 2, 2, 1]);
        assert!(found.iter().all(|path| at("a").contains(path)), "{found:?}");
        assert_eq!(home.0.gate.len(), 6);
    });
}
