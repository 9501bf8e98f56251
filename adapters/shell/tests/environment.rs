//! What a worker sees of its turn, and of its owner.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;
use understory_actors::{Seat, Turn};

use super::super::environment::columns_env;
use super::{Home, row};

/// Columns and the variables they come to, without `UNDERSTORY_COL_`.
fn check(json: &str, expected: &[(&str, &str)]) {
    let got = columns_env(json);
    let got: Vec<(&str, &str)> =
        got.iter().map(|(name, text)| (name.strip_prefix("UNDERSTORY_COL_").unwrap(), text.as_str())).collect();
    assert_eq!(got, expected, "{}", json.chars().take(100).collect::<String>());
}

#[test]
fn columns_become_variables() {
    check(r#"{"iata": "00M", "Full name_2": " a\nb "}"#, &[("IATA", "00M"), ("FULL_NAME_2", " a\nb ")]);
    check(r#"{"größe": "1", "a-b.c d": "2", "": "3"}"#, &[("GR__E", "1"), ("A_B_C_D", "2"), ("", "3")]);
    check(
        r#"{"n": 1.50, "t": true, "x": null, "l": [1, "a"], "o": {"b": 1, "a": 2}}"#,
        &[("N", "1.5"), ("T", "true"), ("X", ""), ("L", r#"[1,"a"]"#), ("O", r#"{"b":1,"a":2}"#)],
    );
    check(r#"{"a b": "first", "A-B": "second"}"#, &[("A_B", "first")]);
    check(r#"{"a b": "fir\u0000st", "A-B": "second", "c": "x=y"}"#, &[("C", "x=y")]);
    check("[1]", &[]);
}

#[test]
fn what_a_variable_cannot_hold_is_left_out() {
    let (most, over) = ("x".repeat(64 * 1024), "x".repeat(64 * 1024 + 1));
    check(&json!({ "a": most, "b": over, "c": "1" }).to_string(), &[("A", &most), ("C", "1")]);
    // Four variables of 64 KiB with their names, `=` and ends: the last is cut to what is left.
    let named = "UNDERSTORY_COL_A=\0".len();
    let last = &most[..most.len() - 4 * named];
    check(
        &json!({ "a": most, "b": most, "c": most, "d": last }).to_string(),
        &[("A", &most), ("B", &most), ("C", &most), ("D", last)],
    );
    let last = &most[..most.len() - 4 * named + 1];
    check(&json!({ "a": most, "b": most, "c": most, "d": last }).to_string(), &[]);
}

async fn variables(home: &Home, turn: Turn) -> BTreeMap<String, String> {
    let response = home.turn(turn).await.unwrap();
    let said = match &response.report {
        None => response.content,
        Some(report) => serde_json::from_str::<BTreeMap<String, String>>(report).unwrap().remove("output").unwrap(),
    };
    let mut variables: BTreeMap<String, String> = said
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // The gate's shell may add its own.
    for name in ["PWD", "OLDPWD", "SHLVL", "_"] {
        variables.remove(name);
    }
    let mark = variables.remove("UNDERSTORY_GROUP").unwrap();
    assert!(mark.starts_with(&format!("{}-", std::process::id())), "{mark}");
    variables
}

#[tokio::test]
async fn a_worker_sees_its_turn_and_what_is_allowed() {
    let home = Home::new();
    let env = Path::new("/usr/bin/env");
    let path = std::env::var("PATH").unwrap();
    let got = variables(&home, Turn::detached(home.seat(env, &[]), Vec::new(), None)).await;
    let agent = [("PATH", path.as_str()), ("UNDERSTORY_PATH", "/root/job")];
    assert_eq!(got, agent.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    let row = row(r#"{"a":"1","b":"x=y"}"#, None);
    let mut got = variables(&home, Turn::detached(home.seat(env, &[]), Vec::new(), Some(row))).await;
    let file = got.remove("UNDERSTORY_ROW_FILE").unwrap();
    assert!(Path::new(&file).starts_with(home.run_dir()), "{file}");
    let job = [
        ("PATH", path.as_str()),
        ("UNDERSTORY_COL_A", "1"),
        ("UNDERSTORY_COL_B", "x=y"),
        ("UNDERSTORY_ITEM", "K-1"),
        ("UNDERSTORY_JOB", "/root/job"),
        ("UNDERSTORY_PATH", "/root/job"),
        ("UNDERSTORY_ROW", "12"),
        ("UNDERSTORY_RUN", "3"),
    ];
    assert_eq!(got, job.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test]
async fn an_item_id_with_a_nul_is_left_out() {
    let home = Home::new();
    let mut row = row("{}", None);
    row.item_id = "a\0b".into();
    let got = variables(&home, Turn::detached(home.seat(Path::new("/usr/bin/env"), &[]), Vec::new(), Some(row))).await;
    assert_eq!(got.get("UNDERSTORY_ITEM"), None);
    assert_eq!(got["UNDERSTORY_ROW"], "12");
}

#[tokio::test]
async fn the_row_file_has_everything_and_goes_with_the_worker() {
    let home = Home::new();
    let json = json!({ "a": "x\0y", "b": "x".repeat(100_000), "c": [1] }).to_string();
    let copy = home.dir.path().join("copy");
    let script =
        "cp \"$UNDERSTORY_ROW_FILE\" copy; ls -l \"$UNDERSTORY_ROW_FILE\" | cut -c1-10; echo $UNDERSTORY_COL_C";
    let got = home.ask_row(script, &json, None).await.unwrap();
    assert_eq!(got.report.unwrap(), super::output("-rw-------\n[1]"));
    assert_eq!(fs::read_to_string(copy).unwrap(), json);
    assert_eq!(home.run_files(), [""; 0]);
}

#[tokio::test]
async fn a_worker_is_told_its_model() {
    let home = Home::new();
    let seat = |settings: &str| Seat {
        settings: settings.into(),
        ..home.script("printf %s \"${UNDERSTORY_MODEL-none}\"", Path::new("/"))
    };
    let plain = home.script("printf %s \"${UNDERSTORY_MODEL-none}\"", Path::new("/")).settings;
    let with = plain.replacen('{', r#"{"model":"m-1","#, 1);
    for (settings, expected) in [(&*plain, "none"), (&with, "m-1")] {
        let answer = home.turn(Turn::detached(seat(settings), Vec::new(), None)).await;
        assert_eq!(answer.unwrap().content, expected);
    }
}
