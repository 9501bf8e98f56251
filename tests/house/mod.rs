//! The rules of the house, kept by tests: who may name whom, how long a file may be, what a test may not do.

mod conformance;
mod layers;
mod tidy;

use std::path::{Path, PathBuf};

/// The rooms, with what each may name of ours.
const ROOMS: [(&str, &[&str]); 6] = [
    ("paths", &[]),
    ("store", &["understory-paths"]),
    ("actors", &["understory-paths", "understory-store"]),
    ("runtime", &["understory-paths", "understory-store", "understory-actors"]),
    ("adapters", &["understory-paths", "understory-store", "understory-actors"]),
    ("server", &["understory"]),
];

/// The project's folder.
fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file at and below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A file's name below the project's folder.
fn short(path: &Path) -> String {
    path.strip_prefix(project()).unwrap().display().to_string()
}
