//! Tables of JSON objects.

use super::*;

fn lines(text: impl AsRef<[u8]>) -> String {
    read_as(TableFormat::JsonLines, text, TableLimits::default(), None)
}

fn array(text: impl AsRef<[u8]>) -> String {
    read_as(TableFormat::JsonArray, text, TableLimits::default(), None)
}

/// The rows of a table as they are kept.
fn kept(format: TableFormat, text: &str) -> Vec<String> {
    let rows = |reader: Box<dyn Read>| {
        let table = Table::open(reader, format, TableLimits::default(), None).unwrap();
        table.map(|row| row.unwrap().json).collect::<Vec<String>>()
    };
    let read = rows(Box::new(text.as_bytes()));
    assert_eq!(rows(Box::new(Trickle(text.as_bytes(), false))), read);
    read
}

#[test]
fn a_row_keeps_its_types_and_loses_its_blanks() {
    let check = |format, text: &str| {
        let wanted =
            [r#"{"id":"a","n":1,"x":[1.50,{"y":null}],"big":12345678901234567890123}"#, r#"{"n":true,"id":"b"}"#];
        assert_eq!(kept(format, text), wanted, "{text}");
    };
    let (first, second) = (
        "{\"id\": \"a\", \"n\":1, \"x\" : [ 1.50, {\"y\":null} ],\t\"big\":12345678901234567890123}",
        "{\"n\":true, \"id\":\"b\"}",
    );
    check(TableFormat::JsonLines, &format!("{first}\n{second}\n"));
    check(TableFormat::JsonLines, &format!("\u{feff}\n  \r\n {first} \r\n\n{second}"));
    check(TableFormat::JsonArray, &format!("[{first},{second}]"));
    check(TableFormat::JsonArray, &format!("\u{feff} [\n  {first}\n,\r\n{} ] \n", second.replace(' ', "\n")));
}

#[test]
fn columns_are_the_keys_as_they_first_appear_and_cells_their_text() {
    let text = "{\"b\":1,\"a\":\"x\"}\n\n{}\n{\"c\":[1, \"é\"],\"a\":null}\n{\"b\":\"\",\"d e\":\"\\u0041\\n{\"}\n";
    insta::assert_snapshot!(lines(text), @r#"
    1 line 1 row-1 ["1", "x", "", ""]
    2 line 3 row-2 ["", "", "", ""]
    3 line 4 row-3 ["", "null", "[1,\"é\"]", ""]
    4 line 5 row-4 ["", "", "", "A\n{"]
    "#);
    let summary = scan(text.as_bytes(), TableFormat::JsonLines, TableLimits::default(), None).unwrap();
    assert_eq!(summary.headers, ["b", "a", "c", "d e"]);
}

#[test]
fn ids_come_from_cells_of_any_type() {
    let ids = |text: &str| {
        let table = Table::open(text.as_bytes(), TableFormat::JsonArray, TableLimits::default(), Some("id")).unwrap();
        table.map(|row| row.unwrap()).map(|row| (row.item_id, row.source_id)).collect::<Vec<_>>()
    };
    let text = r#"[{"id":7},{"id":"7"},{"id":null},{},{"id":" "},{"id":[1, 2]},{"id":"row-3"}]"#;
    let some = |cell: &str| Some(cell.to_owned());
    let wanted = [
        ("7", some("7")),
        ("7-2", some("7")),
        ("row-3", None),
        ("row-4", None),
        ("row-5", None),
        ("[1,2]", some("[1,2]")),
        ("row-3-2", some("row-3")),
    ];
    assert_eq!(ids(text), wanted.map(|(id, cell)| (id.to_owned(), cell)));
    let unknown = read_as(TableFormat::JsonArray, "[{\"a\":1},{\"b\":1}]", TableLimits::default(), Some("id"));
    assert_eq!(unknown, "id column \"id\" is not in the table, which has \"a\", \"b\"");
}

#[test]
fn a_table_without_rows_is_one() {
    for text in ["", "\n\r\n \n", "\u{feff}"] {
        assert_eq!(read_as(TableFormat::JsonLines, text, TableLimits::default(), Some("id")), "", "{text:?}");
    }
    assert_eq!(read_as(TableFormat::JsonArray, " [ ]\n", TableLimits::default(), Some("id")), "");
    assert_eq!(array(""), "line 1, column 1: no array: a table of this format begins with [");
}

#[test]
fn a_row_that_is_no_object_is_refused_where_it_stands() {
    assert_eq!(lines("{\"a\":1}\n\n [1]\n"), "line 3, column 2: invalid type: sequence, expected an object");
    assert_eq!(lines("{}\n\"é\" {\n"), "line 2, column 3: invalid type: string \"é\", expected an object");
    assert_eq!(lines("{\"é\":1,}\n"), "line 1, column 8: trailing comma");
    assert_eq!(lines("{\"a\":1} {}\n"), "line 1, column 9: trailing characters");
    assert_eq!(lines("{\"a\":\n1}\n"), "line 1, column 5: EOF while parsing a value");
    assert_eq!(lines("{\"a\":NaN}"), "line 1, column 6: expected value");
    assert_eq!(lines("{\"a\":1e999}"), "line 1, column 10: number out of range");
    assert_eq!(lines("{\"a\":\"\\ud800\"}"), "line 1, column 13: unexpected end of hex escape");
    assert_eq!(
        lines("{\"a\":\"\t\"}"),
        "line 1, column 7: control character (\\u0000-\\u001F) found while parsing a string"
    );
    assert_eq!(array("[{},\n 1]"), "line 2, column 2: a row that is no object");
    assert_eq!(array("[{},]"), "line 1, column 5: a row that is no object");
    assert_eq!(array("[,{}]"), "line 1, column 2: a row that is no object");
    assert_eq!(array("[{\"a\":[1}, {\"b\":2}]"), "line 1, column 9: expected `,` or `]`");
    assert_eq!(array("[\n {\"a\":\n  tru}]"), "line 3, column 6: expected ident");
}

#[test]
fn what_is_around_the_rows_must_be_one_array() {
    assert_eq!(array("{\"a\":1}"), "line 1, column 1: no array: a table of this format begins with [");
    assert_eq!(array("[{} {}]"), "line 1, column 5: neither , nor ] behind a row");
    assert_eq!(array("[{}\n"), "line 2, column 1: neither , nor ] behind a row");
    assert_eq!(array("["), "line 1, column 2: the array is never closed");
    assert_eq!(array("[{},\n"), "line 2, column 1: the array is never closed");
    assert_eq!(array("[{\"a\":\"}]"), "line 1, column 9: EOF while parsing a string");
    assert_eq!(array("[{}]\n\n []"), "line 3, column 2: text behind the array");
}

#[test]
fn a_key_is_there_once_however_deep() {
    assert_eq!(lines("{\"a\":1,\"\\u0061\":2}"), "line 1, column 15: the key \"a\" is there twice");
    assert_eq!(lines("{}\n{\"a\":[{\"b\":1,\"b\":1}]}"), "line 2, column 16: the key \"b\" is there twice");
    assert_eq!(lines("{\"a\":{\"a\":{\"a\":1}}}"), "1 line 1 row-1 [\"{\\\"a\\\":{\\\"a\\\":1}}\"]\n");
}

#[test]
fn nesting_has_a_bound() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(lines(nested(126)).starts_with("1 line 1"));
    assert_eq!(lines(nested(127)), "line 1, column 132: recursion limit exceeded");
    assert_eq!(lines(nested(100_000)), "line 1, column 132: recursion limit exceeded");
    // What is kept can be read by whoever gets the row.
    assert!(serde_json::from_str::<serde_json::Value>(&nested(126)).is_ok());
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_offset() {
    assert_eq!(lines(b"{\"a\":1}\n{\"a\":\"\xff\"}"), "invalid utf-8 at byte 14, in line 2");
    assert_eq!(array(b"[{\"a\":\"\n\xc3"), "invalid utf-8 at byte 8, in line 2");
    assert_eq!(lines(b"{\"a\"}\n\xff"), "line 1, column 5: expected `:`");
    let long = "{\"a\":\"ä\"}\n".repeat(20_000);
    assert_eq!(
        lines([long.as_bytes(), b"\xe4"].concat()),
        format!("invalid utf-8 at byte {}, in line 20001", long.len())
    );
}

#[test]
fn every_limit_is_exact_and_named() {
    let limits = TableLimits { columns: 3, rows: 2, row_bytes: 24 };
    let check = |text: &str| {
        let rows = read_as(TableFormat::JsonLines, text, limits, None);
        let array = format!("[{}]", text.trim_end().replace('\n', "\n,"));
        assert_eq!(read_as(TableFormat::JsonArray, array, limits, None), rows);
        rows
    };
    assert!(check("{\"a\":1,\"b\":1}\n{\"c\":1}\n").starts_with("1 line 1"));
    assert_eq!(
        check("{\"a\":1,\"b\":1}\n{\"c\":1,\"d\":1}\n"),
        "the row at line 2 has one column too many for the table, the limit is 3 columns"
    );
    assert_eq!(check("{}\n{}\n{}\n"), "line 3 is one row too many, the limit is 2 rows");
    let too_large = "the row at line 2 is too large, the limit is 24 bytes as json; a quote may have been left open";
    let of = |bytes: usize| format!("{{}}\n{{ \"a\": \"{}\" }}\n", "x".repeat(bytes - "{\"a\":\"\"}".len()));
    assert!(check(&of(24)).starts_with("1 line 1"));
    assert_eq!(check(&of(25)), too_large);
    // {"kkkkkkkkkk":"","l":""} has 24 bytes: all columns together fit a row.
    let keys = |second: usize| format!("{{\"{}\":0}}\n{{\"{}\":0}}\n", "k".repeat(10), "l".repeat(second));
    assert!(check(&keys(1)).starts_with("1 line 1"));
    assert_eq!(check(&keys(2)), "the names of the columns up to line 2 are too long, the limit is 24 bytes as json");
}

#[test]
fn a_row_that_does_not_end_is_refused_early() {
    for (format, start, then) in [
        (TableFormat::JsonLines, "\n{\"a\":\"", b'x'),
        (TableFormat::JsonArray, "[\n{", b' '),
        (TableFormat::JsonArray, "[\n{\"a\":", b'{'),
    ] {
        let mut endless = Endless { start: start.as_bytes(), then, taken: 0 };
        let error = scan(&mut endless, format, TableLimits::default(), None).unwrap_err();
        assert!(error.to_string().starts_with("the row at line 2 is too large"), "{error}");
        assert!(endless.taken < 2 << 20, "{} bytes were read", endless.taken);
    }
}

#[test]
fn a_summary_is_that_of_the_bytes() {
    for (format, text) in
        [(TableFormat::JsonLines, "{\"a\":1}\n\n"), (TableFormat::JsonArray, "\u{feff}[{\"a\":1}]\r\n")]
    {
        let sha256: [u8; 32] = Sha256::digest(text).into();
        let wanted = Summary { headers: strings(&["a"]), rows: 1, bytes: text.len() as u64, sha256 };
        let summary = scan(text.as_bytes(), format, TableLimits::default(), None).unwrap();
        assert_eq!(summary, wanted);
    }
}

#[test]
fn a_name_says_the_format() {
    let check = |name: &str, format| assert_eq!(format_of(Path::new(name)), format, "{name}");
    check("a.csv", TableFormat::Csv);
    check("a.tsv", TableFormat::Tsv);
    check("b/a.jsonl", TableFormat::JsonLines);
    check("a.ndjson", TableFormat::JsonLines);
    check("a.x.JSON", TableFormat::JsonArray);
    check("a.json/b", TableFormat::Csv);
    check("-", TableFormat::Csv);
    check(".json", TableFormat::Csv);
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[\"\\\\{}\\[\\],:\n]{0,4}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Into::into),
            vec(("[\"\\\\{}a]{0,3}", inner), 0..3).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_text_is_read_or_refused(
        bytes in prop_oneof![vec(any::<u8>(), 0..200), "[a1\\[\\]{}\",: \\\\\n]{0,30}".prop_map(String::into_bytes)],
    ) {
        lines(&bytes);
        array(&bytes);
        array([b"[{\"a\":", &bytes[..], b"}]"].concat());
    }

    #[test]
    fn what_was_written_is_read(
        rows in vec(vec(("[ab\"\\\\{]{0,2}", value()), 0..4), 0..6),
        pretty in any::<bool>(),
    ) {
        let rows: Vec<serde_json::Map<String, serde_json::Value>> =
            rows.into_iter().map(|row| row.into_iter().collect()).collect();
        let wanted: Vec<String> = rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
        let text = match pretty {
            true => serde_json::to_string_pretty(&rows).unwrap(),
            false => serde_json::to_string(&rows).unwrap(),
        };
        prop_assert_eq!(kept(TableFormat::JsonArray, &text), &wanted[..]);
        prop_assert_eq!(kept(TableFormat::JsonLines, &wanted.join("\n")), wanted);
    }
}
