//! What a job would be, without there being one: nothing is started, stored or kept.

use std::io::Read;
use std::path::PathBuf;

use understory_paths::AgentPath;

use super::after::check_rows;
use super::error::JobError;
use super::export::default_output;
use super::import::table_limits;
use super::place::absolute;
use super::request::JobRequest;
use super::settings::{Asked, survey_rows};
use super::table::{Row, Summary, open_file, row_cells};
use super::template::{Template, UnknownColumns};
use crate::error::Error;
use crate::system::System;

/// What a job would be.
#[derive(Clone, Debug)]
pub struct JobPlan {
    /// The first rows.
    pub first: Vec<PlannedRow>,
    /// How many rows there are.
    pub rows: u32,
    /// How many rows of empty cells are none.
    pub skipped: u64,
    /// The columns of the table that are named by the template, as the id, or for a setting; all if workers get the row.
    pub used: Vec<String>,
    /// The others. A worker may look at them all the same: it has its row beside what it is asked.
    pub unused: Vec<String>,
    /// What the template names and the table has not, and then what rows' own instructions do.
    pub unknown_columns: Vec<UnknownColumns>,
    /// Where the output goes; nowhere without one. A name made from the job's id has `<id>` in its place.
    pub output: Option<PathBuf>,
    /// There is something already where the output goes: only the job that wrote it leaves it be, or one that may overwrite it
    /// takes its place.
    pub output_exists: bool,
    /// The most runs that may be charged: the attempts of all rows, or what the request allows.
    pub turns_max: u64,
    /// The job that the same command started, and goes on with.
    pub earlier: Option<AgentPath>,
}

/// A row as its worker would get it.
#[derive(Clone, Debug)]
pub struct PlannedRow {
    /// Its number, from 1.
    pub number: u32,
    /// The line of the table that it starts on.
    pub line: u64,
    /// Its id.
    pub item_id: String,
    /// What its worker is asked; nothing if that gets the row alone.
    pub instruction: Option<String>,
    /// The row as JSON.
    pub json: String,
}

/// What one reading of the table tells.
struct Reading {
    summary: Summary,
    unknown: Option<UnknownColumns>,
    first: Vec<Row>,
    skipped: u64,
    turns_max: u64,
}

impl System {
    /// Says what a job would be, with its first `count` rows. Reads the whole table, and the store only for an earlier job.
    ///
    /// # Errors
    /// As for [`System::start_job`], but that nobody looks whether the owner is there, the name is free or the output can be
    /// written.
    pub async fn plan_job(&self, request: JobRequest, count: usize) -> Result<JobPlan, Error> {
        request.demand_settings()?;
        let (system, asked) = (self.clone(), request.clone());
        let read = tokio::task::spawn_blocking(move || {
            let (reading, _) = read(&system, &asked, open_file(&asked.input).map_err(JobError::from)?, count, None)?;
            system.judge_order(&asked, &asked.input)?;
            Ok::<_, Error>((
                std::fs::canonicalize(&asked.input)
                    .map_err(|source| JobError::Place { path: asked.input, source: source.into() })?,
                reading,
            ))
        });
        let (input, reading) = read.await.map_err(|_| Error::Stopping)??;
        self.plan_of(&request, Some(input), reading).await
    }

    /// As [`System::plan_job`], of a table that can be read once only. It is not kept.
    ///
    /// # Errors
    /// As for [`System::plan_job`].
    pub async fn plan_job_from(
        &self,
        request: JobRequest,
        reader: impl Read + Send + 'static,
        count: usize,
    ) -> Result<JobPlan, Error> {
        request.demand_settings()?;
        let (system, asked) = (self.clone(), request.clone());
        let read = tokio::task::spawn_blocking(move || {
            let after = asked.columns.after.as_deref();
            let (reading, order) = read(&system, &asked, reader, count, after)?;
            after.map_or(Ok(()), |column| check_rows(&order, &reading.summary.headers, column))?;
            Ok::<_, Error>(reading)
        });
        let reading = read.await.map_err(|_| Error::Stopping)??;
        self.plan_of(&request, None, reading).await
    }

    async fn plan_of(&self, request: &JobRequest, input: Option<PathBuf>, reading: Reading) -> Result<JobPlan, Error> {
        self.compile_schema(request.schema.as_deref()).await?;
        request.name.as_deref().map(|name| request.owner.join(name)).transpose()?;
        let Reading { summary, unknown, first, skipped, turns_max } = reading;
        let beside = |input: &PathBuf| default_output(input, "<id>", request.output_format.kind);
        let output = request.output.as_deref().map(absolute).transpose()?.or_else(|| input.as_ref().map(beside));
        let template = request.template.as_deref().map(Template::parse);
        let unknown_columns = request.demand_known(&summary.headers)?.into_iter().chain(unknown).collect();
        let named = named(request, template.as_ref());
        let is_used = |header: &String| named.as_ref().is_none_or(|named| named.contains(&header.as_str()));
        let (used, unused) = summary.headers.iter().cloned().partition(is_used);
        let first = first.into_iter().map(|row| planned(request, template.as_ref(), &summary.headers, row));
        let first = first.collect::<Result<_, _>>()?;
        let rows = summary.rows;
        let checked = self.check(request, input, summary).await?;
        let known = if request.fresh { None } else { self.known_job(request, &checked).await? };
        let turns_max = request.turns.map_or(turns_max, |turns| turns.min(turns_max));
        let earlier = known.map(|view| view.path);
        let looked = output.clone();
        let exists = tokio::task::spawn_blocking(move || looked.is_some_and(|output| output.exists()));
        let output_exists = exists.await.map_err(|_| Error::Stopping)?;
        Ok(JobPlan { first, rows, skipped, used, unused, unknown_columns, output, output_exists, turns_max, earlier })
    }
}

/// Reads and judges a table as a start does, and keeps the first rows and, of
/// all of them, the cell of the column `after`.
fn read(
    system: &System,
    request: &JobRequest,
    reader: impl Read,
    count: usize,
    after: Option<&str>,
) -> Result<(Reading, Vec<Row>), Error> {
    let JobRequest { columns, role, brain, id_column, strict, .. } = request;
    let asked = Asked { headers: &[], columns, role, brain: brain.as_ref(), strict: *strict };
    let (mut first, mut order, mut turns_max) = (Vec::new(), Vec::new(), 0_u64);
    let format = (request.table_format(), table_limits(&system.limits));
    let (table, unknown) = survey_rows(system, reader, format, id_column.as_deref(), asked, |asked, row, cells| {
        let attempts = asked.attempts(cells)?.unwrap_or(request.attempts);
        turns_max = turns_max.saturating_add(attempts.into());
        order.extend(after.map(|column| row.with_only(column)));
        if first.len() < count {
            first.push(row);
        }
        Ok(())
    })?;
    let summary = table.summary().expect("a table that was read to its end without an error has a summary");
    Ok((Reading { summary, unknown, first, skipped: table.skipped(), turns_max }, order))
}

/// The columns that somebody names; nothing if every worker gets all of its row and nothing else.
fn named<'a>(request: &'a JobRequest, template: Option<&'a Template>) -> Option<Vec<&'a str>> {
    let columns = &request.columns;
    let template = template.map(|template| template.columns().collect::<Vec<_>>());
    if template.is_none() && columns.instruction.is_none() {
        return None;
    }
    let settings = columns.named().map(|(_, column)| column).chain(request.id_column.as_deref());
    Some(settings.chain(template.into_iter().flatten()).collect())
}

fn planned(
    request: &JobRequest,
    template: Option<&Template>,
    headers: &[String],
    row: Row,
) -> Result<PlannedRow, Error> {
    let cells = row_cells(headers, &row.json).map_err(JobError::from)?;
    let cell = |name: &str| headers.iter().position(|header| header == name).map(|at| cells[at].as_str());
    let own = request.columns.instruction.as_deref().and_then(cell).filter(|own| !own.trim().is_empty());
    let own = own.map(Template::parse);
    let instruction = own.as_ref().or(template).map(|template| template.instruction(cell)).transpose()?;
    let Row { number, line, item_id, json, .. } = row;
    Ok(PlannedRow { number, line, item_id, instruction, json })
}
