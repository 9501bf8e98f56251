//! What a job's output is written as.

use serde_json::{Value, json};

use super::folder::Folder;

const JOB: &str = "job run in.csv --id-column id --brain shell --command ./say";

/// Three rows of hostile cells, whose workers answer with formulas, with other keys, and not at all.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("in.csv", "id,=n,status\n=1+1,-1.5,a\n@b,\"x,\ny\",b\nc,3,c\n");
    let script = r#"case $UNDERSTORY_ROW in
        1) echo '{"km": 12.50, "who": "=HYPERLINK(1)", "status": "far"}';;
        2) echo '{"more": ["a", 1], "km": -2, "no": null}';;
        *) echo '@none' >&2; exit 3;;
        esac"#;
    folder.worker("say", script);
    folder
}

/// The output without the columns that differ from run to run.
fn told(folder: &Folder) -> String {
    let text = folder.read("out.csv").replace(folder.at("say").to_str().unwrap(), "say");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let differs = |name: &str| ["job_id", "reported_at", "completed_at"].contains(&name);
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in &records {
        writer
            .write_record(record.iter().zip(&records[0]).filter(|(_, name)| !differs(name)).map(|(cell, _)| cell))
            .unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

#[test]
fn formulas_are_guarded_and_keys_are_columns() {
    let folder = folder();
    let ran = folder.run(&format!("{JOB} --attempts 1 --out out.csv --expand"));
    assert_eq!(ran.code, 6, "{ran:?}");
    insta::assert_snapshot!(told(&folder), @r#"
    id,'=n,status,item_id,row_index,source_id,status,attempt_count,last_error,result_json,km,who,result.status,more,no
    '=1+1,-1.5,a,'=1+1,0,'=1+1,completed,1,,"{""km"":12.50,""who"":""=HYPERLINK(1)"",""status"":""far""}",12.50,'=HYPERLINK(1),far,,
    '@b,"x,
    y",b,'@b,1,'@b,completed,1,,"{""more"":[""a"",1],""km"":-2,""no"":null}",-2,,,"[""a"",1]",
    c,3,c,c,2,c,failed,1,say exited with code 3: @none,,,,,,
    "#);
}

#[test]
fn without_the_guard_cells_are_as_they_were() {
    let folder = folder();
    folder.run(&format!("{JOB} --attempts 1 --out out.csv --no-guard"));
    insta::assert_snapshot!(told(&folder), @r#"
    id,=n,status,item_id,row_index,source_id,status,attempt_count,last_error,result_json
    =1+1,-1.5,a,=1+1,0,=1+1,completed,1,,"{""km"":12.50,""who"":""=HYPERLINK(1)"",""status"":""far""}"
    @b,"x,
    y",b,@b,1,@b,completed,1,,"{""more"":[""a"",1],""km"":-2,""no"":null}"
    c,3,c,c,2,c,failed,1,say exited with code 3: @none,
    "#);
}

#[test]
fn json_lines_have_the_row_and_the_result_as_objects() {
    let folder = folder();
    // The name says it, or the format does whatever the name says.
    for (words, out) in
        [("--out out.ndjson --name a", "out.ndjson"), ("--out out.csv --out-format jsonl --name b", "out.csv")]
    {
        folder.run(&format!("{JOB} --attempts 1 {words}"));
        let lines: Vec<Value> = folder.lines(out).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["row"], json!({ "id": "=1+1", "=n": "-1.5", "status": "a" }));
        assert_eq!(lines[0]["result"], json!({ "km": 12.5, "who": "=HYPERLINK(1)", "status": "far" }));
        assert_eq!(
            [&lines[0]["row_index"], &lines[0]["attempt_count"], &lines[0]["last_error"]],
            [&json!(0), &json!(1), &json!(null)]
        );
        assert_eq!((&lines[2]["status"], &lines[2]["result"]), (&json!("failed"), &json!(null)));
    }
}

#[test]
fn a_name_that_says_what_no_output_is_written_as_is_refused() {
    let folder = Folder::with_table(1);
    let job = JOB.replace("./say", "./double");
    for name in ["r.json", "r.tsv", "R.XLSX", "r.csv.gz", "-"] {
        let ran = folder.run(&format!("{job} --out {name}"));
        assert_eq!((ran.code, ran.err.starts_with("error: ")), (2, true), "{ran:?}");
        assert_eq!(folder.run(&format!("{job} --out {name} --dry-run")).err, ran.err);
    }
    assert_eq!(folder.ok("job list"), "no jobs\n");
    assert!(!folder.at("-").exists());
    let refused = folder.run(&format!("{job} --out r.json")).err;
    insta::assert_snapshot!(refused.trim(), @"error: an output is CSV or JSON lines, not .json: say --out-format csv or jsonl, or another name");
    folder.ok(&format!("{job} --out r.json --out-format jsonl --name j"));
    assert_eq!(folder.lines("r.json").len(), 1);
    assert_eq!(folder.run("job export j --out r.tsv").code, 2);
    folder.ok("job export j --out r.txt");
}

#[test]
fn an_output_that_cannot_be_written_is_named_once() {
    let folder = Folder::with_table(1);
    folder.worker("double", "mkdir out.csv; echo fine");
    let ran = folder.run(&JOB.replace("./say", "./double --out out.csv --name j"));
    let said =
        "error: the output of the job is not there: failed to write output [dir]/out.csv: Is a directory (os error 21)";
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.lines().any(|line| line == said), "{ran:?}");
}

#[test]
fn another_format_is_another_command_and_has_its_own_place() {
    let folder = Folder::with_table(1);
    let job = JOB.replace("./say", "./double");
    folder.ok(&format!("{job} --name a"));
    folder.ok(&format!("{job} --name b --out-format jsonl"));
    let shown = |name: &str| folder.json(&format!("job show {name}")).1["output"].as_str().unwrap().to_owned();
    assert!(shown("a").ends_with(".csv") && shown("b").ends_with(".jsonl"), "{} {}", shown("a"), shown("b"));
    assert_eq!(folder.lines("log").len(), 2);
    assert!(folder.run(&format!("{job} --out-format jsonl --expand")).err.contains("nothing runs"), "it says the same");
}

#[test]
fn an_output_grows_while_the_job_runs() {
    // A worker that looks for what never comes ends all the same.
    let look = "look() { i=0; until grep -q $1 out.csv || [ $i = 200 ]; do i=$((i+1)); sleep 0.05; done 2>/dev/null; }";
    // The second row comes to its end before the first; the third keeps what it finds in the output.
    for (order, first, third, grown) in [
        ("rows", "read line <second", "look k2", ["id", "k1", "k2"]),
        ("ends", "look k2", "look k1", ["id", "k2", "k1"]),
    ] {
        let folder = Folder::with_table(3);
        folder.pipe("second");
        let second = if order == "rows" { "echo go >second" } else { ":" };
        let does = format!("1) {first};; 2) {second};; 3) {third}; cp out.csv grown.csv;;");
        folder.worker("double", &format!("{look}\ncase $UNDERSTORY_ROW in {does} esac; echo fine"));
        let ran = folder.run(&JOB.replace("./say", &format!("./double --out out.csv --name j --grow {order}")));
        assert_eq!(ran.code, 0, "{ran:?}");
        let begins = |name: &str| folder.lines(name).iter().map(|line| line[..2].to_owned()).collect::<Vec<_>>();
        assert_eq!(begins("grown.csv"), grown, "{order}");
        assert_eq!(begins("out.csv"), ["id", "k1", "k2", "k3"], "{order}");
        assert_eq!(folder.lines("grown.csv")[0], folder.lines("out.csv")[0], "{order}");
    }
}
