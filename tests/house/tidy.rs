//! What every file of the project keeps to.

use std::collections::BTreeSet;
use std::path::Path;

use super::{project, short, sources};

/// The longest file.
const LINES_MAX: usize = 500;

#[test]
fn no_file_is_over_500_lines() {
    for path in sources(&project()) {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: two things in one?", short(&path));
    }
}

#[test]
fn no_source_lies_outside_a_module() {
    for path in sources(&project()) {
        let (folder, name) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
        let top = ["lib", "main", "workloads"].contains(&name) || folder == project().join("examples");
        if top || short(&path).starts_with("fuzz/") {
            continue;
        }
        let (declared, parents) = match name {
            "mod" => (folder.file_name().unwrap().to_str().unwrap(), parents_of(folder)),
            name => (name, own_parents(folder)),
        };
        let found = parents
            .iter()
            .any(|parent| std::fs::read_to_string(parent).is_ok_and(|text| text.contains(&format!("mod {declared};"))));
        assert!(found, "{} is no module of anything: it is never compiled", short(&path));
    }
}

/// Where a folder's own files may be declared: its `mod.rs`, its sibling of the same name, or the top of its crate.
fn own_parents(folder: &Path) -> Vec<std::path::PathBuf> {
    let tops = ["mod.rs", "lib.rs", "main.rs", "workloads.rs"].map(|top| folder.join(top));
    tops.into_iter().chain([folder.with_extension("rs")]).collect()
}

/// Where a folder that has a `mod.rs` may be declared.
fn parents_of(folder: &Path) -> Vec<std::path::PathBuf> {
    own_parents(folder.parent().unwrap())
}

#[test]
fn tests_do_not_sleep_and_are_not_ignored() {
    let nowhere = [concat!("#[igno", "re"), concat!("should_", "panic")];
    let in_no_test = [concat!("thread::sl", "eep"), concat!("tokio::time::sl", "eep(")];
    for path in sources(&project()) {
        let (text, name) = (std::fs::read_to_string(&path).unwrap(), short(&path));
        for words in nowhere {
            assert!(!text.contains(words), "{name} has {words}");
        }
        let is_test = name.starts_with("tests/") || name.ends_with("tests.rs") || name.contains("/tests/");
        for words in in_no_test {
            assert!(!is_test || !text.contains(words), "{name} waits for a duration: wait for an event");
        }
    }
}

#[test]
fn documents_name_no_file_that_is_not_there() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(project().join(name)).unwrap();
        let named: BTreeSet<&str> = text.split('`').skip(1).step_by(2).filter(|word| is_file_name(word)).collect();
        for file in named {
            assert!(project().join(file).exists(), "{name} names {file}, which is not there");
        }
    }
}

/// Whether a word between backticks names a file of the project.
fn is_file_name(word: &str) -> bool {
    let known = [".rs", ".md", ".toml", ".sh", ".csv"].iter().any(|end| word.ends_with(end));
    known && word.contains('/') && !word.contains([' ', '<', '*', '{'])
}
