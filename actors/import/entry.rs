//! Parts of a conversation as entries of a transcript, none longer than an entry may be.

use understory_store::{Said, Speaker, Time, ToolResult, ToolUse, TranscriptEntry};

use super::archive::{ArchiveError, Conversation, Part, Speaks, Step};
use crate::limits::TEXT_MAX;

/// The longest name of a tool that is kept, in bytes.
const TOOL_MAX: usize = 128;
/// How much is kept of arguments that are too long, in bytes: as a text in JSON it may become six times as long.
const ARGUMENTS_KEPT: usize = 32 << 10;
/// How much room is left for the words that something was cut.
const CUT_ROOM: usize = 64;

/// The most parts of one portion.
const PARTS_MAX: usize = 128;
/// A portion ends with the part by which it has this many bytes, so that with the rows they are cut into its entries are fewer
/// than 512 writes.
const BYTES_MAX: usize = 256 << 10;
/// The most lines that are read for one portion, so that a signal is seen between.
const LINES_MAX: usize = 4096;

/// What was read at a time.
#[derive(Default)]
pub(super) struct Portion {
    pub(super) entries: Vec<TranscriptEntry>,
    /// Texts that were cut.
    pub(super) cut: u64,
    /// The conversation has nothing further.
    pub(super) over: bool,
    /// It cannot be read any further.
    pub(super) failed: Option<ArchiveError>,
}

/// When what has no time of its own was said.
#[derive(Clone, Copy)]
pub(super) struct Moment(pub(super) Time);

/// Reads a portion. May block.
pub(super) fn read(conversation: &mut dyn Conversation, moment: &mut Moment) -> Portion {
    let (mut portion, mut bytes) = (Portion::default(), 0);
    for _ in 0..LINES_MAX {
        match conversation.step() {
            Ok(Step::Part(part, at)) => {
                moment.0 = at.map_or(moment.0, Time);
                let entry = portion.entry(part, moment.0);
                bytes += length(&entry);
                portion.entries.push(entry);
            }
            Ok(Step::Nothing) => {}
            Ok(Step::End) => portion.over = true,
            Err(error) => portion.failed = Some(error),
        }
        let full = portion.entries.len() == PARTS_MAX || bytes >= BYTES_MAX;
        if full || portion.over || portion.failed.is_some() {
            break;
        }
    }
    portion
}

/// Passes over what was taken before: so many bytes with this hash. What is wrong if they are not what it begins with. May
/// block.
pub(super) fn pass(
    conversation: &mut dyn Conversation,
    bytes: u64,
    hash: [u8; 32],
    moment: &mut Moment,
) -> Result<Option<&'static str>, ArchiveError> {
    while conversation.bytes() < bytes {
        match conversation.step()? {
            Step::Part(_, at) => moment.0 = at.map_or(moment.0, Time),
            Step::Nothing => {}
            Step::End => return Ok(Some("it is shorter than what was taken of its conversation")),
        }
    }
    let same = conversation.bytes() == bytes && conversation.hash() == hash;
    Ok((!same).then_some("it begins with something else than what was taken of its conversation"))
}

impl Portion {
    fn entry(&mut self, part: Part, at: Time) -> TranscriptEntry {
        match part {
            Part::Said { by, text } => {
                let speaker = match by {
                    Speaks::System => Speaker::System,
                    Speaks::Developer => Speaker::Developer,
                    Speaks::User => Speaker::User,
                    Speaks::Assistant => Speaker::Assistant,
                };
                TranscriptEntry::Said(Said { speaker, text: self.fitting(text), at })
            }
            Part::Called { call, name, arguments } => {
                let arguments = match arguments.len() {
                    0..=TEXT_MAX => arguments,
                    _ => self.beginning(&arguments),
                };
                TranscriptEntry::Tool(ToolUse { turn: 0, call, name: tool(name), arguments, at })
            }
            Part::Answered { call, name, done, text } => {
                let bytes = text.len() as u64;
                let content = self.fitting(text);
                TranscriptEntry::Result(ToolResult { turn: 0, call, name: tool(name), done, content, bytes, at })
            }
        }
    }

    /// A text, or the beginning of one that is too long, which says so.
    fn fitting(&mut self, mut text: String) -> String {
        let bytes = text.len();
        if bytes > TEXT_MAX {
            self.cut += 1;
            text.truncate(text.floor_char_boundary(TEXT_MAX - CUT_ROOM));
            text = format!("{text}\n[cut: {bytes} bytes]");
        }
        text
    }

    /// The beginning of arguments, as JSON.
    fn beginning(&mut self, arguments: &str) -> String {
        self.cut += 1;
        let bytes = arguments.len();
        let kept = &arguments[..arguments.floor_char_boundary(ARGUMENTS_KEPT)];
        serde_json::Value::from(format!("{kept}\n[cut: {bytes} bytes]")).to_string()
    }
}

fn tool(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(TOOL_MAX));
    name
}

fn length(entry: &TranscriptEntry) -> usize {
    usize::try_from(entry.bytes()).unwrap_or(usize::MAX)
}
