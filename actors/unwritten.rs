//! Lines of a turn's transcript that need no commit of their own: they go with the next one that its turn makes.
//!
//! ```text
//!   a call that only looks, a result, a call of the brain's own --note--> lines --join--> the commit of a call that changes
//!                                                                           |                  | refused: back again
//!                                                                           '--all--> the commit that ends the turn
//! ```
//!
//! They are in memory alone until then: a crash loses them with the rest of the attempt.

use std::collections::BTreeMap;

use understory_store::{ToolResult, ToolUse, TranscriptEntry};

use crate::lock::Lock;

/// The most of a tool's answer, and of a brain's own call's arguments, that a transcript keeps, in bytes.
pub const RESULT_KEPT_MAX: usize = 8 << 10;

/// From how many lines on they are written by a commit of their own.
const LINES_MAX: usize = 128;
/// From how many bytes on.
const BYTES_MAX: u64 = 256 << 10;

/// What an attempt at a turn has to write.
#[derive(Debug, Default)]
pub(crate) struct Unwritten(Lock<Lines>);

#[derive(Debug, Default)]
struct Lines {
    /// How many calls were begun.
    calls: u32,
    waiting: Vec<TranscriptEntry>,
    /// Those that a call's commit has, which is not answered yet.
    joined: BTreeMap<u32, Vec<TranscriptEntry>>,
}

impl Unwritten {
    /// The number of the call that begins.
    pub(crate) fn begin(&self) -> u32 {
        let mut lines = self.0.lock();
        lines.calls += 1;
        lines.calls
    }

    /// Adds lines.
    pub(crate) fn note(&self, lines: impl IntoIterator<Item = TranscriptEntry>) {
        self.0.lock().waiting.extend(lines);
    }

    /// What goes with the commit of a call. Asked again for the same call, as when its commit is made again, it is the same
    /// and what came since.
    pub(crate) fn join(&self, call: u32) -> Vec<TranscriptEntry> {
        let mut lines = self.0.lock();
        let waiting = std::mem::take(&mut lines.waiting);
        let joined = lines.joined.entry(call).or_default();
        joined.extend(waiting);
        joined.clone()
    }

    /// Forgets what went with the commit of a call, or takes it back if the call was refused. True if there was such a commit
    /// and it was not refused: then the call's own line is written.
    pub(crate) fn settle(&self, call: u32, done: bool) -> bool {
        let mut lines = self.0.lock();
        let Some(mut joined) = lines.joined.remove(&call) else { return false };
        if !done {
            joined.append(&mut lines.waiting);
            lines.waiting = joined;
        }
        done
    }

    /// What the commit that ends the attempt has to write.
    pub(crate) fn all(&self) -> Vec<TranscriptEntry> {
        self.0.lock().waiting.clone()
    }

    /// How many writes and payload bytes those that wait make, at the most.
    pub(crate) fn weight(&self) -> (usize, usize) {
        let lines = self.0.lock();
        let weigh = |line: &TranscriptEntry| (3 + line.bytes() as usize / 4096, 256 + line.bytes() as usize);
        lines.waiting.iter().map(weigh).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }

    /// What a commit of its own has to write, if it is time for one.
    pub(crate) fn overflow(&self) -> Option<u32> {
        let lines = self.0.lock();
        let bytes: u64 = lines.waiting.iter().map(TranscriptEntry::bytes).sum();
        let over = lines.waiting.len() >= LINES_MAX || bytes >= BYTES_MAX;
        drop(lines);
        over.then(|| self.begin())
    }
}

/// A call's line, if no commit has it, and the line of its answer.
pub(crate) fn told(call: ToolUse, written: bool, answer: &Result<String, String>) -> Vec<TranscriptEntry> {
    let (done, content) = match answer {
        Ok(content) => (true, content),
        Err(content) => (false, content),
    };
    let ToolUse { turn, call: number, name, at, .. } = &call;
    let result = ToolResult {
        turn: *turn,
        call: *number,
        name: name.clone(),
        done,
        content: beginning(content).to_owned(),
        bytes: content.len() as u64,
        at: *at,
    };
    let call = (!written).then_some(TranscriptEntry::Tool(call));
    call.into_iter().chain([TranscriptEntry::Result(result)]).collect()
}

/// As much of a text as a transcript keeps of it.
pub(crate) fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(RESULT_KEPT_MAX)]
}

#[cfg(test)]
mod tests {
    use understory_store::{Said, Speaker, Time};

    use super::*;

    fn line(text: &str) -> TranscriptEntry {
        TranscriptEntry::Said(Said { speaker: Speaker::User, text: text.to_owned(), at: Time(1) })
    }

    fn drawn(lines: &[TranscriptEntry]) -> String {
        lines.iter().map(TranscriptEntry::text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_go_with_one_commit_and_come_back_in_their_order() {
        let unwritten = Unwritten::default();
        let (one, two) = (unwritten.begin(), unwritten.begin());
        unwritten.note([line("a"), line("b")]);
        assert_eq!(drawn(&unwritten.join(one)), "a b");
        unwritten.note([line("c")]);
        assert_eq!(drawn(&unwritten.join(two)), "c");
        assert_eq!(drawn(&unwritten.all()), "");
        unwritten.note([line("d")]);
        // The commit of the first call is made again, with what came since.
        assert_eq!(drawn(&unwritten.join(one)), "a b d");
        unwritten.note([line("e")]);
        assert!(!unwritten.settle(one, false));
        assert_eq!(drawn(&unwritten.all()), "a b d e");
        assert!(unwritten.settle(two, true));
        assert!(!unwritten.settle(two, true));
        assert_eq!(drawn(&unwritten.all()), "a b d e");
    }

    #[test]
    fn many_lines_and_long_ones_are_written_by_themselves() {
        let unwritten = Unwritten::default();
        unwritten.note((1..LINES_MAX).map(|_| line("x")));
        assert_eq!(unwritten.overflow(), None);
        unwritten.note([line("x")]);
        assert_eq!(unwritten.overflow(), Some(1));
        let unwritten = Unwritten::default();
        unwritten.note([line(&"x".repeat(256 << 10))]);
        assert_eq!(unwritten.overflow(), Some(1));
    }

    #[test]
    fn a_long_answer_is_cut_where_a_character_ends() {
        let call = ToolUse { turn: 1, call: 2, name: "list".to_owned(), arguments: String::new(), at: Time(1) };
        let lines = told(call, true, &Err("é".repeat(RESULT_KEPT_MAX)));
        let [TranscriptEntry::Result(result)] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((result.content.len(), result.bytes), (RESULT_KEPT_MAX, 2 * RESULT_KEPT_MAX as u64));
        assert_eq!(beginning(&"é".repeat(4097)[..]).len(), 8192);
        assert_eq!(beginning(&format!("x{}", "é".repeat(4096))).len(), RESULT_KEPT_MAX - 1);
    }
}
