use std::collections::HashSet;
use std::io::Read;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sha2::{Digest, Sha256};

use super::*;

mod acid;
mod json;

/// Reads a whole table and prints it, or its error, in one line each; both passes must agree.
fn read_as(format: TableFormat, bytes: impl AsRef<[u8]>, limits: TableLimits, id_column: Option<&str>) -> String {
    let bytes = bytes.as_ref();
    let rows = Table::open(bytes, format, limits, id_column).and_then(|mut table| {
        let rows = table.by_ref().collect::<Result<Vec<Row>, TableError>>()?;
        Ok((rows, table.headers().to_vec()))
    });
    let scanned = scan(bytes, format, limits, id_column);
    match (rows, scanned) {
        (Ok((rows, headers)), Ok(summary)) => {
            assert_eq!(summary.rows as usize, rows.len());
            assert_eq!(summary.headers, headers);
            let cells = |row: &Row| row_cells(&headers, &row.json).unwrap();
            rows.iter()
                .map(|row| format!("{} line {} {} {:?}\n", row.number, row.line, row.item_id, cells(row)))
                .collect()
        }
        (Err(error), Err(scanned)) => {
            assert_eq!(error.to_string(), scanned.to_string());
            error.to_string()
        }
        (rows, scanned) => panic!("the passes differ: {rows:?}, {scanned:?}"),
    }
}

fn read(bytes: impl AsRef<[u8]>, limits: TableLimits, id_column: Option<&str>) -> String {
    read_as(TableFormat::Csv, bytes, limits, id_column)
}

fn read_plain(bytes: impl AsRef<[u8]>) -> String {
    read(bytes, TableLimits::default(), None)
}

/// A table of the default limits.
fn open<R: Read>(reader: R, id_column: Option<&str>) -> Result<Table<R>, TableError> {
    Table::open(reader, TableFormat::Csv, TableLimits::default(), id_column)
}

fn scan_plain<R: Read>(reader: R, id_column: Option<&str>) -> Result<Summary, TableError> {
    scan(reader, TableFormat::Csv, TableLimits::default(), id_column)
}

fn item_ids(text: &str, id_column: &str) -> Vec<String> {
    open(text.as_bytes(), Some(id_column)).unwrap().map(|row| row.unwrap().item_id).collect()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// A reader that gives one byte at a time, and is interrupted before each.
struct Trickle<'a>(&'a [u8], bool);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.0.len().min(1);
        self.0.read(&mut into[..length])
    }
}

/// J7
#[test]
fn quoted_commas_quotes_and_breaks_survive() {
    let text = "name,note\n\"Bay, Springs\",\"the \"\"pine\"\" belt\"\n\"two\r\nlines\", kept \n";
    insta::assert_snapshot!(read_plain(text), @r#"
    1 line 2 row-1 ["Bay, Springs", "the \"pine\" belt"]
    2 line 3 row-2 ["two\r\nlines", " kept "]
    "#);
    assert_eq!(read_plain("a,b\r\n1,\"x\"\r\n"), "1 line 2 row-1 [\"1\", \"x\"]\n");
}

/// J5
#[test]
fn an_id_that_is_taken_gets_the_first_free_suffix() {
    assert_eq!(item_ids("id\nfoo\nfoo\n", "id"), ["foo", "foo-2"]);
    assert_eq!(item_ids("id\nfoo\nfoo-2\nfoo\nfoo-2\nfoo\n", "id"), ["foo", "foo-2", "foo-3", "foo-2-2", "foo-4"]);
    assert_eq!(item_ids("id,x\nrow-2,a\n,b\nrow-2,c\n", "id"), ["row-2", "row-2-2", "row-2-3"]);
}

#[test]
fn an_id_on_every_row_is_not_counted_up_from_two_each_time() {
    let ids = item_ids(&("id\n".to_owned() + &"foo\n".repeat(200_000)), "id");
    assert_eq!(ids.last().unwrap(), "foo-200000");
}

#[test]
fn a_blank_cell_is_no_id_and_another_is_kept_untrimmed() {
    let text = "id,x\n \t,a\n foo ,b\n";
    let rows = open(text.as_bytes(), Some("id")).unwrap().map(Result::unwrap);
    let ids: Vec<_> = rows.map(|row| (row.item_id, row.source_id)).collect();
    assert_eq!(ids, [("row-1".to_owned(), None), (" foo ".to_owned(), Some(" foo ".to_owned()))]);
}

#[test]
fn empty_rows_are_skipped_and_not_numbered() {
    let text = "a,b\n\n1,2\n,\n\"\",\"\"\n , \n\r\n,,,,\n3,4";
    insta::assert_snapshot!(read_plain(text), @r#"
    1 line 3 row-1 ["1", "2"]
    2 line 6 row-2 [" ", " "]
    3 line 9 row-3 ["3", "4"]
    "#);
}

#[test]
fn a_byte_order_mark_goes_from_the_first_header_only() {
    let text = "\u{feff}a,\u{feff}b\n\u{feff}1,2\n";
    for reader in [Box::new(text.as_bytes()) as Box<dyn Read>, Box::new(Trickle(text.as_bytes(), false))] {
        let mut table = open(reader, None).unwrap();
        assert_eq!(table.headers(), ["a", "\u{feff}b"]);
        assert_eq!(table.next().unwrap().unwrap().json, "{\"a\":\"\u{feff}1\",\"\u{feff}b\":\"2\"}");
    }
    assert_eq!(open("\u{feff}\"a b\"\n".as_bytes(), None).unwrap().headers(), ["a b"]);
}

#[test]
fn a_header_alone_is_a_table_without_rows() {
    for text in ["a, b ", "a, b \n", "\n\na, b \r\n\r\n"] {
        let summary = scan_plain(text.as_bytes(), Some(" b ")).unwrap();
        assert_eq!((summary.headers, summary.rows), (strings(&["a", " b "]), 0));
    }
    assert_eq!(read_plain("a,\n1,2\n"), "1 line 2 row-1 [\"1\", \"2\"]\n");
}

#[test]
fn a_table_without_a_header_is_refused() {
    for text in ["", "\n", "\r\n\n", "\u{feff}"] {
        assert_eq!(read_plain(text), "no header: the table has no line that is not blank", "{text:?}");
    }
}

/// J11
#[test]
fn a_header_that_is_there_twice_is_refused() {
    assert_eq!(read_plain("a,b,a\n1,2,3\n"), "header \"a\" names column 1 and column 3");
    assert_eq!(read_plain("a,,b,\n"), "header \"\" names column 2 and column 4");
    assert_eq!(read_plain("a,A, a\n1,2,3\n"), "1 line 2 row-1 [\"1\", \"2\", \"3\"]\n");
}

#[test]
fn an_unknown_id_column_is_refused_with_those_there_are() {
    let limits = TableLimits::default();
    assert_eq!(read("a,b\n", limits, Some("A")), "id column \"A\" is not in the table, which has \"a\", \"b\"");
    let wide = (1..=25).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    insta::assert_snapshot!(read(wide, limits, Some("x")), @r#"id column "x" is not in the table, which has "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "c13", "c14", "c15", "c16", "c17", "c18", "c19", "c20" and 5 more"#);
}

#[test]
fn a_ragged_row_is_refused_with_its_line() {
    assert_eq!(read_plain("a,b\n1,2\n3\n"), "line 3 has 1 field, the header has 2");
    assert_eq!(
        read_plain("\r\n\"a\r\nx\",b\r\n\r\n1,\"2\r\n2\"\r\n,\r\n\r\n1,2,3\r\n"),
        "line 9 has 3 fields, the header has 2"
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_offset() {
    assert_eq!(read_plain(b"a,b\n1,2\n3,\xff\n"), "invalid utf-8 at byte 10, in line 3");
    assert_eq!(read_plain(b"\xff"), "invalid utf-8 at byte 0, in line 1");
    assert_eq!(read_plain(b"\xef\xbb\xbfa\n\xc3\n"), "invalid utf-8 at byte 5, in line 2");
    assert_eq!(read_plain(b"a\n1\n\xf0\x9f\x98"), "invalid utf-8 at byte 4, in line 3");
    // The first fault in the file is the one that is told.
    assert_eq!(read_plain(b"a,b\n1\n3,\xff\n"), "line 2 has 1 field, the header has 2");

    let mut long = "a,b\n".to_owned() + &"ä,ö\n".repeat(100_000);
    let at = long.len();
    long.push_str("x,");
    let long = [long.as_bytes(), b"\xe4\n"].concat();
    assert_eq!(read_plain(long), format!("invalid utf-8 at byte {}, in line 100002", at + 2));
}

#[test]
fn every_limit_is_exact_and_named() {
    let limits = TableLimits { columns: 3, rows: 2, row_bytes: 40 };
    let check = |text: &str| read(text, limits, None);

    assert!(check("a,b,c\n1,2,3\n").starts_with("1 line 2"));
    assert_eq!(check("a,b,c,d\n"), "the header has 4 columns, the limit is 3");

    assert!(check("a\n1\n\n\"\"\n2\n\n").starts_with("1 line 2"));
    assert_eq!(check("a\n1\n2\n\n3\n"), "line 5 is one row too many, the limit is 2 rows");

    // {"a":"…","b":""} has 15 bytes around the cell.
    let too_large = "the row at line 3 is too large, the limit is 40 bytes as json; a quote may have been left open";
    assert!(check(&format!("a,b\n\n{},\n", "x".repeat(25))).starts_with("1 line 3"));
    assert_eq!(check(&format!("a,b\n\n{},\n", "x".repeat(26))), too_large);
    assert!(check(&format!("a,b\n\n{}\u{1},\n", "x".repeat(19))).starts_with("1 line 3"));
    assert_eq!(check(&format!("a,b\n\n{}\u{1},\n", "x".repeat(20))), too_large);

    let header = "the row at line 1 is too large, the limit is 40 bytes as json; a quote may have been left open";
    assert_eq!(check(&"a".repeat(33)), "");
    assert_eq!(check(&"a".repeat(34)), header);
}

#[test]
fn the_limits_of_a_job_are_the_default() {
    let columns = |count: usize| (1..=count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    assert_eq!(read_plain(columns(16_384)), "");
    assert_eq!(read_plain(columns(16_385)), "the header has 16385 columns, the limit is 16384");
    let row = |bytes: usize| format!("a\n{}\n", "x".repeat(bytes - r#"{"a":""}"#.len()));
    assert!(read_plain(row(262_144)).starts_with("1 line 2"));
    assert!(read_plain(row(262_145)).contains("the limit is 262144 bytes"));
    assert_eq!(TableLimits::default().rows, 10_000_000);
}

/// A reader that goes on with one byte for four million, and counts what was taken.
struct Endless<'a> {
    start: &'a [u8],
    then: u8,
    taken: u64,
}

impl Read for &mut Endless<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match self.start.read(into)? {
            0 => io::repeat(self.then).take((4_u64 << 20).saturating_sub(self.taken)).read(into)?,
            read => read,
        };
        self.taken += read as u64;
        Ok(read)
    }
}

#[test]
fn a_record_that_does_not_end_is_refused_early() {
    for (start, then, line) in [("a,b\n1,2\n\n\n\"", b'\n', 5), ("a,b\n1,", b'2', 2), ("", b',', 1), ("\"", b'"', 1)] {
        let mut endless = Endless { start: start.as_bytes(), then, taken: 0 };
        let error = scan_plain(&mut endless, None).unwrap_err();
        assert!(error.to_string().starts_with(&format!("the row at line {line} is too large")), "{error}");
        assert!(endless.taken < 512 << 10, "{} bytes were read", endless.taken);
    }
}

#[test]
fn blank_lines_are_no_record_however_many() {
    let text = "a,b\n1,2\n".to_owned() + &"\r\n".repeat(300_000) + "3,4\n";
    assert!(read_plain(text).ends_with("2 line 300003 row-2 [\"3\", \"4\"]\n"));
}

#[test]
fn a_summary_is_that_of_the_bytes() {
    let text = "\u{feff}a,b\r\n1,\"2\"\r\n\r\n".to_owned();
    let summary = scan_plain(text.as_bytes(), None).unwrap();
    let sha256: [u8; 32] = Sha256::digest(&text).into();
    assert_eq!(summary, Summary { headers: strings(&["a", "b"]), rows: 1, bytes: text.len() as u64, sha256 });

    let mut table = open(text.as_bytes(), None).unwrap();
    assert_eq!(table.summary(), None);
    assert_eq!(table.by_ref().count(), 1);
    assert_eq!(table.summary(), Some(summary));
}

#[test]
fn a_table_ends_at_its_first_error_and_is_not_summed_up() {
    let mut table = open("a,b\n1\n2,3\n".as_bytes(), None).unwrap();
    assert!(table.next().unwrap().is_err());
    assert!(table.next().is_none());
    assert_eq!(table.summary(), None);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let told = |path: &Path| {
        open_file(path).unwrap_err().to_string().replace(&directory.path().display().to_string(), "[dir]")
    };
    assert_eq!(told(&directory.path().join("none.csv")), "table [dir]/none.csv does not exist");
    assert_eq!(told(directory.path()), "failed to open table [dir]");

    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the cable is out"))
        }
    }
    let error = scan_plain(Broken, None).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!((error.to_string(), source), ("failed to read the table".to_owned(), "the cable is out".to_owned()));
}

#[test]
fn a_stored_row_that_is_no_object_is_told() {
    let told = |json: &str| row_cells(&strings(&["a"]), json).unwrap_err().to_string();
    assert_eq!(
        told("[]"),
        "failed to read a stored row: invalid type: sequence, expected an object at line 1 column 0"
    );
    assert_eq!(told("{\"a\""), "failed to read a stored row: EOF while parsing an object at line 1 column 4");
}

/// The rule of the ids, with every id kept.
fn ids_kept_whole(wanted: &[String]) -> Vec<String> {
    let mut used = HashSet::new();
    let claim = |wanted: &String| {
        let suffixed = (2..).map(|suffix| format!("{wanted}-{suffix}"));
        let id = std::iter::once(wanted.clone()).chain(suffixed).find(|id| !used.contains(id)).unwrap();
        used.insert(id.clone());
        id
    };
    wanted.iter().map(claim).collect()
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof!["[ab,\"\r\n é]{0,4}", any::<String>()]
}

fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    (1..5usize).prop_flat_map(|columns| vec(vec(cell(), columns), 0..8))
}

/// A table as text, written with `break_` between the records, and the line that each record starts on.
fn written(rows: &[Vec<String>], break_: &str) -> (String, Vec<u64>) {
    let (mut text, mut lines) = (String::new(), Vec::new());
    for row in rows {
        lines.push(1 + text.matches('\n').count() as u64);
        let cells: Vec<String> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        text += &(cells.join(",") + break_);
    }
    (text, lines)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_text_is_read_or_refused(
        bytes in prop_oneof![vec(any::<u8>(), 0..200), "[a,\t\"\r\n]{0,40}".prop_map(String::into_bytes)],
    ) {
        read_as(TableFormat::Tsv, &bytes, TableLimits::default(), None);
        read_plain(bytes);
    }

    #[test]
    fn what_was_written_is_read_with_its_lines(
        rows in table(),
        break_ in prop_oneof!["\n", "\r\n", "\n\n\r\n"],
        trickled in any::<bool>(),
    ) {
        let header: Vec<String> = (0..rows.first().map_or(1, Vec::len)).map(|n| format!("h\n{n}")).collect();
        let (text, lines) = written(&[std::slice::from_ref(&header), &rows].concat(), &break_);
        let reader: Box<dyn Read> = match trickled {
            true => Box::new(Trickle(text.as_bytes(), false)),
            false => Box::new(text.as_bytes()),
        };
        let table = open(reader, None).unwrap();
        prop_assert_eq!(table.headers(), &header[..]);
        let read: Vec<_> = table.map(|row| row.unwrap()).map(|row| (row.line, row_cells(&header, &row.json).unwrap())).collect();
        let filled = |(_, cells): &(u64, Vec<String>)| cells.iter().any(|cell| !cell.is_empty());
        let wanted: Vec<_> = lines[1..].iter().copied().zip(rows).filter(filled).collect();
        prop_assert_eq!(read, wanted);
    }

    #[test]
    fn ids_are_those_of_a_set_that_keeps_them_whole(
        wanted in vec(prop_oneof!["[ab](-[23]){0,2}", "row-[1-9]", Just(String::new())], 0..40),
    ) {
        let text = "id,x\n".to_owned() + &wanted.iter().map(|id| format!("{id},x\n")).collect::<String>();
        let base = |(id, number): (&String, usize)| if id.is_empty() { format!("row-{number}") } else { id.clone() };
        let bases: Vec<String> = wanted.iter().zip(1..).map(base).collect();
        prop_assert_eq!(item_ids(&text, "id"), ids_kept_whole(&bases));
    }

    #[test]
    fn a_row_comes_back_from_json_in_order(row in vec((any::<String>(), any::<String>()), 0..8)) {
        let mut seen = HashSet::new();
        let once = row.into_iter().filter(|(header, _)| seen.insert(header.clone()));
        let (headers, cells): (Vec<String>, Vec<String>) = once.unzip();
        let json = row_json(&headers, cells.iter().map(String::as_str));
        let parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(parsed.keys().collect::<Vec<_>>(), headers.iter().collect::<Vec<_>>());
        prop_assert_eq!(row_cells(&headers, &json).unwrap(), cells);
    }
}

#[test]
fn what_holds_no_row_has_an_end() {
    let limits = TableLimits { columns: 9, rows: 9, row_bytes: 64 };
    for (format, begin, nothing) in [
        (TableFormat::Csv, "id,n\na,1\n", "\n"),
        (TableFormat::Csv, "id,n\na,1\n", ",\n"),
        (TableFormat::JsonLines, "{\"id\":\"a\"}\n", "\n"),
        (TableFormat::JsonArray, "[{\"id\":\"a\"}", " "),
    ] {
        // Without an end at all if nobody finds one.
        let endless = begin.as_bytes().chain(Repeat(nothing, 0));
        let error = scan(endless.take(1 << 20), format, limits, None).unwrap_err();
        assert!(matches!(error, TableError::NoRows { .. }), "{format:?}: {error}");
        let some = format!("{begin}{}", nothing.repeat(9000));
        let read = scan(some.as_bytes(), format, limits, None);
        assert!(!matches!(read, Err(TableError::NoRows { .. })), "{format:?}: {read:?}");
    }
}

/// The same text again and again.
struct Repeat(&'static str, usize);

impl Read for Repeat {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        for byte in &mut *into {
            *byte = self.0.as_bytes()[self.1 % self.0.len()];
            self.1 += 1;
        }
        Ok(into.len())
    }
}
