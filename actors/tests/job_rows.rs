//! What rows say for themselves: who works on them, what is asked, how long and how often.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use understory_store::{BrainChoice, RowColumns, TableFormat};

use super::table::{Table, number};
use super::world::{Setting, World, at, process, until};
use crate::brain::{AnyBrain, BrainError, BrainFactory, Response, Seat, Turn};
use crate::error::chain;
use crate::job::JobRequest;
use crate::{Role, RoleLimits};

fn every_column() -> RowColumns {
    let column = |name: &str| Some(name.to_owned());
    RowColumns {
        role: column("role"),
        brain: column("brain"),
        model: column("model"),
        instruction: column("ask"),
        timeout: column("timeout"),
        attempts: column("attempts"),
        after: None,
    }
}

/// What a worker was given, as its report.
fn given(by: &str, turn: &Turn) -> Response {
    let tools: Vec<&str> = turn.tools().unwrap().list().map(|tool| tool.name).collect();
    Response::report(
        serde_json::json!({
            "by": by,
            "settings": turn.seat().settings.as_ref(),
            "role": turn.role(),
            "told": turn.instructions(),
            "spawns": tools.contains(&"spawn"),
            "asked": turn.text(),
        })
        .to_string(),
    )
}

/// Two brains that tell what they were given, and a role with its own brain, instructions and no `spawn`.
fn telling() -> Setting {
    World::setting()
        .brain("one", |turn| async move { Ok(given("one", &turn)) })
        .brain("two", |turn| async move { Ok(given("two", &turn)) })
        .role("default", Role::default().instructed("be brief"))
        .role("scout", Role::with_brain("two", r#"{"at":"scout"}"#).instructed("look").without_tools(["spawn"]))
        .role("bare", Role::default())
}

#[tokio::test(start_paused = true)]
async fn a_row_says_who_works_on_it_before_the_job_and_the_job_before_the_role() {
    let world = telling().open().await;
    let table = Table::text(
        "id,role,brain,model,ask,timeout,attempts\n\
         plain,,,,,,\n\
         role,scout,,,,,\n\
         brain, , two ,,,,\n\
         both,scout,two,m-1,see {id} {{as}} {nothing},,\n\
         model,,,m-2, ,,\n",
    );
    let brain = BrainChoice { name: "one".to_owned(), settings: r#"{"z":1,"model":"m-0"}"#.to_owned() };
    let template = Some("do {id}".to_owned());
    let request =
        JobRequest { brain: Some(brain), columns: every_column(), template, name: None, ..table.request("one") };
    world.run_job(request.clone()).await;
    let results = || table.output().into_iter().map(|line| line.result).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(results(), @r#"
    {"by":"one","settings":"{\"z\":1,\"model\":\"m-0\"}","role":"default","told":"be brief","spawns":true,"asked":"do plain"}
    {"by":"one","settings":"{\"z\":1,\"model\":\"m-0\"}","role":"scout","told":"look","spawns":false,"asked":"do role"}
    {"by":"two","settings":"","role":"default","told":"be brief","spawns":true,"asked":"do brain"}
    {"by":"two","settings":"{\"at\":\"scout\",\"model\":\"m-1\"}","role":"scout","told":"look","spawns":false,"asked":"see both {as} {nothing}"}
    {"by":"one","settings":"{\"z\":1,\"model\":\"m-2\"}","role":"default","told":"be brief","spawns":true,"asked":"do model"}
    "#);
    // Without one for the job a row has its role's brain.
    let request = JobRequest { brain: None, role: "scout".to_owned(), ..request };
    world.run_job(request).await;
    insta::assert_snapshot!(results(), @r#"
    {"by":"two","settings":"{\"at\":\"scout\"}","role":"scout","told":"look","spawns":false,"asked":"do plain"}
    {"by":"two","settings":"{\"at\":\"scout\"}","role":"scout","told":"look","spawns":false,"asked":"do role"}
    {"by":"two","settings":"{\"at\":\"scout\"}","role":"scout","told":"look","spawns":false,"asked":"do brain"}
    {"by":"two","settings":"{\"at\":\"scout\",\"model\":\"m-1\"}","role":"scout","told":"look","spawns":false,"asked":"see both {as} {nothing}"}
    {"by":"two","settings":"{\"at\":\"scout\",\"model\":\"m-2\"}","role":"scout","told":"look","spawns":false,"asked":"do model"}
    "#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_says_how_long_and_how_often() {
    let runs = Arc::new(Mutex::new(Vec::new()));
    let seen = runs.clone();
    let start = tokio::time::Instant::now();
    let setting = World::setting().brain("wall", move |turn| {
        let (seen, row) = (seen.clone(), turn.row().expect("a row").item_id.to_string());
        async move {
            let begun = start.elapsed();
            turn.cancelled().await;
            seen.lock().unwrap().push((row, (start.elapsed() - begun).as_secs()));
            Err(BrainError::refused("late"))
        }
    });
    let world = setting.open().await;
    let long = "x".repeat(9000);
    // The last lies beside its record.
    let table = Table::text(&format!("id,timeout,attempts,pad\na,,,\nb,7,,\nc,,1,\nd,9,2,{long}\n"));
    let columns = RowColumns { timeout: Some("timeout".to_owned()), ..RowColumns::default() };
    let columns = RowColumns { attempts: Some("attempts".to_owned()), ..columns };
    let timeout = Duration::from_secs(50);
    let view = world.run_job(JobRequest { columns, timeout, attempts: 3, ..table.request("wall") }).await;
    insta::assert_snapshot!(world.item_words(&view.path).await, @"
    a: failed run 3 failed 3 (worker exceeded max runtime of 50 s)
    b: failed run 3 failed 3 (worker exceeded max runtime of 7 s)
    c: failed run 1 failed 1 (worker exceeded max runtime of 50 s)
    d: failed run 2 failed 2 (worker exceeded max runtime of 9 s)
    ");
    let runs = runs.lock().unwrap().clone();
    let times = |row: &str| runs.iter().filter(|(id, _)| id == row).map(|(_, took)| *took).collect::<Vec<_>>();
    assert_eq!((times("a"), times("b")), (vec![50, 50, 50], vec![7, 7, 7]));
    assert_eq!((times("c"), times("d")), (vec![50], vec![9, 9]));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_row_cannot_say_is_refused_before_the_job_starts() {
    let world = telling().role("lost", Role::with_brain("gone", "")).open().await;
    let check = async |text: &str, change: &dyn Fn(&mut JobRequest), expected: &str| {
        let table = Table::text(text);
        let mut request = JobRequest { columns: every_column(), ..table.request("one") };
        change(&mut request);
        let error = world.system.start_job(request).await.map(|_| ()).unwrap_err();
        assert_eq!(chain(&error), expected);
        assert!(world.system.jobs(&at("/root"), None, 9).await.unwrap().is_empty(), "{expected}: nothing is left");
    };
    let head = "id,role,brain,model,ask,timeout,attempts\n";
    let row = |cells: &str| format!("{head}fine,,,,,1,1\n\n{cells}\n");
    let as_asked = &|_: &mut JobRequest| {};
    let known_roles = "known are bare, default, explorer, lost, scout, worker";
    let known_brains = "known are echo, one, two";
    check("id,role\na,\n", as_asked, r#"brain column "brain" is not in the table, which has "id", "role""#).await;
    let unknown = format!(r#"line 4, column "role": role "boss" is not known; {known_roles}"#);
    check(&row("a,boss,,,,,"), as_asked, &unknown).await;
    let unknown = format!(r#"line 4, column "brain": brain "clay" is not known; {known_brains}"#);
    check(&row("a,,clay,,,,"), as_asked, &unknown).await;
    let no_brain: &dyn Fn(&mut JobRequest) = &|request| (request.brain, request.role) = (None, "scout".to_owned());
    let unknown = format!(r#"line 4, column "role": brain "gone" is not known; {known_brains}"#);
    check(&row("a,lost,,,,,"), no_brain, &unknown).await;
    let none = r#"no brain is named for line 4, not by the row: not for the job, and role "bare" has none"#;
    check(&row("a,bare,,,,,"), no_brain, none).await;
    for bad in ["0", "-1", "1.5", "soon", "4294967296"] {
        let bad_number =
            |column| format!(r#"line 4, column "{column}": "{bad}" is no whole number from 1 to 4294967295"#);
        check(&row(&format!("a,,,,,{bad},")), as_asked, &bad_number("timeout")).await;
        check(&row(&format!("a,,,,,,{bad}")), as_asked, &bad_number("attempts")).await;
    }
    let words: &dyn Fn(&mut JobRequest) = &|request| {
        request.brain = Some(BrainChoice { name: "one".to_owned(), settings: "words".to_owned() });
    };
    let no_model = r#"line 4, column "model": the settings of brain "one" are no JSON object that takes a model"#;
    check(&row("a,,,m,,,"), words, no_model).await;
    // What the job says for all is told as the job's.
    let job_role: &dyn Fn(&mut JobRequest) = &|request| request.role = "boss".to_owned();
    check(&row("a,,,,,,"), job_role, &format!(r#"role "boss" is not known; {known_roles}"#)).await;
    let bare: &dyn Fn(&mut JobRequest) = &|request| {
        (request.brain, request.role, request.columns) = (None, "bare".to_owned(), RowColumns::default());
    };
    check(head, bare, r#"no brain is named: not for the job, and role "bare" has none"#).await;
    world.end().await;
}

/// A brain that cannot be without settings.
struct Picky;

impl BrainFactory for Picky {
    fn make(&self, seat: &Seat) -> Result<Box<dyn AnyBrain>, BrainError> {
        self.judge(&seat.settings)?;
        Err(BrainError::refused("made"))
    }

    fn judge(&self, settings: &str) -> Result<(), BrainError> {
        match settings {
            "{}" => Ok(()),
            _ => Err(BrainError::refused("they are not {}")),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_whose_brain_has_no_settings_is_refused_before_the_job_starts() {
    let setting = telling().factory("picky", Arc::new(Picky));
    let world = setting.role("picks", Role::with_brain("picky", "{}")).open().await;
    let columns =
        RowColumns { brain: Some("brain".to_owned()), role: Some("role".to_owned()), ..RowColumns::default() };
    let table = Table::text("id,brain,role\na,two,\nb,picky,picks\nc,picky,\n");
    let request = JobRequest { columns, ..table.request("one") };
    let wanted = r#"line 4, column "brain": brain "picky" needs settings, and neither the job nor role "default" has any for it"#;
    let refused = world.system.start_job(request.clone()).await.map(drop).unwrap_err();
    assert_eq!(chain(&refused), wanted);
    let refused = world.system.plan_job(request.clone(), 1).await.map(drop).unwrap_err();
    assert_eq!(chain(&refused), wanted);
    assert!(world.system.jobs(&at("/root"), None, 9).await.unwrap().is_empty());
    // The job has some for it.
    let brain = Some(BrainChoice { name: "picky".to_owned(), settings: "[]".to_owned() });
    let refused = world.system.start_job(JobRequest { brain, ..request.clone() }).await.map(drop).unwrap_err();
    let wanted = r#"line 3, column "brain": the settings of brain "picky" are no good: they are not {}"#;
    assert_eq!(chain(&refused), wanted);
    let brain = Some(BrainChoice { name: "picky".to_owned(), settings: "{}".to_owned() });
    assert_eq!(world.run_job(JobRequest { brain, ..request }).await.job.counts.failed, 2);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_rows_own_instruction_names_and_the_table_has_not_is_told() {
    let world = telling().open().await;
    let columns = RowColumns { instruction: Some("ask".to_owned()), ..RowColumns::default() };
    for (name, format, known, text) in [
        ("csv", TableFormat::Csv, r#""id", "ask""#, "id,ask\na,see {id}\nb,\nc,see {zz} and {yy}\nd,{{zz}}{zz}\n"),
        // Its columns are known at its end only.
        (
            "json",
            TableFormat::JsonLines,
            r#""id", "ask", "late""#,
            "{\"id\":\"a\",\"ask\":\"see {late}\"}\n\n{\"id\":\"c\",\"ask\":\"{zz}{yy}\"}\n{\"id\":\"d\",\"ask\":\"{zz}\",\"late\":1}\n",
        ),
    ] {
        let table = Table::text(text);
        let (name, format) = (Some(name.to_owned()), Some(format));
        let request = JobRequest { columns: columns.clone(), name, format, ..table.request("one") };
        let line = if known.contains("late") { 3 } else { 4 };
        let strict = JobRequest { strict: true, ..request.clone() };
        let wanted =
            format!(r#"line {line}, column "ask": the instruction names "yy", "zz", but the table has {known}"#);
        let refused = world.system.start_job(strict.clone()).await.map(drop).unwrap_err();
        assert_eq!(chain(&refused), wanted);
        assert_eq!(chain(&world.system.plan_job(strict.clone(), 1).await.map(drop).unwrap_err()), wanted);
        let told = world.system.plan_job(request.clone(), 1).await.unwrap().unknown_columns;
        let started = world.system.start_job(request).await.unwrap();
        for told in [told, started.unknown_columns] {
            let told: Vec<String> = told.iter().map(ToString::to_string).collect();
            assert_eq!(
                told,
                [format!(r#"column "ask" names "yy", "zz" from line {line} on, but the table has {known}"#)]
            );
        }
        world.job_over(&started.job.path).await;
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_rows_role_limits_and_isolates_those_below_it() {
    let setting = World::setting().brain("parent", |turn| async move {
        let mut said = Vec::new();
        for name in ["kid", "second"] {
            said.push(turn.spawn(name, None).await.map_or_else(|error| error.to_string(), |path| path.to_string()));
        }
        let letter = turn.send("/root/beside", "hello").await;
        said.push(letter.map_or_else(|error| error.to_string(), |()| "sent".to_owned()));
        Ok(Response::report(serde_json::json!({ "said": said }).to_string()))
    });
    let limits = RoleLimits { agents: Some(1), depth: None };
    let setting = setting.role("narrow", Role::default().limits(limits).isolated());
    let world = setting.open().await;
    world.spawn("/root/beside", "echo").await;
    let table = Table::text("id,role\nfree,\nheld,narrow\n");
    let columns = RowColumns { role: Some("role".to_owned()), ..RowColumns::default() };
    world.run_job(JobRequest { columns, concurrency: 1, ..table.request("parent") }).await;
    let results: Vec<_> = table.output().into_iter().map(|line| line.result).collect();
    insta::assert_snapshot!(results.join("\n"), @r#"
    {"said":["/root/job/r00000001/kid","/root/job/r00000001/second","sent"]}
    {"said":["/root/job/r00000002/kid","limit role agents of 1 is reached at /root/job/r00000002: close agents below it, or give the work to an agent of another role","/root/beside does not exist"]}
    "#);
    world.end().await;
}

/// A process that knows fewer roles fails the runs in the same words, and runs nothing under another role.
#[test]
fn a_role_that_is_gone_fails_the_run() {
    let table = Table::text("id,role\na,\nb,scout\n");
    let columns = RowColumns { role: Some("role".to_owned()), ..RowColumns::default() };
    let request = JobRequest { columns, concurrency: 1, ..table.request("one") };
    let rows = process(async || {
        let world = telling().brain("one", |_| std::future::pending()).open().await;
        world.system.start_job(request.clone()).await.unwrap();
        until(async || world.system.job(&at("/root/job")).await.unwrap().job.counts.running == 1).await;
        world.abandon()
    });
    process(async || {
        let setting = World::setting().over(rows).brain("one", |turn| async move { number(&turn) });
        let world = setting.open().await;
        world.system.resume_job(&at("/root/job")).await.unwrap();
        world.job_over(&at("/root/job")).await;
        insta::assert_snapshot!(world.item_words(&at("/root/job")).await, @r#"
        a: completed run 2 crashed 1
        b: failed run 3 failed 3 (column "role": role "scout" is not known; known are default, explorer, worker)
        "#);
        world.end().await;
    });
}
