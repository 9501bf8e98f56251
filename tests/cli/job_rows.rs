//! Rows that say for themselves what works on them.

use super::folder::Folder;

const SCOUT: &str = "description = 'scouts'\ninstructions = 'look twice'\ncommand = './tell'\n";
const TELL: &str =
    r#"printf '{"asked":"%s","told":"%s","model":"%s"}' "$(cat)" "${UNDERSTORY_INSTRUCTIONS-}" "${UNDERSTORY_MODEL-}""#;
const JOB: &str = "job run in.csv --id-column id --out out.csv --template ask --role-column who --model-column model \
                   --instruction-column what --timeout-column seconds --attempts-column tries --brain-column brain";

fn folder(rows: &str) -> Folder {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.home().join("roles")).unwrap();
    std::fs::write(folder.home().join("roles/scout.toml"), SCOUT).unwrap();
    folder.worker("home/roles/tell", TELL);
    folder.worker("tell", TELL);
    folder.write("ask", "do {id}");
    folder.write("in.csv", &format!("id,who,brain,model,what,seconds,tries\n{rows}"));
    folder
}

#[test]
fn a_row_says_what_works_on_it() {
    let folder = folder("a,,,,,,\nb,scout,,m-1,see {id},20,1\nc,,shell,m-2,,,\n");
    folder.ok(&format!("{JOB} --command ./tell --concurrency 1"));
    let shown = folder.ok("job show");
    assert!(
        shown.contains("attempts=tries brain=brain instruction=what model=model role=who timeout=seconds"),
        "{shown}"
    );
    let output = folder.read("out.csv");
    insta::assert_snapshot!(csv_results(&output).join("\n"), @r#"
    {"asked":"do a","told":"","model":""}
    {"asked":"see b","told":"look twice","model":"m-1"}
    {"asked":"do c","told":"","model":"m-2"}
    "#);
}

#[test]
fn without_a_brain_for_the_job_the_role_has_one() {
    let folder = folder("a,,,,,,\n");
    folder.ok(&format!("{JOB} --role scout"));
    let output = folder.read("out.csv");
    assert_eq!(csv_results(&output), [r#"{"asked":"do a","told":"look twice","model":""}"#]);
    let shown = folder.ok("job show");
    assert!(shown.contains("brain      of the role\nrole       scout\n"), "{shown}");
}

#[test]
fn a_row_that_cannot_be_worked_on_is_found_before_the_job_starts() {
    let check = |row: &str, code: i32, expected: &str| {
        let folder = folder(&format!("a,,,,,,\n{row}\n"));
        let ran = folder.run(&format!("{JOB} --command ./tell"));
        assert_eq!((ran.code, ran.err.trim()), (code, expected));
        assert_eq!(folder.ok("job list"), "no jobs\n");
    };
    check(
        "b,boss,,,,,",
        5,
        r#"error: line 3, column "who": role "boss" is not known; known are default, explorer, scout, worker"#,
    );
    check("b,,clay,,,,", 5, r#"error: line 3, column "brain": brain "clay" is not known; known are scripted, shell"#);
    let bare = r#"error: line 3, column "brain": brain "scripted" needs settings, and neither the job nor role "default" has any for it"#;
    check("b,,scripted,,,,", 5, bare);
    check("b,,,,,soon,", 5, r#"error: line 3, column "seconds": "soon" is no whole number from 1 to 4294967295"#);
}

#[test]
fn a_result_that_does_not_fit_the_schema_is_asked_for_again() {
    let folder = Folder::with_table(1);
    folder.write("schema.json", r#"{"properties":{"twice":{"type":"integer"}},"required":["twice"]}"#);
    let mends = r#"if grep -q 'refused: .* result/twice: "x" is not of type'; then echo '{"twice":2}'; else echo '{"twice":"x"}'; fi"#;
    folder.worker("mends", &format!("[ \"$UNDERSTORY_SCHEMA\" = \"$(cat schema.json)\" ] && {mends}"));
    folder.ok("job run in.csv --out out.csv --command ./mends --schema schema.json --attempts 1");
    assert_eq!(csv_results(&folder.read("out.csv")), [r#"{"twice":2}"#]);
    assert_eq!(folder.lines("log"), ["1 1", "1 1"], "both in the same run");
    folder.write("schema.json", r#"{"$ref":"other.json"}"#);
    let ran = folder.run("job run in.csv --out other.csv --command ./mends --schema schema.json");
    insta::assert_snapshot!(ran.err.trim(), @"error: the schema cannot be used: Resource 'other.json' is not present in a registry and retrieving it failed: No base URI is available");
    assert_eq!(ran.code, 5);
}

/// The results of an output, by row.
fn csv_results(output: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(output.as_bytes());
    let at = reader.headers().unwrap().iter().position(|name| name == "result_json").unwrap();
    reader.records().map(|row| row.unwrap()[at].to_owned()).collect()
}
