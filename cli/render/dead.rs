//! Dead letters as text.

use understory_server::{DeadDropped, DeadLine, DeadPage, DeadReply, DeadRetried};

use super::{escaped, lines, short, table};

pub(super) fn dead(reply: &DeadReply) -> String {
    match reply {
        DeadReply::Page(page) => self::page(page),
        DeadReply::Letter(letter) => self::letter(letter),
        DeadReply::Retried(DeadRetried { retried, accepted }) => {
            format!("{retried} retried: message {} accepted\n", accepted.message)
        }
        DeadReply::Dropped(DeadDropped { dropped }) => format!("{dropped} dropped\n"),
    }
}

fn page(page: &DeadPage) -> String {
    let DeadPage { letters, next } = page;
    if letters.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let line = |letter: &DeadLine| format!("{}  {}  {}\n", letter.letter, short(&letter.error), short(&letter.text));
    let more = next.as_ref().map(|next| format!("there may be more: --after {next}\n"));
    letters.iter().map(line).chain(more).collect()
}

fn letter(letter: &DeadLine) -> String {
    let DeadLine { letter, path, from, trigger, text, metadata, bytes: _, error, sent_at, dead_at } = letter;
    let attached: Vec<String> = metadata.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
    let mut shown = table(vec![
        ("letter", letter.clone()),
        ("to", path.to_string()),
        ("from", from.as_ref().map_or_else(|| "operator".to_owned(), ToString::to_string)),
        ("starts", if *trigger { "a turn" } else { "nothing" }.to_owned()),
        ("attached", attached.join(" ")),
        ("error", escaped(error)),
        ("sent", sent_at.clone()),
        ("dead", dead_at.clone()),
    ]);
    shown.push('\n');
    shown.push_str(&lines(text));
    shown.push('\n');
    shown
}
