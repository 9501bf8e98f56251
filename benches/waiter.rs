//! Agents whose turns wait: for the agent that their settings name, or without one for mail.

use std::sync::Arc;
use std::time::Duration;

use understory::{AgentPath, BrainError, Builder, Response, Seat, SpawnRequest, Turn, Until, brain_fn};

use crate::tally::Tally;
use crate::{Outcome, world};

/// The name of their brain.
const NAME: &str = "waiter";
/// As long as a turn may wait.
const HOUR: Duration = Duration::from_secs(3600);

/// The same runtime in the making with their brain, which says when a turn is about to wait, and when it was told.
pub(crate) fn known_to(builder: Builder, began: Arc<Tally>, told: Arc<Tally>) -> Builder {
    builder.brain(NAME, move |seat: &Seat| {
        let (began, told, settings) = (began.clone(), told.clone(), seat.settings.clone());
        Ok(brain_fn(move |turn| wait(turn, settings.clone(), began.clone(), told.clone())))
    })
}

/// A request for the fleet's agent `n`, which waits for this one, or for mail.
pub(crate) fn request(n: usize, waited_for: &str) -> Outcome<SpawnRequest> {
    Ok(world::with_brain(world::with_task(world::member(n)?), NAME, waited_for))
}

async fn wait(turn: Turn, target: Arc<str>, began: Arc<Tally>, told: Arc<Tally>) -> Result<Response, BrainError> {
    began.count();
    let waited = match target.is_empty() {
        true => turn.wait_for_mail(Some(HOUR)).await.map(drop),
        false => {
            let target: AgentPath = target.parse().map_err(|_| BrainError::refused("waits for no path"))?;
            turn.wait([target], Until::All, Some(HOUR)).await.map(drop)
        }
    };
    waited.map_err(|error| BrainError::refused(error.to_string()))?;
    told.count();
    Ok(Response::text("done"))
}
