//! What kameo runs: a resident, and what has to be done around it so that nothing is lost at either end.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use kameo::Actor;
use kameo::actor::{ActorRef, WeakActorRef};
use kameo::error::{ActorStopReason, PanicError};
use kameo::message::{BoxMessage, Context, Message};
use understory_paths::AgentPath;

use super::Resident;

/// One life of a resident, from its gate's opening to its end.
pub(crate) struct Incarnation<A: Resident> {
    resident: A,
    home: A::Home,
    path: AgentPath,
    left: Vec<A::Signal>,
}

/// What an incarnation starts from.
pub(crate) struct Arrival<A: Resident> {
    pub(super) home: A::Home,
    pub(super) path: AgentPath,
}

/// A signal on its way through the gate.
pub(crate) struct Sent<A: Resident>(pub(crate) A::Signal);

/// The first message of every incarnation: it opens its gate.
pub(crate) struct Begin;

impl<A: Resident> Actor for Incarnation<A> {
    type Args = Arrival<A>;
    type Error = Infallible;

    async fn on_start(arrival: Arrival<A>, me: ActorRef<Self>) -> Result<Self, Infallible> {
        let Arrival { home, path } = arrival;
        // Queued behind kameo's own start signal, so nothing meets its start-up buffer.
        me.tell(Begin).try_send().unwrap_or_else(|_| panic!("an actor's own mailbox is open while it starts"));
        let resident = A::arrive(home.clone(), path.clone(), me);
        Ok(Incarnation { resident, home, path, left: Vec::new() })
    }

    async fn on_panic(
        &mut self,
        me: WeakActorRef<Self>,
        error: PanicError,
    ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
        tracing::error!(path = %self.path, "an actor panicked; a successor goes on");
        self.home.as_ref().park(&self.path, me.id());
        Ok(ControlFlow::Break(ActorStopReason::Panicked(error)))
    }

    async fn on_undelivered(&mut self, _: ActorStopReason, messages: Vec<BoxMessage<Self>>) -> Result<(), Infallible> {
        let signals = messages.into_iter().filter_map(|message| message.as_any().downcast::<Sent<A>>().ok());
        self.left.extend(signals.map(|sent| sent.0));
        Ok(())
    }

    async fn on_stop(&mut self, me: WeakActorRef<Self>, reason: ActorStopReason) -> Result<(), Infallible> {
        let left = std::mem::take(&mut self.left);
        self.home.as_ref().ended(&self.home, &self.path, me.id(), left, cut_short(&reason));
        Ok(())
    }
}

impl<A: Resident> Message<Begin> for Incarnation<A> {
    type Reply = ();

    async fn handle(&mut self, _: Begin, ctx: &mut Context<Self, ()>) {
        self.home.as_ref().open(&self.path, ctx.actor_ref());
        self.resident.begin(ctx).await;
        self.home.as_ref().done(&self.path, ctx.actor_ref().id());
    }
}

impl<A: Resident> Message<Sent<A>> for Incarnation<A> {
    type Reply = ();

    async fn handle(&mut self, sent: Sent<A>, ctx: &mut Context<Self, ()>) {
        self.resident.take(sent.0, ctx).await;
        self.home.as_ref().done(&self.path, ctx.actor_ref().id());
    }
}

/// How long after this end of an incarnation the next one begins in any case; nothing if it ended of itself. After a panic
/// it is long enough that a fault of ours does not spin.
fn cut_short(reason: &ActorStopReason) -> Option<Duration> {
    match reason {
        ActorStopReason::Killed => Some(Duration::ZERO),
        ActorStopReason::Panicked(_) => Some(Duration::from_secs(1)),
        _ => None,
    }
}
