//! `understory job run --dry-run`: what a job would be. The home need not be there, and may be in use.

use std::fmt::Write;

use serde_json::json;
use understory::{JobPlan, JobRequest, PlannedRow};
use understory_server::Failure;

use crate::brains;
use crate::command::{Session, blocking};
use crate::exit;
use crate::job;
use crate::render::{escaped, grouped, lines, rows};

/// Shows a job that is not run, with its first `count` rows.
pub(crate) async fn show(session: &Session, request: JobRequest, streamed: bool, count: usize) -> Result<u8, Failure> {
    let runtime = brains::builder(&session.setting).await?.in_memory().await?;
    let asked = request.clone();
    let plan = session.signals.unless(async move {
        if !streamed {
            return Ok(runtime.plan_job(asked, count).await?);
        }
        let table = asked.input.clone();
        let reader = blocking(move || job::open(&table)).await?;
        Ok(runtime.plan_job_from(asked, reader, count).await?)
    });
    let plan = plan.await?;
    for unknown in &plan.unknown_columns {
        session.terminal.warn(&unknown.to_string());
    }
    session.data(if session.terminal.json() { document(&plan) } else { text(&plan, &request) }).await?;
    Ok(exit::OK)
}

fn document(plan: &JobPlan) -> String {
    let first = |row: &PlannedRow| {
        json!({
            "number": row.number,
            "line": row.line,
            "item_id": row.item_id,
            "instruction": row.instruction,
            "row": row.json,
        })
    };
    let plan = json!({
        "rows": plan.rows,
        "skipped": plan.skipped,
        "used": plan.used,
        "unused": plan.unused,
        "unknown_columns": plan.unknown_columns.iter().flat_map(|unknown| unknown.names()).collect::<Vec<_>>(),
        "output": plan.output,
        "output_exists": plan.output_exists,
        "turns_max": plan.turns_max,
        "first": plan.first.iter().map(first).collect::<Vec<_>>(),
    });
    format!("{plan}\n")
}

fn text(plan: &JobPlan, request: &JobRequest) -> String {
    let skipped = match plan.skipped {
        0 => String::new(),
        count => format!(", {} of empty cells skipped", rows(count)),
    };
    let columns = |names: &[String]| names.iter().map(|name| escaped(name)).collect::<Vec<_>>().join(", ");
    let exists = match (plan.output_exists, request.overwrite) {
        (false, _) => "",
        (true, false) => ", which is there: needs --overwrite, unless this goes on with a job",
        (true, true) => ", which is written over",
    };
    let output = plan.output.as_ref().map(|output| escaped(&output.display().to_string()) + exists);
    let fields = [
        ("table", format!("{}: {}{skipped}", escaped(&request.input.display().to_string()), rows(plan.rows.into()))),
        ("used", columns(&plan.used)),
        ("unused", columns(&plan.unused)),
        ("output", output.unwrap_or_default()),
        ("turns", format!("at most {}, crashes and closes not counted", grouped(plan.turns_max))),
    ];
    let mut text = String::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(text, "{name:<10} {value}").expect("a string takes everything");
    }
    for PlannedRow { number, item_id, instruction, json, .. } in &plan.first {
        let asked = lines(instruction.as_ref().unwrap_or(json).trim_end()).replace('\n', "\n  ");
        writeln!(text, "\nrow {number} ({}):\n  {asked}", escaped(item_id)).expect("a string takes everything");
    }
    text
}
