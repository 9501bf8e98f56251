//! What carries a request out, in the process that owns the store.

use std::collections::BTreeMap;
use std::time::Duration;

use understory::{AgentPath, Assignment, Error, Letter, Metadata, Node, Outcome, Reach, Runtime, Target, Until};

use crate::agent::MintedToken;
use crate::dead;
use crate::digest::digest;
use crate::directory;
use crate::failure::{Code, Failure};
use crate::fan_out;
use crate::goal;
use crate::jobs;
use crate::label::label;
use crate::lines::{
    Accepted, AgentLine, AskedCancel, AskedClose, AskedInterrupt, AskedResume, Assigned, JobLine, Jobs, Shown, Waited,
};
use crate::listing::list;
use crate::memories;
use crate::parcel;
use crate::pick::{newest, unfinished_job};
use crate::plan;
use crate::project::project;
use crate::remove::remove;
use crate::roles::{grant_line, role_line, roles};
use crate::session;
use crate::spawn::spawn;
use crate::told::{agent_line, item_line, job_line, outcome_line, settled_line, verified_line};
use crate::transcript;
use crate::tree::tree;
use crate::usage;
use crate::wire::{Follow, Reply, Request, Wanted};

/// How long what runs below a closed node has to end.
const CLOSE_GRACE: Duration = Duration::from_secs(5);
/// How many jobs are read at a time.
const JOBS: usize = 256;
/// How many of those interrupted are named.
const INTERRUPTED: usize = 100;

/// Carries a request out. Dropped before it is done, it leaves what it has committed, and what it has started running.
///
/// # Errors
/// The runtime refused or failed.
pub async fn answer(runtime: &Runtime, request: Request) -> Result<Reply, Failure> {
    let repeats = request.repeats();
    carry_out(runtime, request).await.map_err(|failure| match failure.code {
        Code::Stopping => failure.unanswered(repeats),
        _ => failure,
    })
}

async fn carry_out(runtime: &Runtime, request: Request) -> Result<Reply, Failure> {
    Ok(match request {
        Request::Tree { path, children } => Reply::Tree(tree(runtime, &meant(runtime, &path).await?, children).await?),
        Request::Show { path } => Reply::Shown(show(runtime, meant(runtime, &path).await?).await?),
        Request::Project { path } => Reply::Project(Box::new(project(runtime, meant(runtime, &path).await?).await?)),
        Request::List(request) => Reply::Listed(list(runtime, *request).await?),
        Request::Label(request) => Reply::Labelled(label(runtime, request).await?),
        Request::Watch(_) => {
            return Err(Failure::new(Code::Usage, "a watch has many answers: it is followed, not asked"));
        }
        Request::Jobs => Reply::Jobs(all_jobs(runtime).await?),
        Request::Job { path } => Reply::Job(job(runtime, named(runtime, path, newest).await?).await?),
        Request::Cancel { path } => {
            Reply::Cancelled(cancel(runtime, named(runtime, path, unfinished_job).await?).await?)
        }
        Request::JobControl(control) => Reply::JobControl(jobs::answer(runtime, control).await?),
        Request::Send { path, text, interrupt, metadata } => {
            let letter = letter(meant(runtime, &path).await?, text, metadata)?;
            Reply::Accepted(send(runtime, letter, interrupt).await?)
        }
        Request::SendSubtree { path, text, metadata, id, dry_run } => {
            let letter = letter(meant(runtime, &path).await?, text, metadata)?;
            let letter = Letter { message_id: id, ..letter };
            Reply::SentToSubtree(fan_out::send(runtime, letter, dry_run).await?)
        }
        Request::Assign { path, text, interrupt, metadata, follow, timeout_ms } => {
            let letter = letter(meant(runtime, &path).await?, text, metadata)?;
            Reply::Assigned(assign(runtime, letter, interrupt, follow, timeout_ms).await?)
        }
        Request::Wait { paths, wanted, after, timeout_ms } => {
            let mut targets = Vec::with_capacity(paths.len());
            for path in &paths {
                targets.push(Target { path: meant(runtime, path).await?, after });
            }
            Reply::Waited(wait(runtime, &targets, wanted, timeout_ms).await?)
        }
        Request::Close { path } => Reply::Closed(close(runtime, meant(runtime, &path).await?).await?),
        Request::Resume { path } => {
            let path = meant(runtime, &path).await?;
            let new = runtime.agent(path.clone()).resume().await?;
            Reply::Resumed(AskedResume { path, new })
        }
        Request::Roles => Reply::Roles(roles(runtime)),
        Request::Role { name } => Reply::Role(Box::new(role_line(&name, runtime.system().role(&name)?))),
        Request::Interrupt { path, cascade, dry_run } => {
            Reply::Interrupted(interrupt(runtime, meant(runtime, &path).await?, cascade, dry_run).await?)
        }
        Request::Remove { path, dry_run } => {
            Reply::Removed(remove(runtime, meant(runtime, &path).await?, dry_run).await?)
        }
        Request::Plan(request) => Reply::Plan(plan::answer(runtime, request).await?),
        Request::Digest { path, refresh } => {
            let path = meant(runtime, &path).await?;
            Reply::Digest(Box::new(digest(runtime, path, refresh).await?))
        }
        Request::Memory(request) => Reply::Memory(memories::answer(runtime, request).await?),
        Request::Dead(request) => Reply::Dead(dead::answer(runtime, request).await?),
        Request::Dir(request) => Reply::Dir(directory::answer(runtime, request).await?),
        Request::Session(request) => Reply::Session(session::answer(runtime, request).await?),
        Request::Goal(request) => Reply::Goal(goal::answer(runtime, request).await?),
        Request::Transcript(request) => Reply::Transcript(transcript::answer(runtime, request).await?),
        Request::Usage(request) => Reply::Usage(usage::usage(runtime, request).await?),
        Request::Token { path } => {
            let token = runtime.system().mint_token(&path).await?;
            Reply::Token(MintedToken { path, token })
        }
        Request::Tools | Request::Tool { .. } => {
            let message = "tools are an agent's: who calls one says which agent it is, and proves it";
            return Err(
                Failure::new(Code::Usage, message).hint("UNDERSTORY_PATH and UNDERSTORY_TOKEN in the environment")
            );
        }
        Request::Parcel(request) => Reply::Parcel(parcel::answer(runtime, request).await?),
        Request::Verify => Reply::Verified(verified_line(runtime.verify().await?)),
        Request::Spawn(new) => Reply::Spawned(spawn(runtime, *new).await?),
    })
}

/// Where that lies which a request names.
async fn meant(runtime: &Runtime, path: &str) -> Result<AgentPath, Error> {
    Ok(runtime.find(path).await?.path().clone())
}

pub(crate) async fn show(runtime: &Runtime, path: AgentPath) -> Result<Shown, Error> {
    let view = runtime.agent(path.clone()).show().await?;
    match (&view.node, agent_line(&view)) {
        (_, Some(agent)) => {
            let granted = runtime.system().granted(&path).await?.map(grant_line);
            let details = agent.details.counted(runtime, &path).await?;
            let directory = runtime.system().directory(&path).await?.as_ref().map(directory::directory_line);
            let session = runtime.system().session(&path).await?.map(|session| session.name);
            let kept = runtime.system().brain_settings(&path).await?;
            let (model, effort) = kept.map_or((None, None), |kept| (kept.model, kept.effort));
            Ok(Shown::Agent(Box::new(AgentLine { granted, directory, session, model, effort, details, ..agent })))
        }
        (Node::Job(_), _) => Ok(Shown::Job(Box::new(job(runtime, path).await?))),
        (Node::Item(_), _) => Ok(Shown::Item(item_line(&view, runtime.item(&path).await?))),
        (node, None) => Err(Error::wrong_kind(&path, node, "be shown")),
    }
}

async fn all_jobs(runtime: &Runtime) -> Result<Jobs, Error> {
    let (mut jobs, mut after) = (Vec::new(), None);
    loop {
        let page = runtime.system().jobs(&AgentPath::root(), after.as_ref(), JOBS).await?;
        jobs.extend(page.iter().map(|view| JobLine { template: None, schema: None, ..job_line(view, Vec::new()) }));
        match page.last() {
            Some(last) if page.len() == JOBS => after = Some(last.path.clone()),
            _ => return Ok(Jobs { jobs }),
        }
    }
}

/// The job that is named, or the one that is picked among all.
pub(crate) async fn named(
    runtime: &Runtime,
    path: Option<String>,
    pick: impl FnOnce(&[JobLine]) -> Result<&JobLine, Failure>,
) -> Result<AgentPath, Failure> {
    match path {
        Some(path) => Ok(meant(runtime, &path).await?),
        None => Ok(pick(&all_jobs(runtime).await?.jobs)?.path.clone()),
    }
}

pub(crate) async fn job(runtime: &Runtime, path: AgentPath) -> Result<JobLine, Error> {
    let job = runtime.job(path);
    let view = job.show().await?;
    // Without a failed row there is nothing to look for among what may be millions.
    let errors = if view.job.counts.failed == 0 { Vec::new() } else { job.errors().await? };
    let directory = runtime.system().directory(&view.path).await?.as_ref().map(directory::directory_line);
    Ok(JobLine { directory, ..job_line(&view, errors) })
}

async fn cancel(runtime: &Runtime, path: AgentPath) -> Result<AskedCancel, Error> {
    let job = runtime.job(path.clone());
    let new = job.cancel().await?;
    let state = job.show().await?.job.state.as_str().to_owned();
    Ok(AskedCancel { path, new, state })
}

fn letter(to: AgentPath, text: String, metadata: BTreeMap<String, String>) -> Result<Letter, Error> {
    Ok(Letter { metadata: Metadata::new(metadata)?, ..Letter::to(to, text) })
}

async fn send(runtime: &Runtime, letter: Letter, interrupt: bool) -> Result<Accepted, Error> {
    let (accepted, interrupted) = match interrupt {
        true => runtime.system().send_interrupting(letter).await?,
        false => (runtime.system().send(letter).await?, false),
    };
    Ok(accepted_line(&accepted, interrupted))
}

async fn assign(
    runtime: &Runtime,
    letter: Letter,
    interrupt: bool,
    follow: Follow,
    timeout_ms: Option<u64>,
) -> Result<Assigned, Error> {
    if follow == Follow::Leave {
        let letter = Letter { trigger: true, ..letter };
        return Ok(Assigned { accepted: send(runtime, letter, interrupt).await?, outcome: None });
    }
    let (assignment, interrupted): (Assignment, bool) = match interrupt {
        true => runtime.system().assign_interrupting(letter).await?,
        false => (runtime.system().assign(letter).await?, false),
    };
    let accepted = accepted_line(assignment.accepted(), interrupted);
    let outcome: Option<Outcome> = match follow {
        Follow::Outcome => assignment.outcome_within(within(timeout_ms)).await?,
        _ => None,
    };
    Ok(Assigned { accepted, outcome: outcome.as_ref().map(outcome_line) })
}

async fn wait(runtime: &Runtime, targets: &[Target], wanted: Wanted, timeout_ms: Option<u64>) -> Result<Waited, Error> {
    let (until, count) = match wanted {
        Wanted::Any => (Until::Any, 1),
        Wanted::All => (Until::All, targets.len()),
        Wanted::Count(count) => (Until::Count(count), count.min(targets.len())),
    };
    let settled = runtime.system().wait_for(targets, until, within(timeout_ms)).await?;
    Ok(Waited { complete: settled.len() >= count, settled: settled.into_iter().map(settled_line).collect() })
}

fn within(timeout_ms: Option<u64>) -> Duration {
    timeout_ms.map_or(Duration::MAX, Duration::from_millis)
}

async fn close(runtime: &Runtime, path: AgentPath) -> Result<AskedClose, Error> {
    let report = runtime.agent(path.clone()).close(CLOSE_GRACE).await?;
    Ok(AskedClose { path, new: report.marked, stopped: report.stopped, overdue: report.overdue })
}

async fn interrupt(runtime: &Runtime, path: AgentPath, cascade: bool, dry_run: bool) -> Result<AskedInterrupt, Error> {
    let agent = runtime.agent(path.clone());
    let reach = if cascade { Reach::Subtree } else { Reach::Node };
    let paths = match (dry_run, reach) {
        (true, _) => runtime.system().interruptible(&path, reach).await?,
        (false, Reach::Subtree) => agent.interrupt_subtree().await?,
        (false, Reach::Node) => agent.interrupt().await?.then(|| path.clone()).into_iter().collect(),
    };
    Ok(interrupted_line(path, paths, dry_run))
}

pub(crate) fn interrupted_line(path: AgentPath, mut paths: Vec<AgentPath>, dry_run: bool) -> AskedInterrupt {
    let interrupted = paths.len();
    paths.truncate(INTERRUPTED);
    AskedInterrupt { path, interrupted, paths, dry_run }
}

pub(crate) fn accepted_line(accepted: &understory::Accepted, interrupted: bool) -> Accepted {
    let understory::Accepted { to, row } = accepted;
    Accepted { path: to.path.clone(), message: format!("{}.{}", row.sequence, row.n), interrupted }
}
