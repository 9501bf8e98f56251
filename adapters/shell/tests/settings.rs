//! Commands and the programs they mean.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use understory_actors::chain;

use super::super::settings::{ShellError, ShellSettings};

/// A directory with `work/tool`, `bin/tool`, `bin/other` and a file `plain/tool` that cannot be run.
fn place() -> TempDir {
    let dir = TempDir::new().unwrap();
    for (file, mode) in [("desk/tool", 0o755), ("bin/tool", 0o755), ("bin/other", 0o755), ("plain/tool", 0o644)] {
        let file = dir.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    }
    dir
}

fn parse(dir: &TempDir, command: &str, path_var: Option<&str>) -> Result<ShellSettings, ShellError> {
    let path_var = path_var.map(|path_var| path_var.replace('@', dir.path().to_str().unwrap()));
    ShellSettings::parse(command, &dir.path().join("desk"), path_var.as_deref().map(OsStr::new))
}

#[test]
fn a_program_is_found_as_a_shell_finds_it() {
    let dir = place();
    for (command, path_var, program) in [
        ("tool", "@/bin:@/desk", "bin/tool"),
        ("tool", "@/plain:@/bin", "bin/tool"),
        ("tool", "@/nowhere::@/bin", "desk/tool"),
        ("other", "../bin", "desk/../bin/other"),
        ("./tool", "@/bin", "desk/tool"),
        ("../bin/other", "", "desk/../bin/other"),
    ] {
        let settings = parse(&dir, command, Some(path_var)).unwrap();
        assert_eq!(settings.program, dir.path().join(program), "{command} on {path_var}");
        assert_eq!(settings.cwd, dir.path().join("desk"), "{command}");
    }
    let absolute = dir.path().join("bin/other");
    assert_eq!(parse(&dir, absolute.to_str().unwrap(), None).unwrap().program, absolute);
}

#[test]
fn words_are_split_and_nothing_is_expanded() {
    let settings = parse(&place(), r#"./tool  'a b' "c\"d" e\ f $HOME * ~ '' ; |"#, None).unwrap();
    assert_eq!(settings.args, ["a b", "c\"d", "e f", "$HOME", "*", "~", "", ";", "|"]);
}

#[test]
fn a_command_of_no_use_is_told_why() {
    let dir = place();
    for (command, path_var, message) in [
        ("tool", None, "no program tool on the PATH"),
        ("tool", Some("@/nowhere"), "no program tool on the PATH"),
        ("tool", Some("@/plain"), "@/plain/tool is not an executable file"),
        ("./none", None, "no program @/desk/none"),
        ("./tool/none", None, "@/desk/tool/none is not an executable file"),
        ("../bin", None, "@/desk/../bin is not an executable file"),
        ("", None, "the command is empty"),
        ("''", None, "the command is empty"),
        ("tool 'a", None, "cannot split the command `tool 'a` into words"),
    ] {
        let error = parse(&dir, command, path_var).unwrap_err();
        assert_eq!(error.to_string(), message.replace('@', dir.path().to_str().unwrap()), "{command}");
    }
    let error = ShellSettings::parse("/bin/sh", Path::new("/nowhere"), None).unwrap_err();
    assert_eq!(error.to_string(), "no directory /nowhere to run the command in");
}

#[test]
fn settings_go_through_json() {
    let settings = parse(&place(), "./tool a 'b\"c'", None).unwrap();
    assert_eq!(ShellSettings::from_json(&settings.to_json().unwrap()).unwrap(), settings);
    let short = ShellSettings::from_json(r#"{"program": "/p", "cwd": "/"}"#).unwrap();
    assert_eq!(
        short,
        ShellSettings { program: PathBuf::from("/p"), args: Vec::new(), cwd: PathBuf::from("/"), model: None }
    );
    for (text, message) in [
        (r#"{"program": "p", "cwd": "/"}"#, "p is not absolute"),
        (r#"{"program": "/p", "cwd": "c"}"#, "c is not absolute"),
        (r#"{"program": "/p", "cwd": "/", "shell": true}"#, "unknown field `shell`"),
        ("sh", "not {\"program\": …, \"args\": […], \"cwd\": …}: expected value at line 1 column 1"),
    ] {
        let error = chain(&ShellSettings::from_json(text).unwrap_err());
        assert!(error.contains(message), "{text}: {error}");
    }
}
