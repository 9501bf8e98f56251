//! The arguments that say how an output is written.

use std::path::Path;

use clap::{Args, ValueEnum};
use understory::{OutputFormat, OutputKind};
use understory_server::{Code, Failure};

/// Ends of names that say what no output is written as.
const OTHER_FORMATS: [&str; 20] = [
    "json", "tsv", "tab", "xls", "xlsx", "xlsm", "ods", "parquet", "arrow", "feather", "avro", "orc", "xml", "yaml",
    "yml", "sqlite", "db", "gz", "zip", "zst",
];

/// How an output is written.
#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// What the output is written as; what --out ends in says it too (.jsonl, .ndjson), and else it is csv
    #[arg(long, value_name = "FORMAT")]
    pub(crate) out_format: Option<OutFormat>,
    /// Give the keys of results columns of their own in csv, the first 1,024; in jsonl a result is an object anyway
    #[arg(long)]
    pub(crate) expand: bool,
    /// Write cells as they are: without it, one that a spreadsheet would take for a formula gets a ' before it in csv
    #[arg(long)]
    pub(crate) no_guard: bool,
}

/// What an output is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutFormat {
    /// Comma-separated values with a header
    Csv,
    /// A JSON object a line
    Jsonl,
}

impl OutputArguments {
    /// The format of an output that goes to `out`. A name that says another is refused, unless it is said in so many words.
    pub(crate) fn format(&self, out: Option<&Path>) -> Result<OutputFormat, Failure> {
        let refused = |message: String| Err(Failure::new(Code::Usage, message));
        if out == Some(Path::new("-")) {
            return refused("the output goes to a file, not to stdout: ./- is one of that name".to_owned());
        }
        let end = out.and_then(Path::extension).map(|end| end.to_string_lossy().to_ascii_lowercase());
        if let (Some(end), None) = (end.filter(|end| OTHER_FORMATS.contains(&end.as_str())), self.out_format) {
            return refused(format!(
                "an output is CSV or JSON lines, not .{end}: say --out-format csv or jsonl, or another name"
            ));
        }
        let kind = match self.out_format {
            Some(OutFormat::Csv) => OutputKind::Csv,
            Some(OutFormat::Jsonl) => OutputKind::JsonLines,
            None => OutputKind::of_name(&out.unwrap_or(Path::new("")).to_string_lossy()),
        };
        // Of no use in JSON lines: what says the same shall be the same command.
        let csv = kind == OutputKind::Csv;
        Ok(OutputFormat { kind, expand: self.expand && csv, guard: !self.no_guard && csv, grows: None })
    }
}
