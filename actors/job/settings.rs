//! What a row is worked on with: what its own cells say, before what the job says, before what its role says.
//!
//! All of it is looked at before a job starts, each row of the table: what is wrong with a cell is told with its line and
//! column, and leaves nothing behind. A later process may know fewer roles and brains; then the run fails in the same words.

use std::io;
use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{AgentRef, BrainChoice, Item, JobSpec, RowColumns, Store, Table as Records, TableFormat};

use super::JobError;
use super::run::row_text;
use super::strays::Strays;
use super::table::{Columns, Row, Summary, Table, TableLimits, row_cells, scan};
use super::template::UnknownColumns;
use crate::error::Error;
use crate::role::Role;
use crate::system::System;

/// What a job says for all of its rows, and in which columns they say otherwise.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) headers: &'a [String],
    pub(super) columns: &'a RowColumns,
    pub(super) role: &'a str,
    pub(super) brain: Option<&'a BrainChoice>,
    /// A row's own instruction that names what is no column is refused.
    pub(super) strict: bool,
}

/// A table that was read and judged.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) summary: Summary,
    /// What rows' own instructions name that is no column.
    pub(super) unknown: Option<UnknownColumns>,
}

/// Who works on one row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Worker<'s> {
    pub(super) role_name: String,
    pub(super) role: &'s Role,
    pub(super) brain: BrainChoice,
}

/// Why a row cannot be worked on as it says.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Unfit {
    /// A cell is no good.
    #[error("column {column:?}: {what}")]
    Cell { column: String, what: String },
    /// What the job or its role says for all rows is no good.
    #[error(transparent)]
    Job(Error),
    /// Nobody names a brain.
    #[error("no brain is named: not by the row, not for the job, and role {role:?} has none")]
    NoBrain { role: String },
}

impl<'a> Asked<'a> {
    pub(super) fn of(spec: &'a JobSpec) -> Self {
        let JobSpec { headers, columns, role, brain, .. } = spec;
        // What was refused is no job.
        Asked { headers, columns, role, brain: brain.as_ref(), strict: false }
    }

    /// Whether rows say anything for themselves that has to be read before they start.
    pub(super) fn differs(&self) -> bool {
        *self.columns != RowColumns { after: self.columns.after.clone(), ..RowColumns::default() }
    }

    /// What a row's cell in a column says; an empty one says nothing.
    pub(super) fn said<'c>(&self, column: Option<&str>, cells: &'c [String]) -> Option<&'c str> {
        let at = self.headers.iter().position(|header| Some(header.as_str()) == column)?;
        cells.get(at).map(String::as_str).filter(|cell| !cell.trim().is_empty())
    }

    /// Who works on a row with these cells.
    pub(super) fn worker<'s>(&self, system: &'s System, cells: &[String]) -> Result<Worker<'s>, Unfit> {
        let RowColumns { role: role_column, brain: brain_column, model: model_column, .. } = self.columns;
        let own_role = self.said(role_column.as_deref(), cells).map(str::trim);
        let role_name = own_role.unwrap_or(self.role);
        let role_column = role_column.as_deref().filter(|_| own_role.is_some());
        let role = system.role(role_name).map_err(|error| unknown(role_column, error))?;
        let own_brain = self.said(brain_column.as_deref(), cells).map(str::trim);
        let named = match own_brain {
            Some(name) => Some(self.brain_called(name, role)),
            None => self.brain.or(role.brain.as_ref()).cloned(),
        };
        let mut brain = named.ok_or_else(|| Unfit::NoBrain { role: role_name.to_owned() })?;
        let brain_column = brain_column.as_deref().filter(|_| own_brain.is_some()).or(role_column);
        let factory = system.factory(&brain).map_err(|error| unknown(brain_column, error))?;
        let is_bare = brain.settings.is_empty();
        if let (Some(column), Some(model)) = (model_column, self.said(model_column.as_deref(), cells)) {
            brain.settings = with_model(&brain, model.trim()).map_err(|what| unfit(column, what))?;
        }
        if let (Some(column), Some(name)) = (brain_column, own_brain) {
            factory.judge(&brain.settings).map_err(|error| {
                unfit(
                    column,
                    match is_bare {
                        true => format!(
                            "brain {name:?} needs settings, and neither the job nor role {role_name:?} has any for it"
                        ),
                        false => format!("the settings of brain {name:?} are no good: {error}"),
                    },
                )
            })?;
        }
        Ok(Worker { role_name: role_name.to_owned(), role, brain })
    }

    /// How long a run of a row may take, if the row says so.
    pub(super) fn timeout(&self, cells: &[String]) -> Result<Option<Duration>, Unfit> {
        let seconds = self.number(self.columns.timeout.as_deref(), cells)?;
        Ok(seconds.map(|seconds| Duration::from_secs(seconds.into())))
    }

    /// Charged failures at which a row is failed, if the row says so.
    pub(super) fn attempts(&self, cells: &[String]) -> Result<Option<u32>, Unfit> {
        self.number(self.columns.attempts.as_deref(), cells)
    }

    fn number(&self, column: Option<&str>, cells: &[String]) -> Result<Option<u32>, Unfit> {
        let (Some(column), Some(cell)) = (column, self.said(column, cells)) else { return Ok(None) };
        match cell.trim().parse() {
            Ok(number @ 1..) => Ok(Some(number)),
            _ => Err(unfit(column, format!("{:?} is no whole number from 1 to {}", short(cell), u32::MAX))),
        }
    }

    /// A brain by its name, with the settings that the job or the role has for it.
    fn brain_called(&self, name: &str, role: &Role) -> BrainChoice {
        let known = [self.brain, role.brain.as_ref()].into_iter().flatten().find(|choice| choice.name == name);
        known.cloned().unwrap_or_else(|| BrainChoice { name: name.to_owned(), settings: String::new() })
    }

    /// Refuses columns that are not there.
    fn demand_columns(&self) -> Result<(), JobError> {
        // The order of rows is judged with its own pass.
        for (setting, name) in self.columns.named().filter(|(setting, _)| *setting != "after") {
            if !self.headers.iter().any(|header| header == name) {
                let (name, known) = (name.to_owned(), Columns(self.headers).to_string());
                return Err(JobError::UnknownColumn { setting, name, known });
            }
        }
        Ok(())
    }

    fn demand(&self, system: &System, cells: &[String]) -> Result<(), Unfit> {
        self.worker(system, cells)?;
        self.timeout(cells)?;
        self.attempts(cells).map(drop)
    }
}

/// Reads a whole table as [`scan`] does, and refuses rows that cannot be worked on as they say.
pub(super) fn survey<R: io::Read>(
    system: &System,
    reader: R,
    (format, limits): (TableFormat, TableLimits),
    id_column: Option<&str>,
    asked: Asked<'_>,
) -> Result<Judged, Error> {
    if !asked.differs() {
        asked.demand(system, &[]).map_err(|unfit| refused(unfit, None))?;
        let summary = scan(reader, format, limits, id_column).map_err(JobError::from)?;
        return Ok(Judged { summary, unknown: None });
    }
    let (table, unknown) = survey_rows(system, reader, (format, limits), id_column, asked, |_, _, _| Ok(()))?;
    let summary = table.summary().expect("a table that was read to its end without an error has a summary");
    Ok(Judged { summary, unknown })
}

/// Reads a whole table and refuses rows that cannot be worked on as they say; each row that can is given to `each` with its
/// cells. With the table comes what rows' own instructions name that is no column.
pub(super) fn survey_rows<R: io::Read>(
    system: &System,
    reader: R,
    (format, limits): (TableFormat, TableLimits),
    id_column: Option<&str>,
    asked: Asked<'_>,
    mut each: impl FnMut(Asked<'_>, Row, &[String]) -> Result<(), Unfit>,
) -> Result<(Table<R>, Option<UnknownColumns>), Error> {
    // What the job says is told as such, not as something that is wrong with its first row.
    system.role(asked.role)?;
    asked.brain.map(|brain| system.factory(brain)).transpose()?;
    if !asked.differs() {
        asked.demand(system, &[]).map_err(|unfit| refused(unfit, None))?;
    }
    let mut table = Table::open(reader, format, limits, id_column).map_err(JobError::from)?;
    if !table.headers().is_empty() {
        Asked { headers: table.headers(), ..asked }.demand_columns()?;
    }
    let mut strays = Strays::default();
    while let Some(row) = table.next() {
        let row = row.map_err(JobError::from)?;
        let cells = row_cells(table.headers(), &row.json).map_err(JobError::from)?;
        let (asked, line) = (Asked { headers: table.headers(), ..asked }, row.line);
        strays.look(&asked, &cells, line, limits.columns);
        let fit = asked.demand(system, &cells).and_then(|()| each(asked, row, &cells));
        fit.map_err(|unfit| refused(unfit, Some(line)))?;
    }
    // The columns of a JSON table are known now.
    let asked = Asked { headers: table.headers(), ..asked };
    asked.demand_columns()?;
    let unknown = strays.judge(&asked)?;
    Ok((table, unknown))
}

/// The role that an item's worker has by what is on record; nothing if there is no such job.
pub(crate) async fn role_of_item(store: &Store, path: &AgentPath, item: &Item) -> Result<Option<String>, Error> {
    let Some(job) = path.parent() else { return Ok(None) };
    let Some(spec) = store.peek::<JobSpec>(&Records::Spec.at(&job)).await? else { return Ok(None) };
    let spec = spec.value;
    let asked = Asked::of(&spec);
    if asked.columns.role.is_none() {
        return Ok(Some(spec.role));
    }
    let cells = cells_of(store, &AgentRef::new(path.clone(), item.id), item, &spec.headers).await?;
    let own = asked.said(asked.columns.role.as_deref(), &cells).map(str::trim);
    Ok(Some(own.unwrap_or(&spec.role).to_owned()))
}

/// A row's cells, from the record or from beside it.
pub(super) async fn cells_of(
    store: &Store,
    me: &AgentRef,
    item: &Item,
    headers: &[String],
) -> Result<Vec<String>, Error> {
    let json = row_text(store, me, item).await?;
    Ok(row_cells(headers, &json).map_err(JobError::from)?)
}

fn refused(unfit: Unfit, line: Option<u64>) -> Error {
    match (unfit, line) {
        (Unfit::Job(error), _) => error,
        (Unfit::Cell { column, what }, line) => {
            JobError::Cell { line: line.expect("without a row there is no cell"), column, what }.into()
        }
        (Unfit::NoBrain { role }, line) => JobError::NoBrain { line, role }.into(),
    }
}

fn unfit(column: &str, what: String) -> Unfit {
    Unfit::Cell { column: column.to_owned(), what }
}

/// A role or brain that is not known: the fault of the cell that named it, or of the job.
fn unknown(column: Option<&str>, error: Error) -> Unfit {
    match column {
        Some(column) => unfit(column, error.to_string()),
        None => Unfit::Job(error),
    }
}

/// A brain's settings with this model.
fn with_model(brain: &BrainChoice, model: &str) -> Result<String, String> {
    let settings = if brain.settings.is_empty() { "{}" } else { &brain.settings };
    match serde_json::from_str::<serde_json::Value>(settings) {
        Ok(serde_json::Value::Object(mut settings)) => {
            settings.insert("model".to_owned(), model.into());
            Ok(serde_json::Value::Object(settings).to_string())
        }
        _ => Err(format!("the settings of brain {:?} are no JSON object that takes a model", brain.name)),
    }
}

/// As much of a cell as an error tells.
fn short(cell: &str) -> String {
    const CELL_MAX: usize = 60;
    match cell.char_indices().nth(CELL_MAX) {
        Some((at, _)) => format!("{}…", &cell[..at]),
        None => cell.to_owned(),
    }
}
