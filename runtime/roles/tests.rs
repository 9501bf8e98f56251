use std::fs;

use tempfile::TempDir;

use understory_actors::{OnDrift, RoleLimits, Shares};

use super::*;

/// A folder of role files.
struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in files {
            fs::write(folder.0.path().join(name), text).unwrap();
        }
        folder
    }

    /// What its files come to, laid over `roles`.
    fn read(&self, roles: &[(&str, Role)]) -> Result<HashMap<String, Role>, String> {
        let roles = roles.iter().map(|(name, role)| ((*name).to_owned(), role.clone())).collect();
        let commands = |words: &str| match words {
            "" => Err("the command has no words".to_owned()),
            words => Ok(BrainChoice { name: "shell".to_owned(), settings: format!("runs {words}") }),
        };
        let beneath = Beneath { roles: &roles, brains: vec!["scripted", "shell"], commands: &commands };
        let read = beneath.read_all(self.0.path()).map_err(|error| self.short(&error.to_string()))?;
        Ok(read.into_iter().collect())
    }

    fn short(&self, text: &str) -> String {
        let tools = TOOLS.map(|tool| tool.name).join(", ");
        let text = text.replace(&format!("{}/", self.0.path().display()), "").replace(&tools, "[all]");
        text.replace("; ", "\n")
    }
}

/// What one file with this text comes to.
fn one(text: &str, beneath: Role) -> Result<Role, String> {
    let mut read = Folder::new(&[("r.toml", text)]).read(&[("r", beneath)])?;
    Ok(read.remove("r").unwrap())
}

#[test]
fn a_file_says_everything_that_a_role_has() {
    let role = one(
        r#"
description = " reads what others write "
instructions = """
Read twice.
"""
brain = "shell"
settings = { program = "/bin/cat", args = ["-u"] }
nicknames = [" Ann ", "Bob"]

isolated = true
untrusted = true
summary = true

[memory]
shared = "always"

[policy]
restart = "temporary"
faults = 2
within = 30
strategy = "rest_for_one"

[tools]
hide = ["spawn", "assign"]

[limits]
agents = 3
depth = 1
"#,
        Role::default(),
    );
    insta::assert_debug_snapshot!(role.unwrap(), @r#"
    Role {
        description: "reads what others write",
        instructions: Some(
            "Read twice.",
        ),
        brain: Some(
            BrainChoice {
                name: "shell",
                settings: "{\"args\":[\"-u\"],\"program\":\"/bin/cat\"}",
            },
        ),
        policy: Policy {
            restart: Temporary,
            faults: 2,
            within: 30s,
            strategy: RestForOne,
        },
        nicknames: Some(
            NicknamePool(
                [
                    "Ann",
                    "Bob",
                ],
            ),
        ),
        hidden: {
            "assign",
            "spawn",
        },
        limits: RoleLimits {
            agents: Some(
                3,
            ),
            depth: Some(
                1,
            ),
        },
        isolated: true,
        on_result: Wake,
        on_drift: Warn,
        untrusted: true,
        summary: true,
        shares: Some(
            Always,
        ),
    }
    "#);
}

#[test]
fn what_a_file_leaves_out_is_as_beneath() {
    let beneath = Role::with_brain("scripted", "x").described("beneath").instructed("do this");
    let role = one("[policy]\nfaults = 1\n", beneath.clone()).unwrap();
    let policy = understory_actors::Policy { faults: 1, ..beneath.policy.clone() };
    assert_eq!(role, beneath.clone().policy(policy));
    assert_eq!(one("", beneath.clone()).unwrap(), beneath);
    let read = Folder::new(&[("worker.toml", "instructions = 'work'")]).read(&[]).unwrap();
    assert_eq!(read["worker"], Role::built_in("worker").unwrap().instructed("work"));
}

/// A file gives no power that the program did not.
#[test]
fn a_file_only_narrows() {
    let limits = |agents, depth| RoleLimits { agents, depth };
    let beneath = Role::default().described("d").limits(limits(Some(5), None)).without_tools(["spawn"]);
    for (text, expected, hidden) in [
        ("[limits]\nagents = 9\ndepth = 2", limits(Some(5), Some(2)), &["spawn"][..]),
        ("[limits]\nagents = 4", limits(Some(4), None), &["spawn"]),
        ("[tools]\nallow = ['spawn', 'send', 'assign', 'report']", limits(Some(5), None), &["spawn"]),
        ("[tools]\nhide = ['assign']", limits(Some(5), None), &["assign", "spawn"]),
        ("[tools]\nallow = []", limits(Some(5), None), &["assign", "report", "send", "spawn"]),
    ] {
        let role = one(text, beneath.clone()).unwrap();
        let names: Vec<&str> = role.hidden.iter().copied().filter(|name| TOOL_NAMES.contains(name)).collect();
        assert_eq!((role.limits, names.as_slice()), (expected, hidden), "{text}");
    }
    assert!(one("isolated = false", beneath.clone().isolated()).unwrap().isolated);
    assert!(one("isolated = true", beneath.clone()).unwrap().isolated);
    assert!(one("untrusted = false", beneath.clone().untrusted()).unwrap().untrusted);
    assert!(one("", beneath.clone().summarising()).unwrap().summary);
    assert!(!one("summary = false", beneath.clone().summarising()).unwrap().summary, "it is no power");
    let shares = |word: &str, beneath: Role| one(&format!("[memory]\nshared = '{word}'"), beneath).unwrap().shares;
    assert_eq!(shares("always", beneath.clone()), Some(Shares::Always), "where nothing was said");
    assert_eq!(shares("always", beneath.clone().sharing(Shares::Never)), Some(Shares::Never));
    assert_eq!(shares("never", beneath.sharing(Shares::Clean)), Some(Shares::Never));
}

#[test]
fn nicknames_and_wakes_are_turned_off_and_on_again() {
    let off = || Role::default().called(NicknamePool::none()).on_result(OnResult::Keep);
    let check = |said: &str, beneath: Role, names: Option<usize>, on_result: OnResult| {
        let role = one(&format!("description = 'x'\n{said}"), beneath).unwrap();
        assert_eq!((role.nicknames.map(|pool| pool.names().len()), role.on_result), (names, on_result), "{said}");
    };
    check("", Role::default(), None, OnResult::Wake);
    check("", off(), Some(0), OnResult::Keep);
    check("nicknames = 'off'\nwake_on_result = false", Role::default(), Some(0), OnResult::Keep);
    check("nicknames = false", Role::default(), Some(0), OnResult::Wake);
    check("nicknames = true\nwake_on_result = true", off(), None, OnResult::Wake);
    check("nicknames = ['Ann']", off(), Some(1), OnResult::Keep);
}

#[test]
fn what_is_done_about_a_drift_is_said_or_stays() {
    let block = || Role::default().on_drift(OnDrift::Block);
    let check = |said: &str, beneath: Role, on_drift: OnDrift| {
        let role = one(&format!("description = 'x'\n{said}"), beneath).unwrap();
        assert_eq!(role.on_drift, on_drift, "{said}");
    };
    check("", Role::default(), OnDrift::Warn);
    check("", block(), OnDrift::Block);
    check("drift = 'ignore'", block(), OnDrift::Ignore);
    check("drift = 'warn'", block(), OnDrift::Warn);
    check("drift = 'block'", Role::default(), OnDrift::Block);
}

/// Those the cases above name; the list may grow.
const TOOL_NAMES: [&str; 4] = ["assign", "report", "send", "spawn"];

#[test]
fn what_is_wrong_is_told_with_file_and_line() {
    let folder = Folder::new(&[
        ("a_syntax.toml", "description = 'x'\ninstructions = \n"),
        ("b_field.toml", "description = 'x'\n\nmodel = 'm'\n"),
        ("c_type.toml", "description = 'x'\nnicknames = 'Ann'\n"),
        ("d_within.toml", "description = 'x'\n[policy]\nrestart = 'permanent'\nwithin = 0\n"),
        ("e_restart.toml", "description = 'x'\n[policy]\nrestart = 'often'\n"),
        ("f_negative.toml", "description = 'x'\n[limits]\nagents = -1\n"),
        ("g_names.toml", "description = 'x'\nnicknames = []\n"),
        ("h_names.toml", "description = 'x'\nnicknames = [\n 'Ann',\n 'ann',\n]\n"),
        ("i_blank.toml", "description = ' '\n"),
        ("i_nul.toml", "description = \"a\\u0000\"\n"),
        ("j_none.toml", "instructions = 'x'\n"),
        ("k_tool.toml", "description = 'x'\n[tools]\nhide = [\n 'fly',\n]\n"),
        ("l_brain.toml", "description = 'x'\nbrain = 'big'\n"),
        ("m_settings.toml", "description = 'x'\nsettings = 'y'\n"),
        ("n_settings.toml", "description = 'x'\nbrain = 'shell'\nsettings = 3\n"),
        ("o_both.toml", "description = 'x'\ncommand = 'cat'\nsettings = 'y'\n"),
        ("p_command.toml", "description = 'x'\ncommand = ''\n"),
        ("q_command.toml", "description = 'x'\nbrain = 'scripted'\ncommand = 'cat'\n"),
        ("r_good.toml", "description = 'x'\n"),
        ("s_twice.toml", "name = 'r_good'\ndescription = 'x'\n"),
        ("t_name.toml", "description = 'x'\nname = 'No Name'\n"),
        ("U.toml", "description = 'x'\n"),
        ("v_key.toml", "description = 'x'\ndescription = 'y'\n"),
        ("w_field.toml", "description = 'x'\n[limits]\nturns = 3\n"),
        ("not_a_role.txt", "nothing"),
    ]);
    fs::create_dir(folder.0.path().join("z_folder.toml")).unwrap();
    fs::write(folder.0.path().join("x_bytes.toml"), b"description = '\xff'\n").unwrap();
    fs::write(folder.0.path().join("y_long.toml"), "#".repeat(FILE_MAX as usize + 1)).unwrap();
    insta::assert_snapshot!(folder.read(&[]).unwrap_err(), @r#"
    U.toml: a role's name has 1 to 64 of a-z, 0-9, _ and -, not "U"
    a_syntax.toml:2: string values must be quoted, expected literal string
    b_field.toml:3: unknown field `model`, expected one of `name`, `description`, `instructions`, `brain`, `settings`, `command`, `nicknames`, `policy`, `tools`, `limits`, `isolated`, `wake_on_result`, `drift`, `untrusted`, `summary`, `memory`
    c_type.toml:2: nicknames are a list of names or "off"
    d_within.toml:4: within is at least 1 second
    e_restart.toml:3: unknown variant `often`, expected one of `permanent`, `transient`, `temporary`
    f_negative.toml:3: invalid value: integer `-1`, expected u64
    g_names.toml:2: nicknames must contain at least one name
    h_names.toml:2: nicknames cannot contain duplicates: "ann"
    i_blank.toml:1: description cannot be blank
    i_nul.toml:1: description has a NUL in it
    j_none.toml: role "j_none" must define a description
    k_tool.toml:4: no tool "fly"
    there are [all]
    l_brain.toml:2: brain "big" is not known
    known are scripted, shell
    m_settings.toml:2: settings need a brain
    n_settings.toml:3: settings are a text or a table
    o_both.toml:2: command and settings exclude one another
    p_command.toml:2: the command has no words
    q_command.toml:3: command is for the brain "shell", not "scripted"
    s_twice.toml: another file has the role "r_good" too
    t_name.toml:2: a role's name has 1 to 64 of a-z, 0-9, _ and -, not "No Name"
    v_key.toml:2: duplicate key
    w_field.toml:3: unknown field `turns`, expected `agents` or `depth`
    x_bytes.toml: failed to read it: stream did not contain valid UTF-8
    y_long.toml: it has 131073 bytes, over the limit of 131072
    z_folder.toml: it is not a file
    "#);
}

#[test]
fn the_name_that_a_file_gives_is_the_roles() {
    let folder = Folder::new(&[("a.toml", "name = 'reader-2'\ndescription = 'x'\ncommand = 'cat -u'\n")]);
    let read = folder.read(&[]).unwrap();
    assert_eq!(read.keys().collect::<Vec<_>>(), ["reader-2"]);
    let brain = read["reader-2"].brain.clone().unwrap();
    assert_eq!((brain.name.as_str(), brain.settings.as_str()), ("shell", "runs cat -u"));
}

#[test]
fn a_folder_that_is_not_there_holds_no_roles() {
    let folder = Folder::new(&[]);
    let none = Beneath { roles: &HashMap::new(), brains: Vec::new(), commands: &|_| Err(String::new()) };
    assert_eq!(none.read_all(&folder.0.path().join("none")), Ok(Vec::new()));
    let missing = none.read(&folder.0.path().join("none.toml")).unwrap_err();
    assert!(missing.missing && missing.line.is_none(), "{missing:?}");
}
