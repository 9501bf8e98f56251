//! A table to import.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::Outcome;

/// The columns.
pub(crate) const HEADERS: [&str; 5] = ["id", "name", "city", "latitude", "longitude"];

/// The cells of row `n`, counted from 1.
pub(crate) fn cells(n: u32) -> [String; 5] {
    let (latitude, longitude) = (f64::from(n % 180) - 89.5, f64::from(n % 360) - 179.5);
    [
        format!("port-{n}"),
        format!("Airfield number {n}"),
        format!("Town {}", n % 977),
        format!("{latitude:.4}"),
        format!("{longitude:.4}"),
    ]
}

/// Row `n` as a worker gets it.
pub(crate) fn json(n: u32) -> String {
    let cells = cells(n);
    let cells = HEADERS.iter().zip(&cells).map(|(name, cell)| format!("{name:?}:{cell:?}"));
    format!("{{{}}}", cells.collect::<Vec<_>>().join(","))
}

/// Writes a table of so many rows.
pub(crate) fn write(path: &Path, rows: u32) -> Outcome<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{}", HEADERS.join(","))?;
    for n in 1..=rows {
        writeln!(file, "{}", cells(n).join(","))?;
    }
    file.flush()?;
    Ok(())
}
