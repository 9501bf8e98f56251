//! Rows as an output's format has them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;
use understory_store::OutputKind;

use super::guard::guarded;
use super::json::{compact, entries};
use super::keys::column_names;
use super::{COLUMNS, ExportRow, Layout};

/// An output whose rows are being written to `W`.
#[derive(Debug)]
pub struct Sheet<W: Write>(Form<W>);

#[derive(Debug)]
enum Form<W: Write> {
    Csv(Csv<W>),
    JsonLines(W),
}

#[derive(Debug)]
struct Csv<W: Write> {
    writer: csv::Writer<W>,
    guard: bool,
    keys: Vec<String>,
}

impl<W: Write> Sheet<W> {
    /// Begins an output with its header, where it has one.
    pub fn begin(writer: W, layout: &Layout) -> io::Result<Self> {
        if layout.format.kind == OutputKind::JsonLines {
            return Ok(Sheet(Form::JsonLines(writer)));
        }
        // The writer behind it gathers what is written: a second place for that would only copy it.
        let writer = csv::WriterBuilder::new().flexible(true).from_writer(writer);
        let keys = if layout.format.expand { layout.keys.clone() } else { Vec::new() };
        let names = column_names(&layout.headers, &keys);
        let mut csv = Csv { writer, guard: layout.format.guard, keys };
        for name in layout.headers.iter().map(String::as_str).chain(COLUMNS).chain(names.iter().map(String::as_str)) {
            csv.field(name)?;
        }
        csv.end_of_row()?;
        Ok(Sheet(Form::Csv(csv)))
    }

    /// Writes one row.
    pub fn row(&mut self, row: &ExportRow<'_>) -> io::Result<()> {
        match &mut self.0 {
            Form::Csv(csv) => csv.row(row),
            Form::JsonLines(writer) => writer.write_all(json_line(row).as_bytes()),
        }
    }

    /// Hands on what was gathered.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Form::Csv(csv) => csv.writer.flush(),
            Form::JsonLines(writer) => writer.flush(),
        }
    }

    /// Ends it and gives back what it was written to.
    pub fn end(self) -> io::Result<W> {
        match self.0 {
            Form::Csv(csv) => csv.writer.into_inner().map_err(|error| error.into_error()),
            Form::JsonLines(writer) => Ok(writer),
        }
    }
}

impl<W: Write> Csv<W> {
    fn row(&mut self, row: &ExportRow<'_>) -> io::Result<()> {
        let result = row.result_json.map(compact).unwrap_or_default();
        let (row_index, attempt_count) = (row.row_index.to_string(), row.attempt_count.to_string());
        let (reported_at, completed_at) = (time(row.reported_at), time(row.completed_at));
        let columns: [&str; COLUMNS.len()] = [
            row.job_id,
            row.item_id,
            &row_index,
            row.source_id.unwrap_or_default(),
            row.status,
            &attempt_count,
            row.last_error.unwrap_or_default(),
            &result,
            &reported_at,
            &completed_at,
        ];
        for field in row.cells.iter().map(String::as_str).chain(columns) {
            self.field(field)?;
        }
        if !self.keys.is_empty() {
            // Of a key that is there twice the last counts, as for whoever parses the result.
            let values: HashMap<String, &str> = entries(&result).into_iter().collect();
            for at in 0..self.keys.len() {
                let value = values.get(&self.keys[at]);
                self.field(&value.map_or(Cow::Borrowed(""), |value| cell(value)))?;
            }
        }
        self.end_of_row()
    }

    fn field(&mut self, text: &str) -> io::Result<()> {
        let text = if self.guard { guarded(text) } else { Cow::Borrowed(text) };
        self.writer.write_field(text.as_bytes()).map_err(Into::into)
    }

    fn end_of_row(&mut self) -> io::Result<()> {
        self.writer.write_record(None::<&[u8]>).map_err(Into::into)
    }
}

/// A value of a result as a cell: a string as it is, nothing for null, anything else as its JSON text.
fn cell(json: &str) -> Cow<'_, str> {
    match json {
        "null" => Cow::Borrowed(""),
        _ if json.starts_with('"') => serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned),
        _ => Cow::Borrowed(json),
    }
}

/// A row as an object in a line. What is JSON already is put in as it is: numbers keep all their digits.
fn json_line(row: &ExportRow<'_>) -> String {
    let written = |time_: Option<u64>| time_.map(|_| time(time_));
    let parts = [
        ("row", compact(row.row_json)),
        (COLUMNS[0], json(&row.job_id)),
        (COLUMNS[1], json(&row.item_id)),
        (COLUMNS[2], json(&row.row_index)),
        (COLUMNS[3], json(&row.source_id)),
        (COLUMNS[4], json(&row.status)),
        (COLUMNS[5], json(&row.attempt_count)),
        (COLUMNS[6], json(&row.last_error)),
        ("result", row.result_json.map_or_else(|| "null".to_owned(), compact)),
        (COLUMNS[8], json(&written(row.reported_at))),
        (COLUMNS[9], json(&written(row.completed_at))),
    ];
    let parts: Vec<String> = parts.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}\n", parts.join(","))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers are written to memory")
}

/// Writes a time as RFC 3339 in UTC, to the millisecond; nothing for none.
pub(super) fn time(milliseconds: Option<u64>) -> String {
    let Some(milliseconds) = milliseconds else { return String::new() };
    match i64::try_from(milliseconds).map(jiff::Timestamp::from_millisecond) {
        Ok(Ok(time)) => format!("{time:.3}"),
        // No clock says so before the year 9999; the number is more use than an error at the end of a job.
        _ => milliseconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use understory_store::OutputFormat;

    use super::*;

    const ROW: ExportRow<'_> = ExportRow {
        cells: &[],
        row_json: r#"{ "id": "=7", "n": 1.50 }"#,
        job_id: "j1",
        item_id: "=7",
        row_index: 6,
        source_id: Some("=7"),
        status: "completed",
        attempt_count: 2,
        last_error: None,
        result_json: Some(r#"{ "km" : 12345678901234567890123, "who": "-ann", "id":[1, "a b"], "no": null }"#),
        reported_at: Some(7),
        completed_at: Some(7),
    };

    fn written(format: OutputFormat, keys: &[&str], row: ExportRow<'_>) -> String {
        let headers = vec!["id".to_owned(), "-n".to_owned()];
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        let mut sheet = Sheet::begin(Vec::new(), &Layout { headers, format, keys }).unwrap();
        let cells = ["=7".to_owned(), "-1.50".to_owned()];
        sheet.row(&ExportRow { cells: &cells, ..row }).unwrap();
        String::from_utf8(sheet.end().unwrap()).unwrap()
    }

    #[test]
    fn keys_of_results_are_columns_of_their_own() {
        let format = OutputFormat { expand: true, ..OutputFormat::default() };
        insta::assert_snapshot!(written(format, &["km", "who", "id", "no", "more"], ROW), @r#"
        id,-n,job_id,item_id,row_index,source_id,status,attempt_count,last_error,result_json,reported_at,completed_at,km,who,result.id,no,more
        =7,-1.50,j1,=7,6,=7,completed,2,,"{""km"":12345678901234567890123,""who"":""-ann"",""id"":[1,""a b""],""no"":null}",1970-01-01T00:00:00.007Z,1970-01-01T00:00:00.007Z,12345678901234567890123,-ann,"[1,""a b""]",,
        "#);
        let twice = ExportRow { result_json: Some(r#"{"who":"a","who":"b"}"#), ..ROW };
        assert!(written(format, &["who"], twice).ends_with("Z,b\n"), "the last counts");
        let none = ExportRow { result_json: None, ..ROW };
        assert!(written(format, &["km", "who"], none).ends_with("Z,,\n"));
        assert!(written(OutputFormat::default(), &["km"], ROW).contains("completed_at\n"), "only when asked");
    }

    #[test]
    fn a_guard_is_before_formulas_wherever_they_are() {
        let format = OutputFormat { guard: true, expand: true, ..OutputFormat::default() };
        let failed = ExportRow { last_error: Some("@no"), ..ROW };
        insta::assert_snapshot!(written(format, &["who", "=k"], failed), @r#"
        id,'-n,job_id,item_id,row_index,source_id,status,attempt_count,last_error,result_json,reported_at,completed_at,who,'=k
        '=7,-1.50,j1,'=7,6,'=7,completed,2,'@no,"{""km"":12345678901234567890123,""who"":""-ann"",""id"":[1,""a b""],""no"":null}",1970-01-01T00:00:00.007Z,1970-01-01T00:00:00.007Z,'-ann,
        "#);
    }

    #[test]
    fn a_line_of_json_keeps_types_and_digits() {
        let format = OutputFormat { kind: OutputKind::JsonLines, expand: true, guard: true, ..OutputFormat::default() };
        insta::assert_snapshot!(written(format, &["km"], ROW), @r#"{"row":{"id":"=7","n":1.50},"job_id":"j1","item_id":"=7","row_index":6,"source_id":"=7","status":"completed","attempt_count":2,"last_error":null,"result":{"km":12345678901234567890123,"who":"-ann","id":[1,"a b"],"no":null},"reported_at":"1970-01-01T00:00:00.007Z","completed_at":"1970-01-01T00:00:00.007Z"}"#);
        let open = ExportRow {
            source_id: None,
            last_error: Some("two\nlines"),
            result_json: None,
            reported_at: None,
            completed_at: None,
            ..ROW
        };
        let line = written(format, &[], open);
        assert!(
            line.ends_with(
                "\"last_error\":\"two\\nlines\",\"result\":null,\"reported_at\":null,\"completed_at\":null}\n"
            ),
            "{line}"
        );
    }
}
