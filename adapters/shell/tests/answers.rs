//! What goes in, and what comes of what comes out.

use std::fs;
use std::path::Path;
use std::time::Duration;

use understory_actors::{BrainError, ERROR_MAX, Response, Turn};

use super::super::OUTPUT_MAX;
use super::{Home, output, pid};

#[tokio::test]
async fn the_text_comes_on_stdin_as_it_is() {
    let home = Home::new();
    for text in ["", "\n", "one\ntwo", " spaced \\n \u{e9}\n\n"] {
        let got = home.ask_row(r#"od -An -v -tx1 | tr -d ' \n'"#, "{}", Some(text)).await.unwrap();
        let bytes: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(got.report.unwrap(), output(&bytes), "{text:?}");
    }
}

#[tokio::test]
async fn a_text_larger_than_both_pipes_goes_through() {
    let home = Home::new();
    let text = "x".repeat(OUTPUT_MAX - 64);
    let got = home.ask_row("cat", "{}", Some(&text)).await.unwrap();
    assert_eq!(got.report.unwrap(), output(&text));
}

#[tokio::test]
async fn a_worker_need_not_read() {
    let home = Home::new();
    let text = "x".repeat(OUTPUT_MAX);
    for script in ["echo ok", "exec <&-; echo ok", "head -c 1 >/dev/null; exec <&-; echo ok"] {
        let got = home.ask_row(script, "{}", Some(&text)).await.unwrap();
        assert_eq!(got.report.unwrap(), output("ok"), "{script}");
    }
}

#[tokio::test]
async fn a_worker_may_close_its_output_and_go_on() {
    let home = Home::new();
    let text = "x".repeat(OUTPUT_MAX);
    let script = "echo said; exec >&- 2>&-; wc -c > counted";
    let got = home.ask_row(script, "{}", Some(&text)).await.unwrap();
    assert_eq!(got.report.unwrap(), output("said"));
    assert_eq!(fs::read_to_string(home.dir.path().join("counted")).unwrap().trim(), OUTPUT_MAX.to_string());
}

#[tokio::test]
async fn an_agents_answer_is_stdout_without_its_line_end() {
    let home = Home::new();
    for (script, content) in [
        ("echo hello", "hello"),
        ("printf 'a\\n\\n'", "a\n"),
        (":", ""),
        ("echo '{\"a\": 1}'", "{\"a\": 1}"),
        ("echo heard >&2; echo hello", "hello"),
    ] {
        let turn = Turn::detached(home.script(script, Path::new("-")), Vec::new(), None);
        assert_eq!(home.turn(turn).await.unwrap(), Response::text(content), "{script}");
    }
}

#[tokio::test]
async fn a_rows_report_is_a_json_object_or_put_into_one() {
    let home = Home::new();
    for (script, report) in [
        ("echo '{\"b\": 1, \"a\": [2]}'", "{\"b\": 1, \"a\": [2]}".to_owned()),
        ("printf ' {}\\n\\n'", "{}".to_owned()),
        ("echo 'far \"off\"'", output("far \"off\"")),
        ("echo '[1]'", output("[1]")),
        ("echo '{\"a\": 1} x'", output("{\"a\": 1} x")),
        ("printf 'a\\n\\n'", output("a\n")),
        (":", output("")),
    ] {
        let got = home.ask_row(script, "{}", None).await.unwrap();
        assert_eq!(got, Response::report(report), "{script}");
    }
}

#[tokio::test]
async fn a_failure_tells_the_code_or_signal_and_the_end_of_stderr() {
    let home = Home::new();
    for (script, message) in [
        ("echo '{}'; echo one >&2; echo two >&2; exit 3", "/bin/sh exited with code 3: one\ntwo"),
        ("exit 127", "/bin/sh exited with code 127"),
        ("printf '\\033[31mred\\377' >&2; exit 1", "/bin/sh exited with code 1: \u{1b}[31mred\u{fffd}"),
        ("echo gone >&2; kill -9 $$", "/bin/sh was killed by a signal (signal: 9 (SIGKILL)): gone"),
        ("printf 'ab\\303\\251\\377cd'", "/bin/sh wrote something else than UTF-8 to stdout, at byte 4"),
    ] {
        let error = home.ask_row(script, "{}", None).await.unwrap_err();
        assert_eq!(error.to_string(), message, "{script}");
        assert!(matches!(error, BrainError::Refused { .. }), "{script}");
    }
}

#[tokio::test]
async fn an_exit_code_says_what_becomes_of_the_row() {
    let home = Home::new();
    let bad = home.ask_row("echo 'no such place' >&2; exit 65", "{}", None).await.unwrap_err();
    assert_eq!(bad.to_string(), "bad input: /bin/sh exited with code 65: no such place");
    assert!(matches!(bad, BrainError::BadInput { .. }), "{bad:?}");
    for (said, when) in [
        ("", None),
        ("echo busy >&2;", None),
        ("echo 429 >&2; echo 'retry-after: 90' >&2;", Some(90)),
        ("echo 'Retry-After: 7' >&2;", Some(7)),
        ("echo 'retry-after: 7' >&2; echo busy >&2;", None),
        ("echo 'retry-after: soon' >&2;", None),
        ("echo 'retry-after: 99999999999' >&2;", Some(86_400)),
    ] {
        let error = home.ask_row(&format!("{said} exit 75"), "{}", None).await.unwrap_err();
        let BrainError::Unavailable { retry_after, .. } = error else { panic!("{said}: {error:?}") };
        assert_eq!(retry_after, when.map(Duration::from_secs), "{said}");
    }
}

#[tokio::test]
async fn of_stderr_only_the_end_is_kept() {
    let home = Home::new();
    // The tail of an odd number of bytes begins within a character.
    let script = "i=0; while [ $i -lt 9000 ]; do printf '\u{e9}'; i=$((i+1)); done >&2; echo end! >&2; exit 1";
    let error = home.ask(script).await.unwrap_err().to_string();
    let tail = error.strip_prefix("/bin/sh exited with code 1: …").unwrap();
    assert_eq!(tail, format!("{}end!", "\u{e9}".repeat((1536 - 5) / 2)));
    let error = home.ask("head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1").await.unwrap_err().to_string();
    assert_eq!(error.chars().filter(|c| *c == 'x').count(), 1536 + "exited".matches('x').count());
    assert!(error.len() <= ERROR_MAX, "a record would cut its end: {} bytes", error.len());
}

#[tokio::test]
async fn stdout_has_a_limit() {
    let home = Home::new();
    let most = home.ask(&format!("head -c {OUTPUT_MAX} /dev/zero | tr '\\0' x")).await.unwrap();
    assert_eq!(most.len(), OUTPUT_MAX);
    let over = format!("head -c {} /dev/zero | tr '\\0' x", OUTPUT_MAX + 1);
    let quotes = format!("head -c {} /dev/zero | tr '\\0' '\"'", OUTPUT_MAX / 2);
    let error = home.ask(&over).await.unwrap_err().to_string();
    assert!(error.contains("output_max = 262144 bytes"), "{error}");
    for script in [over.as_str(), quotes.as_str(), "yes", "trap '' TERM; yes & yes"] {
        let error = home.ask_row(script, "{}", None).await.unwrap_err().to_string();
        assert!(error.contains("output_max = 262144 bytes"), "{script}: {error}");
        assert_eq!(home.run_files(), [""; 0], "{script}");
    }
}

#[tokio::test]
async fn a_process_that_left_the_group_is_not_waited_for() {
    let home = Home::new();
    let said = home.ask("setsid sh -c 'echo $$; kill -USR1 $1; exec sleep 1000' x $$ & trap 'exit 0' USR1; wait").await;
    let stray = pid(&said.unwrap());
    let held = super::runs(stray);
    rustix::process::kill_process(rustix::process::Pid::from_raw(stray).unwrap(), rustix::process::Signal::KILL)
        .unwrap();
    assert!(held, "the stray held the pipe open");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_named() {
    let home = Home::new();
    let file = home.dir.path().join("worker");
    let check = async |message: &str| {
        let turn = Turn::detached(home.seat(&file, &[]), Vec::new(), None);
        let error = home.turn(turn).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot start {}", file.display())), "{error}");
        assert!(error.contains(message), "{error}");
        assert_eq!(home.run_files(), [""; 0]);
    };
    check("No such file").await;
    fs::write(&file, "#!/nowhere/sh\n").unwrap();
    check("Permission denied").await;
    assert!(std::process::Command::new("chmod").arg("+x").arg(&file).status().unwrap().success());
    check("not found").await;
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    check("directory").await;
}

#[tokio::test]
async fn the_newcomers_worker_tells_a_distance() {
    let home = Home::new();
    let worker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/workers/distance.sh");
    let check = async |json: &str| {
        home.turn(Turn::detached(home.seat(&worker, &[]), Vec::new(), Some(super::row(json, None)))).await
    };
    let got = check(r#"{"iata":"00M","name":"Thigpen","latitude":"31.95376472","longitude":"-89.23450472"}"#).await;
    assert_eq!(got.unwrap(), Response::report(r#"{"iata":"00M","km":1213.2}"#));
    let got = check(r#"{"iata":"a\"b","latitude":"39.8283","longitude":"-98.5795"}"#).await;
    assert_eq!(got.unwrap(), Response::report(r#"{"iata":"a\"b","km":0.0}"#));
    for (json, message) in [
        (r#"{"iata":"00M","latitude":"31"}"#, "the row needs the columns iata, latitude and longitude"),
        (r#"{"iata":"00M","latitude":"31N","longitude":"0"}"#, "latitude and longitude of 00M are not numbers: 31N, 0"),
    ] {
        let error = check(json).await.unwrap_err().to_string();
        assert!(error.ends_with(&format!("distance.sh exited with code 1: distance: {message}")), "{error}");
    }
}
