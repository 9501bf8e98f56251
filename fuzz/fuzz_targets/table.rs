//! The readers of tables: what the first pass takes, the second yields, row by row; what it refuses, that refuses alike.
//!
//! The first byte says the format and whether ids come from the column `id`; the rest is the table. The limits are small, so
//! that they are met.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use understory_actors::job::table::{Row, Table, TableError, TableLimits, row_cells, scan};
use understory_store::TableFormat;

const LIMITS: TableLimits = TableLimits { columns: 16, rows: 64, row_bytes: 512 };

fuzz_target!(|input: &[u8]| {
    let Some((first, bytes)) = input.split_first() else { return };
    let format = match first % 4 {
        0 => TableFormat::Csv,
        1 => TableFormat::Tsv,
        2 => TableFormat::JsonLines,
        _ => TableFormat::JsonArray,
    };
    let id_column = (first & 4 != 0).then_some("id");
    let read = Table::open(bytes, format, LIMITS, id_column).and_then(|mut table| {
        let rows = table.by_ref().collect::<Result<Vec<Row>, TableError>>()?;
        Ok((rows, table.summary()))
    });
    match (scan(bytes, format, LIMITS, id_column), read) {
        (Ok(scanned), Ok((rows, summary))) => {
            assert_eq!(Some(&scanned), summary.as_ref());
            assert_eq!(scanned.rows as usize, rows.len());
            let ids: HashSet<&str> = rows.iter().map(|row| row.item_id.as_str()).collect();
            assert_eq!(ids.len(), rows.len(), "two rows have one id");
            for row in &rows {
                assert!(row.json.len() <= LIMITS.row_bytes);
                let cells = row_cells(&scanned.headers, &row.json).expect("a row that was read is kept");
                assert_eq!(cells.len(), scanned.headers.len());
            }
        }
        (Err(scanned), Err(read)) => assert_eq!(scanned.to_string(), read.to_string()),
        (scanned, read) => panic!("the passes differ: {scanned:?}, {read:?}"),
    }
});
