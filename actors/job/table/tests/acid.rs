//! The well-known trials of a CSV reader, and quotes that are wrong.

use super::*;

fn check(format: TableFormat, table: &str, rows: &[&[&str]]) {
    for reader in [Box::new(table.as_bytes()) as Box<dyn Read>, Box::new(Trickle(table.as_bytes(), false))] {
        let mut read = Table::open(reader, format, TableLimits::default(), None).unwrap();
        let cells = read.by_ref().map(|row| row.unwrap()).collect::<Vec<_>>();
        let cells = cells.iter().map(|row| row_cells(read.headers(), &row.json).unwrap());
        let read: Vec<_> = std::iter::once(read.headers().to_vec()).chain(cells).collect();
        assert_eq!(read, rows, "{table:?}");
    }
}

#[test]
fn every_trial_is_read_right() {
    let csv = |table: &str, rows: &[&[&str]]| check(TableFormat::Csv, table, rows);
    csv("a,b,c\n1,2,3\n", &[&["a", "b", "c"], &["1", "2", "3"]]);
    csv("a,b,c\n1,2,3", &[&["a", "b", "c"], &["1", "2", "3"]]);
    csv("a,b,c\r\n1,2,3\r\n", &[&["a", "b", "c"], &["1", "2", "3"]]);
    csv("a,b,c\r1,2,3\r4,5,6", &[&["a", "b", "c"], &["1", "2", "3"], &["4", "5", "6"]]);
    csv("a,b\r1,\"x\ry\"\r", &[&["a", "b"], &["1", "x\ry"]]);
    csv("a,b\n1,2\r\n3,4\r5,6", &[&["a", "b"], &["1", "2"], &["3", "4"], &["5", "6"]]);
    csv(
        "first,last\nJohn,\"120 any st.\nAnytown, WW\"\n",
        &[&["first", "last"], &["John", "120 any st.\nAnytown, WW"]],
    );
    csv("a,b\n1,\"ha \"\"ha\"\" ha\"\n", &[&["a", "b"], &["1", "ha \"ha\" ha"]]);
    csv("a,b\n1,\"\"\"\"\n", &[&["a", "b"], &["1", "\""]]);
    csv("a,b\n\"\"\"x\"\"\",\"\"\n", &[&["a", "b"], &["\"x\"", ""]]);
    csv(
        "a,b\n1,\"{\"\"type\"\": \"\"Point\"\", \"\"at\"\": [1.0, 2.0]}\"\n",
        &[&["a", "b"], &["1", r#"{"type": "Point", "at": [1.0, 2.0]}"#]],
    );
    csv("a,b,c\n1,\"\",\"\"\n2,3,4\n", &[&["a", "b", "c"], &["1", "", ""], &["2", "3", "4"]]);
    csv("a,b,c\n1,,\n,,4\n", &[&["a", "b", "c"], &["1", "", ""], &["", "", "4"]]);
    csv(
        "a,b\n1,\"Once upon \na time\"\r\n\"x\r\ny\",2\n",
        &[&["a", "b"], &["1", "Once upon \na time"], &["x\r\ny", "2"]],
    );
    csv("a,b,c\n1,2,3\n4,5,ʤ\n", &[&["a", "b", "c"], &["1", "2", "3"], &["4", "5", "ʤ"]]);
    csv("\u{feff}\"a\",b\n𝒳,\u{301}\n", &[&["a", "b"], &["𝒳", "\u{301}"]]);
    csv("a,b\n 1 ,\t2\t\n", &[&["a", "b"], &[" 1 ", "\t2\t"]]);
    csv("a;b,c\n'1,2'\n", &[&["a;b", "c"], &["'1", "2'"]]);
    csv("a\n\u{0}\n", &[&["a"], &["\u{0}"]]);
    csv("a,b", &[&["a", "b"]]);
    csv("\"a\"", &[&["a"]]);
}

#[test]
fn tabs_part_cells_as_commas_do() {
    let tsv = |table: &str, rows: &[&[&str]]| check(TableFormat::Tsv, table, rows);
    tsv("a\tb\n1,5\t2\n", &[&["a", "b"], &["1,5", "2"]]);
    tsv("a\tb\r\n\"x\ty\"\t\"\"\"\"", &[&["a", "b"], &["x\ty", "\""]]);
    assert_eq!(
        read_as(TableFormat::Tsv, "a\tb\n1\t5\" pipe\n", TableLimits::default(), None),
        "line 2, column 4: a quote in a cell that does not begin with one; quote the cell, and double the quote"
    );
}

#[test]
fn a_wrong_quote_is_refused_where_it_stands() {
    let open = |place: &str| format!("{place}: a quote that is never closed");
    let within = |place: &str| {
        format!("{place}: a quote in a cell that does not begin with one; quote the cell, and double the quote")
    };
    let behind =
        |place: &str| format!("{place}: text behind the quote that closes a cell; a quote within a cell is doubled");
    assert_eq!(read_plain("a,b\n1,\"2\n3,4\n"), open("line 2, column 3"));
    assert_eq!(read_plain("\"a,b\n"), open("line 1, column 1"));
    assert_eq!(read_plain("a,b\n1,2\n3,\""), open("line 3, column 3"));
    assert_eq!(read_plain("a,b\n1,\"x\"\"\n"), open("line 2, column 3"));
    assert_eq!(read_plain("a,b\n\"x\ny\",2\"\n"), within("line 3, column 5"));
    assert_eq!(read_plain("a,b\r\nö𝒳,5\" pipe\r\n"), within("line 2, column 5"));
    assert_eq!(read_plain("\u{feff}a\"\n"), within("line 1, column 2"));
    assert_eq!(read_plain("a,b\n1, \"2\"\n"), within("line 2, column 4"));
    assert_eq!(read_plain("a,b\n1,\"2\" \n"), behind("line 2, column 6"));
    assert_eq!(read_plain("a,b\n1,\"ha \"ha\" ha\"\n"), behind("line 2, column 8"));
    assert_eq!(read_plain("a\n\"\"x\n"), behind("line 2, column 3"));
}

#[test]
fn what_is_wrong_before_a_quote_is_told_first() {
    assert_eq!(read_plain("a,b\n1\n2,\"\n"), "line 2 has 1 field, the header has 2");
    assert_eq!(read_plain(b"a,b\n1,\xff\n2,x\"\n"), "invalid utf-8 at byte 6, in line 2");
    assert!(read_plain(b"a,b\n2,x\"\n1,\xff\n").starts_with("line 2, column 4: a quote"));
    assert_eq!(read_plain("a,a\n1,x\"\n"), "header \"a\" names column 1 and column 2");
}

#[test]
fn quotes_are_followed_from_one_buffer_into_the_next() {
    // A quote is the last byte of a buffer or the first, doubled or alone, at every place around its end.
    for filler in (64 << 10) - 12..(64 << 10) + 4 {
        let cell = "x".repeat(filler);
        let whole = format!("a,b\n{cell},\"y\"\"é\"\n");
        assert!(read_plain(&whole).ends_with("\"y\\\"é\"]\n"), "{filler}");
        let broken = format!("a,b\n{cell},\"y\"é\"\n");
        let column = filler + 5;
        assert_eq!(
            read_plain(&broken),
            format!(
                "line 2, column {column}: text behind the quote that closes a cell; a quote within a cell is doubled"
            )
        );
    }
}
