//! What makes one command to run a job the same as another.

use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// The hash of a [`Command`]: two commands with the same one ask for the same job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

/// The parts that make a job what it is. Its limits are none of them: another pace is not another job.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// The table's file, absolute, without links.
    pub input: &'a Path,
    /// The column that ids come from.
    pub id_column: Option<&'a str>,
    /// The brain's name.
    pub brain: &'a str,
    /// What the brain is set to, such as the words of a command line.
    pub settings: &'a [String],
    /// The template, if the workers have one.
    pub template: Option<&'a str>,
    /// The output's file, absolute.
    pub output: &'a Path,
    /// What else is asked for, written in one way.
    pub more: &'a str,
}

impl Fingerprint {
    /// Returns the fingerprint of a command.
    pub fn of(command: &Command<'_>) -> Self {
        let Command { input, id_column, brain, settings, template, output, more } = *command;
        let mut parts = Parts(Sha256::new());
        parts.text(b"understory job 1");
        parts.text(input.as_os_str().as_encoded_bytes());
        parts.option(id_column);
        parts.text(brain.as_bytes());
        parts.count(settings.len());
        settings.iter().for_each(|setting| parts.text(setting.as_bytes()));
        parts.option(template);
        parts.text(output.as_os_str().as_encoded_bytes());
        parts.text(more.as_bytes());
        Self(parts.0.finalize().into())
    }

    /// Returns the first eight digits, enough for a person to tell two apart.
    pub fn short(&self) -> String {
        let mut hex = self.to_string();
        hex.truncate(8);
        hex
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Hashes parts with their lengths, so that no two lists of parts run together to the same bytes.
struct Parts(Sha256);

impl Parts {
    fn text(&mut self, text: &[u8]) {
        self.count(text.len());
        self.0.update(text);
    }

    fn option(&mut self, text: Option<&str>) {
        self.count(text.iter().len());
        text.into_iter().for_each(|text| self.text(text.as_bytes()));
    }

    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn settings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn every_part_counts_and_none_runs_into_the_next() {
        let one = Command {
            input: Path::new("/in/a.csv"),
            id_column: Some("id"),
            brain: "command",
            settings: &settings(&["fetch", "--all"]),
            template: Some("look at {a}"),
            output: Path::new("/out/a.csv"),
            more: "{}",
        };
        let others = [
            one,
            Command { input: Path::new("/in/b.csv"), ..one },
            Command { id_column: None, ..one },
            Command { id_column: Some(""), ..one },
            Command { brain: "other", ..one },
            Command { brain: "commandfetch", settings: &settings(&["--all"]), ..one },
            Command { settings: &settings(&["fetch--all"]), ..one },
            Command { settings: &settings(&["fetch-", "-all"]), ..one },
            Command { settings: &settings(&["fetch", "--all", ""]), ..one },
            Command { template: None, ..one },
            Command { template: Some(""), ..one },
            Command { output: Path::new("/out/b.csv"), ..one },
            Command { more: "", ..one },
        ];
        let fingerprints: HashSet<Fingerprint> = others.iter().map(Fingerprint::of).collect();
        assert_eq!(fingerprints.len(), others.len());
        assert!(fingerprints.contains(&Fingerprint::of(&one)));
    }

    /// Stores keep fingerprints: this one changes only together with the number in the first part.
    #[test]
    fn the_hash_does_not_change_between_builds() {
        let command = Command {
            input: Path::new("/in/a.csv"),
            id_column: None,
            brain: "command",
            settings: &settings(&["fetch"]),
            template: Some("look at {a}"),
            output: Path::new("/out/a.csv"),
            more: "{}",
        };
        let fingerprint = Fingerprint::of(&command);
        insta::assert_snapshot!(fingerprint, @"e3b5c4585f9144ba2b344b66db208d7ab2459383f2bc2c4218443e82d6da24f2");
        insta::assert_snapshot!(fingerprint.short(), @"e3b5c458");
    }
}
