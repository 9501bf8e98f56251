//! What came of an import, for people.

use std::fmt::Write as _;

use understory::{ImportReport, ImportTally};

use super::{escaped, grouped, number_of};

/// How many files that failed are shown.
const SHOWN_MAX: usize = 20;

/// What came of an import.
pub(crate) fn imported(report: &ImportReport) -> String {
    let ImportReport { at, dry_run, went_on_behind, tally, failures, .. } = report;
    let ImportTally { files, unchanged, new, grown, known, removed, failed, entries, skipped_lines, cut_texts, .. } =
        tally;
    let verb = if *dry_run { "would be imported" } else { "imported" };
    let mut text = String::new();
    if let Some(file) = went_on_behind {
        let _ = writeln!(text, "the run before was cut short behind {}", escaped(file));
    }
    let (files, new, grown) = (number_of(*files, "file"), number_of(*new, "new conversation"), grouped(*grown));
    let entries = number_of(*entries, "entry");
    let _ = writeln!(text, "{verb} below {at}: {new}, {grown} that have grown, {entries}; {files} met");
    for (count, what) in [
        (unchanged, "unchanged since an earlier run"),
        (known, "with nothing that was not there"),
        (removed, "left out, since the agent was removed"),
        (skipped_lines, "lines that are none, passed over"),
        (cut_texts, "texts too long, cut"),
        (failed, "failed, and tried again by the next run"),
    ] {
        if *count > 0 {
            let _ = writeln!(text, "  {} {what}", grouped(*count));
        }
    }
    for failure in failures.iter().take(SHOWN_MAX) {
        let tries = match failure.attempts {
            1 => String::new(),
            tries => format!(" ({} tries)", grouped(u64::from(tries))),
        };
        let _ = writeln!(text, "failed: {}{tries}: {}", escaped(&failure.file), escaped(&failure.error));
    }
    match failed.saturating_sub(failures.len().min(SHOWN_MAX) as u64) {
        0 => {}
        more => drop(writeln!(text, "and {} more", grouped(more))),
    }
    text
}

#[cfg(test)]
mod tests {
    use understory::ImportFailure;

    use super::*;

    #[test]
    fn what_came_of_an_import_is_told() {
        let mut report = ImportReport {
            at: "/root/codex".parse().unwrap(),
            dry_run: false,
            went_on_behind: None,
            tally: ImportTally { files: 1, new: 1, entries: 1, ..ImportTally::default() },
            failures: Vec::new(),
            links: Vec::new(),
        };
        let told = "imported below /root/codex: 1 new conversation, 0 that have grown, 1 entry; 1 file met\n";
        assert_eq!(imported(&report), told);
        report.dry_run = true;
        report.went_on_behind = Some("sessions/a".to_owned());
        report.tally = ImportTally {
            files: 1_200,
            unchanged: 1_100,
            new: 30,
            grown: 4,
            known: 5,
            removed: 6,
            failed: 22,
            entries: 7_000,
            skipped_lines: 8,
            cut_texts: 9,
            last: String::new(),
        };
        let failure = |n: u32| ImportFailure { file: format!("f\u{1b}{n}"), error: "no".to_owned(), attempts: n };
        report.failures = (1..=22).map(failure).collect();
        let text = imported(&report);
        insta::assert_snapshot!(text.lines().take(10).collect::<Vec<_>>().join("\n"), @r"
        the run before was cut short behind sessions/a
        would be imported below /root/codex: 30 new conversations, 4 that have grown, 7,000 entries; 1,200 files met
          1,100 unchanged since an earlier run
          5 with nothing that was not there
          6 left out, since the agent was removed
          8 lines that are none, passed over
          9 texts too long, cut
          22 failed, and tried again by the next run
        failed: f\u{1b}1: no
        failed: f\u{1b}2 (2 tries): no
        ");
        assert!(text.ends_with("failed: f\\u{1b}20 (20 tries): no\nand 2 more\n"), "{text}");
    }
}
