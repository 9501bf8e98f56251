//! The JSON Schema that results are held to: looked at before a job starts, compiled once, and asked where reports are taken.
//!
//! It leads nowhere: what a `$ref` names lies in the schema itself. Patterns are matched in linear time, so one with a
//! look-ahead or a back-reference is no pattern here. `format` says nothing about what fits, as the standard has it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value;

use super::actor::Held;
use super::error::JobError;
use super::report::object;
use super::run::RunEntry;
use crate::caller::ItemRun;
use crate::error::{Error, cut, demand_length};
use crate::system::System;

/// How many results of one run may be refused: with the last of them it fails.
pub(super) const MISFITS_MAX: u32 = 3;
/// How many of a result's faults are told.
const FAULTS_MAX: usize = 5;
/// How much of one fault is told, in bytes.
const FAULT_BYTES: usize = 240;
/// How long the schema may be asked about one result.
const ASKED_MAX: Duration = Duration::from_secs(10);

/// A schema that was compiled.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    text: Arc<str>,
    compiled: Arc<Validator>,
}

impl Schema {
    /// Compiles a schema; blocks for as long as that takes.
    pub(super) fn compile(text: &str) -> Result<Schema, JobError> {
        let bad = |what: String| JobError::BadSchema { what: cut_to(what, 4 * FAULT_BYTES) };
        let schema: Value = serde_json::from_str(text).map_err(|error| bad(format!("it is no json: {error}")))?;
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex()).with_retriever(Nowhere);
        let placed = |fault: ValidationError<'_>| match fault.instance_path().as_str() {
            "" => fault.to_string(),
            place => format!("{place}: {fault}"),
        };
        let compiled = options.build(&schema).map_err(|fault| bad(placed(fault)))?;
        Ok(Schema { text: text.into(), compiled: Arc::new(compiled) })
    }

    /// The schema as it was given.
    pub(super) fn text(&self) -> Arc<str> {
        self.text.clone()
    }

    /// What is wrong with a result, as far as it is told; nothing if it fits.
    fn misfit(&self, result: &Value) -> Option<String> {
        let mut faults = self.compiled.iter_errors(result);
        let mut words = String::new();
        for (at, fault) in faults.by_ref().take(FAULTS_MAX).enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            let fault = cut_to(format!("result{}: {fault}", fault.instance_path()), FAULT_BYTES);
            let _ = write!(words, "{separator}{fault}");
        }
        if !words.is_empty() && faults.next().is_some() {
            words.push_str("; and more");
        }
        (!words.is_empty()).then_some(words)
    }
}

/// What leads elsewhere is not followed.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("a schema refers to nothing outside itself".into())
    }
}

impl System {
    /// Compiles a job's schema beside everything else.
    pub(super) async fn compile_schema(&self, schema: Option<&str>) -> Result<Option<Schema>, Error> {
        let Some(schema) = schema.map(str::to_owned) else { return Ok(None) };
        demand_length("schema", &schema)?;
        let compiled = tokio::task::spawn_blocking(move || Schema::compile(&schema)).await;
        Ok(Some(compiled.map_err(|_| Error::Stopping)??))
    }

    /// Whether a run whose result was refused may give another.
    pub(super) fn may_mend(&self, run: &ItemRun) -> bool {
        let may = |held: &mut Held| {
            held.schema.is_some() && entry(held, run).is_some_and(|entry| entry.misfits < MISFITS_MAX)
        };
        self.jobs.held(&run.job, may) == Some(true)
    }

    /// A run's result as compact JSON, if it is an object within bounds that fits the job's schema.
    ///
    /// Where there is a schema, what is refused is counted: with the last time that it may be, the run is over and fails.
    pub(super) async fn demand_fit(&self, run: &ItemRun, result: &str) -> Result<String, Error> {
        let Some(Some(schema)) = self.jobs.held(&run.job, |held| held.schema.clone()) else { return object(result) };
        if self.jobs.held(&run.job, |held| Some(entry(held, run)?.misfits >= MISFITS_MAX)).flatten() == Some(true) {
            let what = "nothing is taken any more".to_owned();
            return Err(JobError::NothingFits { times: MISFITS_MAX, what }.into());
        }
        let fit = match object(result) {
            Ok(result) => fitting(schema, result).await,
            Err(error) => Err(error),
        };
        let error = match fit {
            Ok(result) => return Ok(result),
            Err(error @ Error::Stopping) => return Err(error),
            Err(error) => error,
        };
        let counted = |held: &mut Held| {
            let entry = entry(held, run)?;
            entry.misfits += 1;
            let last = entry.misfits >= MISFITS_MAX;
            if last {
                entry.interrupted.get_or_insert_with(|| {
                    cut(format!("{MISFITS_MAX} results were refused, the last because {error}"))
                });
                entry.cancel.cancel();
            }
            Some(last)
        };
        match self.jobs.held(&run.job, counted).flatten() {
            Some(true) => Err(JobError::NothingFits { times: MISFITS_MAX, what: cut(error.to_string()) }.into()),
            _ => Err(error),
        }
    }
}

/// A run whose result was not taken yet.
fn entry<'h>(held: &'h mut Held, run: &ItemRun) -> Option<&'h mut RunEntry> {
    held.runs.get_mut(&run.row).filter(|entry| entry.run == run.run && entry.is_interruptible())
}

/// Asks the schema about a result, where that may take a while; the result again if it fits.
async fn fitting(schema: Schema, result: String) -> Result<String, Error> {
    let asked = tokio::task::spawn_blocking(move || {
        let value = serde_json::from_str(&result).expect("a result was written as json");
        match schema.misfit(&value) {
            None => Ok(result),
            Some(what) => Err(Error::from(JobError::Misfit { what })),
        }
    });
    match tokio::time::timeout(ASKED_MAX, asked).await {
        Ok(Ok(asked)) => asked,
        Ok(Err(_)) => Err(Error::Stopping),
        Err(_) => Err(JobError::Misfit { what: format!("the schema took over {} s", ASKED_MAX.as_secs()) }.into()),
    }
}

fn cut_to(mut words: String, bytes: usize) -> String {
    if words.len() > bytes {
        words.truncate(words.floor_char_boundary(bytes));
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(schema: &str) -> String {
        Schema::compile(schema).map_or_else(|error| error.to_string(), |_| "a schema".to_owned())
    }

    fn misfit(schema: &str, result: &str) -> String {
        let schema = Schema::compile(schema).unwrap();
        schema.misfit(&serde_json::from_str(result).unwrap()).unwrap_or_else(|| "fits".to_owned())
    }

    #[test]
    fn what_is_no_schema_is_refused_with_the_reason() {
        insta::assert_snapshot!(compile(r#"{"type":"object"}"#), @"a schema");
        insta::assert_snapshot!(compile("{"), @"the schema cannot be used: it is no json: EOF while parsing an object at line 1 column 1");
        insta::assert_snapshot!(compile("[]"), @r#"the schema cannot be used: [] is not of types "boolean", "object""#);
        insta::assert_snapshot!(compile(r#"{"type":"objekt"}"#), @r#"the schema cannot be used: /type: "objekt" is not valid under any of the schemas listed in the 'anyOf' keyword"#);
        insta::assert_snapshot!(compile(r#"{"properties":{"a":{"pattern":"("}}}"#), @r#"the schema cannot be used: /properties/a/pattern: "(" is not a "regex""#);
    }

    #[test]
    fn a_schema_leads_nowhere() {
        insta::assert_snapshot!(compile(r##"{"$ref":"#/$defs/a","$defs":{"a":{}}}"##), @"a schema");
        insta::assert_snapshot!(compile(r#"{"$ref":"https://example.com/a.json"}"#), @"the schema cannot be used: Resource 'https://example.com/a.json' is not present in a registry and retrieving it failed: a schema refers to nothing outside itself");
        insta::assert_snapshot!(compile(r#"{"$ref":"file:///etc/hostname"}"#), @"the schema cannot be used: Resource 'file:///etc/hostname' is not present in a registry and retrieving it failed: a schema refers to nothing outside itself");
        insta::assert_snapshot!(compile(r#"{"$ref":"beside.json"}"#), @"the schema cannot be used: Resource 'beside.json' is not present in a registry and retrieving it failed: No base URI is available");
        insta::assert_snapshot!(compile(r#"{"$schema":"https://example.com/own"}"#), @"the schema cannot be used: Unknown meta-schema: 'https://example.com/own'. Custom meta-schemas must be registered in the registry before use");
    }

    #[test]
    fn a_pattern_takes_linear_time_or_is_none() {
        insta::assert_snapshot!(compile(r#"{"properties":{"a":{"pattern":"(?=b)b"}}}"#), @r#"the schema cannot be used: /properties/a/pattern: "(?=b)b" is not a "regex""#);
        let result = format!("{{\"a\":\"{}!\"}}", "a".repeat(100_000));
        let pattern = r#"{"properties":{"a":{"pattern":"^(a|a|aa)+$"}}}"#;
        assert!(misfit(pattern, &result).starts_with("result/a: "));
    }

    #[test]
    fn what_does_not_fit_is_told_by_place_and_within_bounds() {
        let schema =
            r#"{"required":["name"],"properties":{"score":{"type":"integer"},"tags":{"items":{"maxLength":2}}}}"#;
        insta::assert_snapshot!(misfit(schema, r#"{"name":"a","score":1,"tags":["a"],"more":1}"#), @"fits");
        insta::assert_snapshot!(misfit(schema, r#"{"score":"NaN","tags":["abc","a","def"]}"#), @r#"result: "name" is a required property; result/score: "NaN" is not of type "integer"; result/tags/0: "abc" is longer than 2 characters; result/tags/2: "def" is longer than 2 characters"#);
        let many = format!("{{\"name\":1,\"tags\":[{}]}}", vec![r#""abc""#; 50].join(","));
        assert_eq!(misfit(schema, &many).matches("; ").count(), FAULTS_MAX);
        assert!(misfit(schema, &many).ends_with("; and more"));
        let long = misfit(schema, &format!("{{\"name\":1,\"score\":\"{}\"}}", "é".repeat(9000)));
        assert!(long.len() <= FAULT_BYTES + '…'.len_utf8(), "{long}");
    }
}
