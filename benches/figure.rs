//! Figures: what was reached, beside what, and against which aim.

use serde_json::{Value, json};

use crate::Bench;

/// The same figure from several rounds.
#[derive(Clone)]
pub(crate) struct Rounds(Vec<f64>);

/// What is aimed at.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    AtLeast(f64),
    AtMost(f64),
}

/// One line of the table.
pub(crate) struct Figure {
    workload: String,
    unit: &'static str,
    reached: Rounds,
    beside: Option<(&'static str, Rounds)>,
    aim: Option<Aim>,
}

/// Prints figures as they come.
pub(crate) struct Report {
    json: bool,
    missed: usize,
}

impl Rounds {
    pub(crate) fn one(value: f64) -> Self {
        Rounds(vec![value])
    }

    fn sorted(&self) -> Vec<f64> {
        let mut values = self.0.clone();
        values.sort_by(f64::total_cmp);
        values
    }

    fn median(&self) -> f64 {
        let values = self.sorted();
        match values.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => values[count / 2],
            count => values[count / 2 - 1].midpoint(values[count / 2]),
        }
    }

    fn range(&self) -> (f64, f64) {
        let values = self.sorted();
        (values.first().copied().unwrap_or(f64::NAN), values.last().copied().unwrap_or(f64::NAN))
    }

    fn over(&self, other: &Rounds) -> Rounds {
        Rounds(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }
}

impl FromIterator<f64> for Rounds {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        Rounds(values.into_iter().collect())
    }
}

impl Figure {
    pub(crate) fn new(workload: impl Into<String>, unit: &'static str, reached: Rounds) -> Self {
        Figure { workload: workload.into(), unit, reached, beside: None, aim: None }
    }

    /// The baseline, in the same unit, round for round.
    pub(crate) fn beside(mut self, name: &'static str, rounds: Rounds) -> Self {
        self.beside = Some((name, rounds));
        self
    }

    pub(crate) fn aim(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }

    fn ratio(&self) -> Option<Rounds> {
        self.beside.as_ref().map(|(_, rounds)| self.reached.over(rounds))
    }

    fn met(&self) -> Option<bool> {
        let ratio = || self.ratio().map_or(f64::NAN, |ratio| ratio.median());
        self.aim.map(|aim| match aim {
            Aim::RatioAtLeast(least) => ratio() >= least,
            Aim::RatioAtMost(most) => ratio() <= most,
            Aim::AtLeast(least) => self.reached.median() >= least,
            Aim::AtMost(most) => self.reached.median() <= most,
        })
    }

    fn line(&self) -> String {
        let beside = self.beside.as_ref().map_or(String::new(), |(name, rounds)| format!("{name} {}", words(rounds)));
        let ratio = self.ratio().map_or(String::new(), |ratio| format!("{}x", words(&ratio)));
        let aim = match (self.aim.map(Aim::words), self.met()) {
            (Some(aim), Some(true)) => format!("{aim} met"),
            (Some(aim), _) => format!("{aim} MISSED"),
            (None, _) => String::new(),
        };
        let reached = format!("{} {}", words(&self.reached), self.unit);
        format!("{:<40} {reached:<32} {beside:<42} {ratio:<20} {aim}", self.workload)
    }

    fn json(&self) -> Value {
        let rounds = |rounds: &Rounds| {
            let (min, max) = rounds.range();
            json!({"median": rounds.median(), "min": min, "max": max})
        };
        json!({
            "workload": self.workload,
            "unit": self.unit,
            "reached": rounds(&self.reached),
            "baseline": self.beside.as_ref().map(|(name, _)| *name),
            "beside": self.beside.as_ref().map(|(_, beside)| rounds(beside)),
            "ratio": self.ratio().as_ref().map(rounds),
            "aim": self.aim.map(Aim::words),
            "met": self.met(),
        })
    }
}

impl Aim {
    fn words(self) -> String {
        match self {
            Aim::RatioAtLeast(value) => format!(">= {value}x"),
            Aim::RatioAtMost(value) => format!("<= {value}x"),
            Aim::AtLeast(value) => format!(">= {}", number(value)),
            Aim::AtMost(value) => format!("<= {}", number(value)),
        }
    }
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Report { json, missed: 0 }
    }

    pub(crate) fn head(&self, bench: &Bench) {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let Bench { place, rounds, long } = bench;
        let file_system = &place.file_system;
        match self.json {
            true => println!("{}", json!({"file_system": file_system, "cores": cores, "rounds": rounds, "long": long})),
            false => println!("on {file_system}, {cores} cores, median of {rounds} rounds (min-max)\n"),
        }
    }

    pub(crate) fn figure(&mut self, figure: &Figure) {
        self.missed += usize::from(figure.met() == Some(false));
        match self.json {
            true => println!("{}", figure.json()),
            false => println!("{}", figure.line()),
        }
    }

    /// Says why something was not measured.
    pub(crate) fn skipped(&self, workload: &str, reason: &str) {
        match self.json {
            true => println!("{}", json!({"workload": workload, "skipped": reason})),
            false => println!("{workload:<40} not measured: {reason}"),
        }
    }

    pub(crate) fn end(&self) {
        if !self.json {
            println!("\n{} aims missed", self.missed);
        }
    }
}

fn words(rounds: &Rounds) -> String {
    let (min, max) = rounds.range();
    match min == max {
        true => number(min),
        false => format!("{} ({}-{})", number(rounds.median()), number(min), number(max)),
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000.0 => format!("{:.1}k", value / 1000.0),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
