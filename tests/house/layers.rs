//! Arrows between rooms point down, and each outside technology has one room.

use std::collections::BTreeSet;

use super::{ROOMS, project, short, sources};

/// Outside technologies, with the one room that may name them. The command and the benches are rooms too.
const TECHNOLOGIES: [(&str, &str); 13] = [
    ("sled", "store"),
    ("postcard", "store"),
    ("kameo", "actors"),
    ("dashmap", "actors"),
    ("csv", "actors"),
    ("jsonschema", "actors"),
    ("tantivy", "actors"),
    ("toml", "runtime"),
    ("clap", "cli"),
    ("indicatif", "cli"),
    ("etcetera", "cli"),
    ("shell-words", "adapters"),
    ("zstd", "adapters"),
];

fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(project().join(manifest)).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table.into_iter().flat_map(toml::Table::keys).cloned().collect()
}

#[test]
fn arrows_point_down() {
    for (room, below) in ROOMS {
        let named = dependencies(&format!("{room}/Cargo.toml"));
        let ours: Vec<&String> = named.iter().filter(|name| name.starts_with("understory")).collect();
        let upward: Vec<&&String> = ours.iter().filter(|name| !below.contains(&name.as_str())).collect();
        assert!(upward.is_empty(), "{room} may name {below:?}, and names {upward:?} too");
    }
}

#[test]
fn each_technology_has_one_room() {
    for (technology, home) in TECHNOLOGIES {
        for (room, _) in ROOMS {
            let named = dependencies(&format!("{room}/Cargo.toml")).contains(technology);
            assert_eq!(named, room == home, "{technology} belongs to {home}; {room}/Cargo.toml says otherwise");
        }
        let named = dependencies("Cargo.toml").contains(technology);
        assert_eq!(named, home == "cli", "{technology} belongs to {home}; the root's Cargo.toml says otherwise");
    }
}

#[test]
fn sources_name_only_their_rooms_technologies() {
    for (technology, home) in TECHNOLOGIES {
        let used = format!("{}::", technology.replace('-', "_"));
        for room in ROOMS.map(|(room, _)| room).into_iter().chain(["cli"]).filter(|room| *room != home) {
            for path in sources(&project().join(room)) {
                let text = std::fs::read_to_string(&path).unwrap();
                let named = text.lines().any(|line| line.trim_start().starts_with("use ") && line.contains(&used));
                assert!(!named, "{} names {technology}, which belongs to {home}", short(&path));
            }
        }
    }
}

#[test]
fn no_room_gives_on_an_outside_crate() {
    let inside = ["crate", "self", "super", "understory"];
    for (room, _) in ROOMS {
        for path in sources(&project().join(room)) {
            let text = std::fs::read_to_string(&path).unwrap();
            let modules: BTreeSet<&str> = text.lines().filter_map(module).collect();
            for line in text.lines().filter_map(|line| line.trim().strip_prefix("pub use ")) {
                let head = line.split("::").next().unwrap().trim_end_matches(';');
                let ours = inside.iter().any(|name| head.starts_with(name)) || modules.contains(head);
                assert!(ours, "{} gives on {line:?}, which is not ours", short(&path));
            }
        }
    }
}

/// The module that a line declares.
fn module(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")).unwrap_or(line);
    line.strip_prefix("mod ")?.strip_suffix(';')
}
