//! Why a text is not an agent path.

use std::fmt;

use crate::agent_path::{DEPTH_MAX, PATH_MAX, SEGMENT_MAX};

/// Characters of a refused text that an error repeats; a longer text is cut.
const SHOWN_MAX: usize = 100;

/// A text that is not a path or not a name, and the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("bad {what} {input:?}: {rule}")]
pub struct PathError {
    what: Subject,
    input: String,
    rule: PathRule,
}

/// What a text must keep to be a path; the first rule broken is the one reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathRule {
    /// The text is empty.
    #[error("it is empty")]
    Empty,
    /// An absolute path that is not `/root` or below it.
    #[error("a path starts at /root")]
    Outside,
    /// The last character is a slash.
    #[error("the last character must not be /")]
    TrailingSlash,
    /// Two slashes in a row.
    #[error("there is no name between two slashes")]
    EmptySegment,
    /// The name of the top used below it.
    #[error("only the top of the tree is called root, and its path is /root")]
    Reserved,
    /// `.` or `..`, which other path languages follow.
    #[error(". and .. are no names and are never followed")]
    Dots,
    /// A slash in what must be one name.
    #[error("one name is wanted, without /")]
    Slash,
    /// A character outside the set.
    #[error("{0:?} is not one of a-z, 0-9 and _")]
    Character(char),
    /// One name is longer than [`SEGMENT_MAX`].
    #[error("a name of {0} bytes is too long, the limit is {SEGMENT_MAX}")]
    SegmentTooLong(usize),
    /// The whole path is longer than [`PATH_MAX`].
    #[error("a path of {0} bytes is too long, the limit is {PATH_MAX}")]
    PathTooLong(usize),
    /// The path has more names than [`DEPTH_MAX`] below the root.
    #[error("{0} names below /root are too deep, the limit is {DEPTH_MAX}")]
    TooDeep(usize),
}

impl PathError {
    /// Returns the rule that was broken.
    pub fn rule(&self) -> PathRule {
        self.rule
    }

    /// Returns the refused text, cut if it is long.
    pub fn input(&self) -> &str {
        &self.input
    }

    pub(crate) fn path(input: &str, rule: PathRule) -> Self {
        Self { what: Subject::Path, input: shown(input), rule }
    }

    pub(crate) fn name(input: &str, rule: PathRule) -> Self {
        Self { what: Subject::Name, input: shown(input), rule }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Path,
    Name,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "agent path",
            Self::Name => "agent name",
        })
    }
}

fn shown(input: &str) -> String {
    match input.char_indices().nth(SHOWN_MAX) {
        None => input.to_owned(),
        Some((end, _)) => format!("{}…", &input[..end]),
    }
}
