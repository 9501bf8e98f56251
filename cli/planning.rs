//! `plan show`, `graph`, `add`, `edit`, `start`, `done`, `drop`, `reopen`, `assign`, `job` and `clear`.

use understory_server::{
    Drawing, Failure, Follow, NewNodeLine, PlanAssign, PlanReply, PlanRequest, PlanUpdate, Reply, Request, StepWord,
};

use crate::arguments::{NodeArguments, PlanAssignArguments, PlanVerb};
use crate::ask::{ended, followed, left, word};
use crate::command::Session;
use crate::confirm::confirm;
use crate::render::escaped;
use crate::{exit, job, meta};

/// Carries one of them out.
pub(crate) async fn plan(session: &Session, verb: PlanVerb) -> Result<u8, Failure> {
    let update = match verb {
        PlanVerb::Show { path, node, ready } => {
            return session.done(Request::Plan(PlanRequest::Show { path, node, ready })).await;
        }
        PlanVerb::Graph { path, mermaid } => {
            let drawn_as = if mermaid { Drawing::Mermaid } else { Drawing::Lines };
            return session.done(Request::Plan(PlanRequest::Graph { path, drawn_as })).await;
        }
        PlanVerb::Add { path, title, notes, after } => {
            let nodes = vec![NewNodeLine { title, notes: notes.unwrap_or_default(), after }];
            return session.done(Request::Plan(PlanRequest::Add { path, nodes })).await;
        }
        PlanVerb::Job(arguments) => return job::run_planned(session, *arguments).await,
        PlanVerb::Assign(arguments) => return assign(session, arguments).await,
        PlanVerb::Clear { path, finished, yes } => return clear(session, path, finished, yes).await,
        PlanVerb::Edit { node, title, notes, after, first } => {
            let after = if first { Some(Vec::new()) } else { after };
            PlanUpdate { title, notes, after, ..of(node, None) }
        }
        PlanVerb::Start(node) => of(node, Some(StepWord::Start)),
        PlanVerb::Done { node, evidence, commit } => {
            PlanUpdate { evidence, commit, ..of(node, Some(StepWord::Finish)) }
        }
        PlanVerb::Drop { node, reason } => PlanUpdate { reason, ..of(node, Some(StepWord::Drop)) },
        PlanVerb::Reopen(node) => of(node, Some(StepWord::Reopen)),
    };
    session.done(Request::Plan(PlanRequest::Update(Box::new(update)))).await
}

fn of(node: NodeArguments, step: Option<StepWord>) -> PlanUpdate {
    let NodeArguments { path, node } = node;
    PlanUpdate { path, node, step, ..PlanUpdate::default() }
}

async fn assign(session: &Session, arguments: PlanAssignArguments) -> Result<u8, Failure> {
    let PlanAssignArguments { node, to, message, meta, spawn, role, detach } = arguments;
    let NodeArguments { path, node } = node;
    let metadata = meta::entries(&meta)?;
    let door = session.open().await?;
    let follow = followed(session, detach, &door);
    let hint = format!("what was accepted is kept: understory run {}", word(&to));
    let (create, text, timeout_ms) = (spawn, message, None);
    let assign = PlanAssign { path, node, to, text, create, role, metadata, follow, timeout_ms };
    let reply = door.ask(session, Request::Plan(PlanRequest::Assign(Box::new(assign))), &hint).await?;
    match &reply {
        Reply::Plan(PlanReply::Assigned(assigned)) if assigned.message.is_some() => match &assigned.outcome {
            Some(outcome) => Ok(ended(session, outcome)),
            None if follow == Follow::Leave => Ok(left(session)),
            None => Ok(exit::OK),
        },
        _ => Ok(exit::OK),
    }
}

async fn clear(session: &Session, path: String, finished: bool, yes: bool) -> Result<u8, Failure> {
    let shown = escaped(&path);
    let what = if finished { "what is done or dropped" } else { "everything" };
    let question = format!("take {what} out of the plan of {shown}?");
    confirm(session, yes, "plan clear", question, format!("the plan of {shown} is as it was")).await?;
    session.done(Request::Plan(PlanRequest::Clear { path, finished })).await
}
