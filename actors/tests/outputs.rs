//! What a job's output is written as, from results of every size.

use understory_store::{GrowthOrder, OutputFormat, OutputKind};

use super::table::Table;
use super::world::World;
use crate::brain::{Response, Turn};
use crate::job::JobRequest;

/// Longer than what a record holds itself.
const LONG: usize = 5000;

/// Runs a job of three rows whose second result is too long for its record, and reads the output.
async fn output(output_format: OutputFormat) -> String {
    let long = "x".repeat(LONG);
    let world = World::setting().brain("worker", move |turn: Turn| {
        let number = turn.row().map_or(0, |row| row.number);
        let result = match number {
            1 => serde_json::json!({ "a": 1, "n": "=1" }),
            2 => serde_json::json!({ "long": long, "a": 2 }),
            _ => serde_json::json!({ "b": [number] }),
        };
        async move { Ok(Response::report(result.to_string())) }
    });
    let world = world.open().await;
    let table = Table::of(3);
    world.run_job(JobRequest { output_format, ..table.request("worker") }).await;
    world.end().await;
    std::fs::read_to_string(table.output_path()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_columns_are_the_keys_of_all_results() {
    let text = output(OutputFormat { expand: true, ..OutputFormat::default() }).await;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    assert_eq!(headers.iter().skip(12).collect::<Vec<_>>(), ["a", "result.n", "long", "b"]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cells = |row: usize| rows[row].iter().skip(12).map(|cell| &cell[..cell.len().min(3)]).collect::<Vec<_>>();
    assert_eq!([cells(0), cells(1), cells(2)], [["1", "=1", "", ""], ["2", "", "xxx", ""], ["", "", "", "[3]"]]);
    assert_eq!(rows[1][14].len(), LONG, "what lies beside the record is all there");
}

#[tokio::test(start_paused = true)]
async fn a_host_has_cells_and_results_verbatim() {
    let text = output(OutputFormat::default()).await;
    assert!(text.lines().nth(1).unwrap().contains(r#""{""a"":1,""n"":""=1""}""#), "{text}");
    let text = output(OutputFormat { kind: OutputKind::JsonLines, ..OutputFormat::default() }).await;
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["result"]["long"].as_str().unwrap().len(), LONG);
    assert_eq!(
        (&lines[2]["row"], &lines[2]["result"]),
        (&serde_json::json!({ "id": "a3", "n": "3" }), &serde_json::json!({ "b": [3] }))
    );
}

#[tokio::test(start_paused = true)]
async fn rows_of_long_results_are_all_there_in_order() {
    const ROWS: u32 = 24;
    let world = World::setting().brain("worker", move |turn: Turn| {
        let number = turn.row().map_or(0, |row| row.number);
        let result = serde_json::json!({ "n": number, "long": "x".repeat(100_000) });
        async move { Ok(Response::report(result.to_string())) }
    });
    let (world, table) = (world.open().await, Table::of(ROWS));
    for grows in [None, Some(GrowthOrder::Rows)] {
        let output_format = OutputFormat { kind: OutputKind::JsonLines, grows, ..OutputFormat::default() };
        world.run_job(JobRequest { output_format, name: None, ..table.request("worker") }).await;
        let text = std::fs::read_to_string(table.output_path()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let numbers: Vec<_> = lines.iter().filter_map(|line| line["result"]["n"].as_u64()).collect();
        assert_eq!(numbers, (1..=u64::from(ROWS)).collect::<Vec<_>>(), "{grows:?}");
    }
    world.end().await;
}
