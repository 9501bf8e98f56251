//! A table goes in, a brain of this process measures every row, and the results are summed up as they land.
//!
//! `cargo run --example pipeline`, and again: the job is finished, no row runs, and its results are there to be read.

#![expect(clippy::print_stdout, reason = "a program says what it did")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use understory::{BrainChoice, BrainError, JobRequest, Response, Runtime, Seat, Turn, brain_fn};

/// The table: airports and where they are.
const AIRPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/airports.csv");
/// Where distances are measured from, in degrees.
const DENVER: (f64, f64) = (39.858_41, -104.667);
const EARTH_KM: f64 = 6371.0;

/// What the airports of a state come to.
#[derive(Debug, Default, PartialEq)]
pub struct Sum {
    /// How many they are.
    pub airports: u32,
    /// How far they are all together.
    pub km: f64,
}

/// Runs the pipeline with its store and output in `home`; returns what each state comes to, and how many rows ran.
pub async fn run(home: &Path) -> Result<(BTreeMap<String, Sum>, u32), Box<dyn Error>> {
    let ran = Arc::new(AtomicU32::new(0));
    let count = ran.clone();
    let measuring = move |_: &Seat| {
        let count = count.clone();
        Ok(brain_fn(move |turn| {
            count.fetch_add(1, Ordering::Relaxed);
            async move { measure(&turn) }
        }))
    };
    let runtime = Runtime::builder().brain("measure", measuring).open(home.join("store")).await?;
    let brain = BrainChoice { name: "measure".to_owned(), settings: String::new() };
    let output = Some(home.join("distances.csv"));
    let request = JobRequest { id_column: Some("iata".to_owned()), output, ..JobRequest::new(AIRPORTS, brain) };
    let (job, started) = runtime.start_job(request).await?;
    println!("{} of {} rows: {:?}", job.path(), job.show().await?.spec.rows, started.begun);

    let mut states = BTreeMap::<String, Sum>::new();
    let mut results = job.results(None);
    while let Some(row) = results.next().await? {
        let Some(result) = &row.result else {
            println!("{} failed: {}", row.item.item_id, row.item.last_error.as_deref().unwrap_or("no error was kept"));
            continue;
        };
        let result: Value = serde_json::from_str(result)?;
        let sum = states.entry(result["state"].as_str().unwrap_or("none").to_owned()).or_default();
        sum.airports += 1;
        sum.km += result["km"].as_f64().unwrap_or_default();
    }
    // The results are all there before the output is.
    job.finished().await?;
    runtime.shutdown(Duration::from_secs(5)).await?;
    Ok((states, ran.load(Ordering::Relaxed)))
}

/// Says how far an airport is from Denver, on a sphere.
fn measure(turn: &Turn) -> Result<Response, BrainError> {
    let row = turn.row().ok_or_else(|| BrainError::refused("this is no row of a table"))?;
    let airport: Value = serde_json::from_str(&row.json).map_err(|error| BrainError::refused(error.to_string()))?;
    let degrees = |column: &str| {
        let cell = airport[column].as_str().unwrap_or_default();
        cell.parse::<f64>().map_err(|error| BrainError::refused(format!("{column} {cell:?}: {error}")))
    };
    let (latitude, longitude) = (degrees("latitude")?, degrees("longitude")?);
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let along = DENVER.0.to_radians().cos() * latitude.to_radians().cos() * half(DENVER.1, longitude);
    let km = 2.0 * EARTH_KM * (half(DENVER.0, latitude) + along).sqrt().asin();
    Ok(Response::report(json!({ "state": airport["state"], "km": km.round() }).to_string()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (states, ran) = run(Path::new("target/pipeline")).await?;
    println!("{ran} rows ran");
    let mut means: Vec<(f64, &String)> =
        states.iter().map(|(state, sum)| (sum.km / f64::from(sum.airports), state)).collect();
    means.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (km, state) in means.iter().take(5) {
        println!("{state}: {km:.0} km on average");
    }
    Ok(())
}
