//! Every verb, asked of everyone around an agent, through every door: what comes of it stands in a table written by hand.

mod nobody;
mod requests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use understory::{Agent, Pass, Response, Role, Seat, TOOLS, Turn, brain_fn};

use super::*;
use crate::client::Client;
use crate::control::Control;
use crate::goal::GoalRequest;
use crate::jobs::JobControl;
use crate::parcel::ParcelRequest;
use crate::plan::PlanRequest;
use crate::transcript::TranscriptRequest;

const GRACE: Duration = Duration::from_secs(5);
const ME: &str = "/root/p/me";

/// Whom a verb is asked of, and where that is.
const RELATIONS: [(&str, &str); 14] = [
    ("self", ME),
    ("child", "/root/p/me/kid"),
    ("deep", "/root/p/me/kid/deep"),
    ("parent", "/root/p"),
    ("root", "/root"),
    ("sibling", "/root/p/twin"),
    ("cousin", "/root/q/cousin"),
    ("alike", "/root/p/me2"),
    ("absent", "/root/p/none"),
    ("absent child", "/root/p/me/none"),
    ("removed", "/root/p/gone"),
    ("removed child", "/root/p/me/gone"),
    ("closed", "/root/p/shut"),
    ("closed child", "/root/p/me/shut"),
];

/// `+` done, which of a wait is that it was told how it stands; `x` it is closed; `r` it was removed; `!` it is not for this
/// verb; `.` as if it had never been there.
const AS_AN_AGENT: &str = "
    tree       + + + + + + + + . . r r + +
    show       + + + + + + + + . . r r + +
    job        ! ! ! . . . . . . . . r . !
    job_control ! ! ! . . . . . . . . r . !
    list       + + + . . . . . . . . r . +
    plan       + + + . . . . . . . . r . +
    digest     + + + . . . . . . . . r . +
    project    + + + . . . . . . . . r . +
    label      . . . . . . . . . . . . . .
    cancel     . . . . . . . . . . . . . .
    spawn      + . . . . . . . . . . . . .
    send       . + + + + + + + . . r r x x
    assign     . + + . . . . . . . . r . x
    wait       . + + + + + + + . . + + + +
    close      . + + . . . . . . . . r . +
    resume     . + + . . . . . . . . r . +
    interrupt  . + + . . . . . . . . r . x
    remove     . . . . . . . . . . . . . .
    dead       . . . . . . . . . . . . . .
    dir        + + + . . . . . . . . r . +
    session    + + + . . . . . . . . r . +
    goal       . + + . . . . . . . . r . x
    token      . . . . . . . . . . . . . .
    transcript + + + . . . . . . . . r . +
    usage      + + + . . . . . . . . r . +
    memory     + + + . . . . . . . . r . +
";

const AS_THE_OPERATOR: &str = "
    tree       + + + + + + + + . . r r + +
    show       + + + + + + + + . . r r + +
    job        ! ! ! ! ! ! ! ! . . r r ! !
    job_control ! ! ! ! ! ! ! ! . . r r ! !
    list       + + + + + + + + . . r r + +
    plan       + + + + + + + + . . r r + +
    digest     + + + + + + + + . . r r + +
    project    + + + + + + + + . . r r + +
    label      + + + + + + + + . . r r + +
    cancel     ! ! ! ! ! ! ! ! . . r r ! !
    spawn      + + + + + + + + . . r r x x
    send       + + + + + + + + . . r r x x
    assign     + + + + + + + + . . r r x x
    wait       + + + + + + + + . . + + + +
    close      + + + + ! + + + . . r r + +
    resume     + + + + ! + + + . . r r + +
    interrupt  + + + + + + + + . . r r x x
    remove     ! ! ! ! ! ! ! ! . . r r + +
    dead       + + + + + + + + . . r r + +
    dir        + + + + + + + + . . r r + +
    session    + + + + + + + + . . r r + +
    goal       + + + + + + + + . . r r x x
    token      + + + + + + + + . . r r x x
    transcript + + + + + + + + . . r r + +
    usage      + + + + + + + + . . r r + +
    memory     + + + + + + + + . . r r + +
";

/// Verbs that are asked of nobody, or of nobody by an agent; an agent has but its tools.
const OF_NOBODY: [(&str, bool); 8] = [
    ("jobs", false),
    ("roles", false),
    ("role", false),
    ("verify", false),
    ("send_subtree", false),
    ("watch", false),
    ("tools", true),
    ("tool", true),
];

/// What comes of each tool that names somebody; of others see [`tools_that_name_nobody`].
const TOOLS_OF: [&str; 8] = ["send", "assign", "interrupt", "close", "resume", "wait", "list", "digest"];

/// Those of plans: what they ask of whom is the same as at the socket, where [`every_request_of_a_plan_is_judged`] asks it.
const PLAN_TOOLS: usize = 4;

/// A runtime that answers on a socket, with an agent at a turn in the middle of its tree.
struct Place {
    home: TempDir,
    runtime: Runtime,
    pass: Pass,
    tools: Tools,
    end: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Place {
    async fn new() -> Place {
        let (sender, mut turns) = mpsc::unbounded_channel();
        let open = move |_: &Seat| {
            let sender = sender.clone();
            Ok(brain_fn(move |turn: Turn| {
                let sent = sender.send((turn.pass().unwrap(), turn.tools().unwrap().clone()));
                async move {
                    sent.unwrap();
                    turn.cancelled().await;
                    Ok(Response::text("cancelled"))
                }
            }))
        };
        let builder = Runtime::builder().brain("open", open).role("open", Role::with_brain("open", ""));
        let runtime = builder.in_memory().await.unwrap();
        plant(&runtime).await;
        runtime.agent(path(ME)).assign("go").await.map(drop).unwrap();
        let (pass, tools) = turns.recv().await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let (end, ends) = oneshot::channel::<()>();
        let control = Control::bind(home.path()).unwrap();
        let served = tokio::spawn(control.serve(runtime.clone(), async { drop(ends.await) }));
        Place { home, runtime, pass, tools, end, served }
    }

    async fn ask(&self, as_agent: bool, request: &Request) -> Result<Reply, Failure> {
        let identity = Identity { path: path(ME), token: self.pass.token().clone() };
        let client = Client::connect(self.home.path()).await.unwrap().unwrap();
        client.identified(as_agent.then_some(identity)).ask(request).await
    }

    async fn end(self) {
        drop(self.end);
        self.served.await.unwrap();
        self.runtime.shutdown(GRACE).await.unwrap();
    }
}

/// Creates everybody around the agent.
async fn plant(runtime: &Runtime) {
    let at = |path: &str| understory::SpawnRequest::at(path.parse().unwrap());
    let me = understory::SpawnRequest { role: Some("open".to_owned()), ..at(ME) };
    let family = ["/root/p", "/root/q"].map(at).into_iter().chain([me]);
    let others = ["me/kid", "me/kid/deep", "twin", "me2", "gone", "me/gone", "shut", "me/shut"];
    let others = others.map(|name| at(&format!("/root/p/{name}"))).into_iter().chain([at("/root/q/cousin")]);
    runtime.system().spawn(family.chain(others).collect()).await.unwrap();
    for closed in ["/root/p/gone", "/root/p/me/gone", "/root/p/shut", "/root/p/me/shut"] {
        let agent: Agent = runtime.agent(path(closed));
        agent.close(GRACE).await.unwrap();
        if closed.ends_with("gone") {
            agent.remove().await.unwrap();
        }
    }
}

fn path(text: &str) -> AgentPath {
    text.parse().unwrap()
}

/// The request of a verb about somebody, or about nobody. One that is not here has not been thought of.
fn request(verb: &str, at: &str) -> Request {
    let asked = match verb {
        "tree" => json!({ "path": at, "children": 5 }),
        "list" => json!({ "path": at, "limit": 5 }),
        "plan" => json!({ "add": { "path": at, "nodes": [{ "title": "T" }] } }),
        "label" => json!({ "path": at, "title": "T" }),
        "spawn" => {
            json!({ "path": format!("{at}/new"), "nickname": "picked", "or_existing": false, "follow": "leave" })
        }
        "send" => json!({ "path": at, "text": "hi" }),
        "assign" => json!({ "path": at, "text": "hi", "follow": "leave" }),
        "wait" => json!({ "paths": [at], "wanted": "all", "timeout_ms": 1 }),
        "interrupt" => json!({ "path": at, "cascade": false, "dry_run": false }),
        "remove" => json!({ "path": at, "dry_run": true }),
        "dead" => json!({ "list": { "path": at, "after": null, "limit": 5 } }),
        "dir" | "session" => json!({ "show": { "path": at } }),
        "goal" => json!({ "set": { "path": at, "objective": "x", "budget": null } }),
        "transcript" => json!({ "page": { "path": at, "limit": 5 } }),
        "usage" => json!({ "path": at, "limit": 5 }),
        "job_control" => json!({ "items": { "path": at, "status": [], "after": 0, "limit": 5 } }),
        "show" | "job" | "cancel" | "close" | "resume" | "token" | "digest" | "project" => json!({ "path": at }),
        "memory" => json!({ "find": { "path": at, "limit": 5 } }),
        "role" => json!({ "name": "default" }),
        "tool" => json!({ "name": "wait", "arguments": { "agents": ["kid"] } }),
        "send_subtree" => json!({ "path": "/root/p/me", "text": "hi", "metadata": {}, "id": null, "dry_run": false }),
        "watch" => json!({ "path": "/root/p/me", "after": null }),
        "jobs" | "roles" | "verify" | "tools" => json!({}),
        other => panic!("{other} is in no table: may an agent ask it, and of whom?"),
    };
    let mut document = asked;
    document["verb"] = verb.into();
    serde_json::from_value(document).unwrap()
}

/// The names that a closed list of the wire has, as it says itself.
fn listed<T: serde::de::DeserializeOwned>(nonsense: &Value) -> Vec<String> {
    let error = serde_json::from_value::<T>(nonsense.clone()).err().unwrap().to_string();
    let (_, names) = error.split_once("expected ").unwrap();
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What came of it as a table has it. What is refused is what the operator hears of a path that never was.
fn mark<T>(verb: &str, at: &str, outcome: Result<T, Failure>) -> char {
    let Err(failure) = outcome else { return '+' };
    match failure.code {
        Code::Closed => 'x',
        Code::Removed => 'r',
        Code::NotFound => {
            let never = Failure::from(understory::Error::NotFound { path: path("/root/never") });
            let said = serde_json::to_string(&failure).unwrap().replace(&format!("{at}\""), "/root/never\"");
            let said = said.replace(&format!("{at} "), "/root/never ");
            assert_eq!(said, serde_json::to_string(&never).unwrap(), "{verb} {at}");
            '.'
        }
        _ => '!',
    }
}

fn rows(table: &str) -> BTreeMap<String, String> {
    let row = |line: &str| {
        let (verb, marks) = line.trim().split_once(' ').unwrap();
        (verb.to_owned(), marks.split_whitespace().collect())
    };
    table.trim().lines().map(row).collect()
}

/// The lines of a table that differ from what really comes of it.
async fn check(table: &str, as_agent: bool) {
    let expected = rows(table);
    let mut differ = Vec::new();
    for (verb, marks) in &expected {
        let mut found = String::new();
        for (_, at) in RELATIONS {
            let place = Place::new().await;
            let outcome = place.ask(as_agent, &request(verb, at)).await;
            // Whoever may not create below somebody hears that he is not there.
            found.push(mark(verb, at, outcome));
            place.end().await;
        }
        if *marks != found {
            differ.push(format!("{verb}: {marks} expected\n{verb}: {found}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn every_verb_is_in_the_tables() {
    let mut known: Vec<String> = rows(AS_AN_AGENT).into_keys().collect();
    assert_eq!(known, rows(AS_THE_OPERATOR).into_keys().collect::<Vec<_>>());
    known.extend(OF_NOBODY.map(|(verb, _)| verb.to_owned()));
    known.push("parcel".to_owned());
    known.sort();
    let mut verbs = listed::<Request>(&json!({ "verb": "?" }));
    verbs.sort();
    assert_eq!(verbs, known);
    assert_eq!(listed::<DeadRequest>(&json!({ "?": {} })), ["list", "show", "retry", "drop"]);
    assert_eq!(listed::<DirRequest>(&json!({ "?": {} })), ["show", "set", "accept"]);
    assert_eq!(listed::<SessionRequest>(&json!({ "?": {} })), ["show", "keep", "lost", "set"]);
    assert_eq!(listed::<TranscriptRequest>(&json!({ "?": {} })), ["page", "import", "prune"]);
    assert_eq!(listed::<ParcelRequest>(&json!({ "?": {} })), ["backup", "export", "import"]);
    assert_eq!(
        listed::<JobControl>(&json!({ "?": {} })),
        ["items", "watch", "retry", "pause", "unpause", "set", "export", "remove"]
    );
    assert_eq!(listed::<PlanRequest>(&json!({ "?": {} })), ["show", "graph", "add", "update", "assign", "clear"]);
    let named: Vec<&str> = TOOLS.map(|tool| tool.name).into_iter().filter(|name| TOOLS_OF.contains(name)).collect();
    // spawn, report and summarise, those of memories, those of goals.
    assert_eq!(named.len() + 3 + 4 + 4 + PLAN_TOOLS, TOOLS.len(), "a tool is in no table");
    let goals = ["set", "show", "pause", "resume", "raise", "clear", "tree"];
    assert_eq!(listed::<GoalRequest>(&json!({ "?": {} })), goals);
    for (verb, marks) in rows(AS_AN_AGENT).iter().chain(&rows(AS_THE_OPERATOR)) {
        assert_eq!(marks.len(), RELATIONS.len(), "{verb}");
    }
}

#[tokio::test]
async fn an_agent_at_the_socket_does_what_the_table_says() {
    check(AS_AN_AGENT, true).await;
}

#[tokio::test]
async fn the_operator_at_the_socket_does_what_the_table_says() {
    check(AS_THE_OPERATOR, false).await;
}

#[tokio::test]
async fn a_turns_own_tools_do_what_the_table_says() {
    let expected = rows(AS_AN_AGENT);
    for tool in TOOLS_OF {
        for (n, (relation, at)) in RELATIONS.into_iter().enumerate() {
            let arguments = match tool {
                "send" | "assign" => json!({ "to": at, "message": "hi" }),
                "wait" => json!({ "agents": [at] }),
                _ => json!({ "agent": at }),
            };
            let place = Place::new().await;
            let answered = place.tools.call(tool, &arguments.to_string()).await.map_err(Failure::from);
            let marked = mark(tool, at, answered);
            assert_eq!(Some(marked), expected[tool].chars().nth(n), "{tool} {relation}");
            // The same as a tool at the socket.
            let other = Place::new().await;
            let request = Request::Tool { name: tool.to_owned(), arguments };
            assert_eq!(mark(tool, at, other.ask(true, &request).await), marked, "{tool} {relation}");
            place.end().await;
            other.end().await;
        }
    }
}

#[tokio::test]
async fn verbs_and_tools_that_name_nobody_are_an_agents_own_or_nobodys() {
    let place = Place::new().await;
    for (verb, own) in OF_NOBODY {
        let answered = place.ask(true, &request(verb, ME)).await;
        match own {
            true => drop(answered.unwrap()),
            false => assert_eq!(answered.unwrap_err(), no_verb(), "{verb}"),
        }
    }
    for letter in ["show", "retry", "drop"] {
        let request = json!({ "verb": "dead", letter: { "letter": "/root/p@1.0" } });
        assert_eq!(place.ask(true, &serde_json::from_value(request).unwrap()).await.unwrap_err(), no_verb());
    }
    for parcel in [
        json!({ "backup": { "file": "/nowhere/file" } }),
        json!({ "export": { "path": "/root/p", "file": "/nowhere/file" } }),
        json!({ "import": { "file": "/nowhere/file", "path": null } }),
    ] {
        let mut request = parcel;
        request["verb"] = json!("parcel");
        assert_eq!(place.ask(true, &serde_json::from_value(request).unwrap()).await.unwrap_err(), no_verb());
    }
    // An agent reads, and takes nothing out.
    let prune = json!({ "verb": "transcript", "prune": { "path": ME, "older_than_ms": 0, "keep_bytes": null, "dry_run": true } });
    assert!(place.ask(true, &serde_json::from_value(prune).unwrap()).await.is_err());
    for job in ["job", "cancel"] {
        let request = json!({ "verb": job, "path": null });
        assert_eq!(place.ask(true, &serde_json::from_value(request).unwrap()).await.unwrap_err(), no_verb());
    }
    // Which is the newest or the unfinished one of all, no agent is told.
    let items = JobControl::Items { path: None, status: Vec::new(), after: 0, limit: 5 };
    for control in [items, JobControl::Watch { path: None, within_ms: 0 }] {
        assert_eq!(place.ask(true, &Request::JobControl(control)).await.unwrap_err(), no_verb());
    }
    // What changes a job is no agent's, whether it lies below it or not.
    for control in [
        json!({ "retry": { "path": ME, "failed": true, "skipped": true, "items": [] } }),
        json!({ "pause": { "path": ME, "reason": "" } }),
        json!({ "unpause": { "path": ME } }),
        json!({ "set": { "path": ME, "concurrency": 1, "turns": null, "tokens": null, "seconds": null } }),
        json!({ "export": { "path": ME, "output": "/nowhere/out.csv", "overwrite": false,
            "format": { "kind": "Csv", "expand": false, "guard": false, "grows": null } } }),
        json!({ "remove": { "path": ME, "dry_run": true } }),
    ] {
        let control: JobControl = serde_json::from_value(control).unwrap();
        assert_eq!(mark("job_control", ME, place.ask(true, &Request::JobControl(control)).await), '.');
    }
    assert!(place.tools.call("spawn", r#"{"name":"new"}"#).await.is_ok());
    let report = place.tools.call("report", r#"{"result":{}}"#).await.unwrap_err();
    assert_eq!(report.to_string(), "no tool \"report\"");
    place.end().await;
}

#[tokio::test]
async fn who_may_only_look_sees_no_more_than_that() {
    let place = Place::new().await;
    let Reply::Tree(seen) = place.ask(true, &request("tree", "/root")).await.unwrap() else { panic!("a tree") };
    for line in &seen.nodes {
        let whole = path(ME).contains(&line.node.path);
        assert_eq!(line.node.turns.is_some(), whole, "{}", line.node.path);
    }
    assert!(seen.nodes.len() > 8);
    let shown = async |at| match place.ask(true, &request("show", at)).await.unwrap() {
        Reply::Shown(shown) => serde_json::to_value(shown).unwrap(),
        other => panic!("{other:?}"),
    };
    let twin = shown("/root/p/twin").await;
    let fields: Vec<&String> = twin.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["kind", "path", "status", "role", "nickname"]);
    assert_eq!(shown("/root/p/me/kid").await["kind"], "agent");
    place.end().await;
}
