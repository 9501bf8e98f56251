//! Where a conversation comes to lie, and what is written on it.

use sha2::{Digest, Sha256};
use understory_paths::AgentPath;
use understory_store::{AgentId, Card, Time};

use super::archive::Thread;
use crate::labelling::{LABEL_VALUE_MAX, LABELS_MAX, TITLE_MAX, acts_on_terminals};
use crate::nickname::Nickname;
use crate::registrar::Birth;
use crate::role::DEFAULT_ROLE;

/// The longest name of an agent.
const NAME_MAX: usize = 64;
/// How many hexadecimal digits of its hash stand behind a name that had to be changed.
const DIGITS: usize = 16;
/// What stands for what was cut away.
const CUT: &str = "\u{2026}";

/// An agent without a brain, for a conversation or for all of them to lie below.
pub(super) fn birth(path: AgentPath, thread: Option<&Thread>) -> Birth {
    let nickname = thread.and_then(|thread| thread.nickname.clone()).map_or(Nickname::Off, Nickname::Given);
    Birth {
        path,
        role: DEFAULT_ROLE.to_owned(),
        brain: None,
        nickname,
        pool: None,
        first: None,
        goal: None,
        history: Vec::new(),
        or_existing: true,
        created_at: thread.and_then(|thread| thread.created_at).map(Time),
        place: None,
        settings: (None, None),
    }
}

/// The name of a conversation's agent. That of a UUID reads the same; another one is told apart by its hash.
pub(crate) fn segment(name: &str) -> String {
    if is_uuid(name) {
        return name.replace('-', "_");
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let readable: String = name.chars().take(NAME_MAX - DIGITS - 1).map(plain).collect();
    let hash = Sha256::digest(name);
    let digits: String = hash.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
    format!("{readable}_{digits}")
}

/// The card with what a conversation says of itself. What people wrote on it stays: a title that is not the import's own, and
/// labels of other keys.
pub(super) fn card(before: Option<&Card>, of: AgentId, own_title: Option<&String>, thread: &Thread) -> Card {
    let mut card = before.filter(|card| card.of == of).cloned().unwrap_or_else(|| Card::blank(of));
    if card.title.as_ref() == own_title {
        card.title = title(thread);
    }
    for (key, value) in &thread.labels {
        if card.labels.contains_key(*key) || card.labels.len() < LABELS_MAX {
            card.labels.insert((*key).to_owned(), label(value));
        }
    }
    card.labels.retain(|_, value| !value.is_empty());
    card
}

/// The title that a conversation gives itself.
pub(super) fn title(thread: &Thread) -> Option<String> {
    let title = tidy(thread.title.as_deref()?);
    let cut = || format!("{}{CUT}", &title[..title.floor_char_boundary(TITLE_MAX - CUT.len())]);
    (!title.is_empty()).then(|| if title.len() > TITLE_MAX { cut() } else { title.clone() })
}

/// A label: of what is too long the end, which says most of a path.
fn label(value: &str) -> String {
    let value = tidy(value);
    match value.len() {
        0..=LABEL_VALUE_MAX => value,
        length => {
            let from = value.ceil_char_boundary(length - LABEL_VALUE_MAX + CUT.len());
            format!("{CUT}{}", &value[from..])
        }
    }
}

/// A text in one line that acts on no terminal.
fn tidy(text: &str) -> String {
    let plain: String = text.chars().map(|c| if acts_on_terminals(c) { ' ' } else { c }).collect();
    plain.trim().to_owned()
}

fn is_uuid(name: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    name.len() == 36 && name.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_uuid_reads_the_same_and_what_is_none_is_told_apart() {
        let check = |name: &str, expected: &str| assert_eq!(segment(name), expected, "{name}");
        check("019bd6d8-b99b-7eb1-847c-87c3da10673a", "019bd6d8_b99b_7eb1_847c_87c3da10673a");
        check("019BD6D8-b99b-7eb1-847c-87c3da10673a", "019bd6d8_b99b_7eb1_847c_87c3da10673a_c2437769c755988e");
        check("root", "root_4813494d137e1631");
        check(
            "019bd6d8-b99b-7eb1-847c-87c3da10673a_again-and-again",
            "019bd6d8_b99b_7eb1_847c_87c3da10673a_again_and__370aaa63d4e9b42c",
        );
    }

    #[test]
    fn what_people_wrote_stays() {
        let id = AgentId::from_u128(1);
        let labels = [("codex/model", "m2".to_owned()), ("codex/cwd", format!("/{}", "d".repeat(200)))];
        let thread =
            Thread { title: Some(" fix\tit ".to_owned()), labels: BTreeMap::from(labels), ..Thread::default() };
        let fresh = card(None, id, None, &thread);
        assert_eq!((fresh.title.as_deref(), fresh.labels["codex/model"].as_str()), (Some("fix it"), "m2"));
        let cwd = &fresh.labels["codex/cwd"];
        assert!(cwd.len() <= LABEL_VALUE_MAX && cwd.starts_with(CUT) && cwd.ends_with("ddd"), "{cwd}");
        let mut kept = fresh.clone();
        kept.labels.extend([("team".to_owned(), "red".to_owned()), ("codex/model".to_owned(), "m1".to_owned())]);
        let own = Some("fix it".to_owned());
        let next = Thread { title: Some("fix that".to_owned()), ..thread };
        let grown = card(Some(&kept), id, own.as_ref(), &next);
        assert_eq!((grown.title.as_deref(), grown.labels["team"].as_str()), (Some("fix that"), "red"));
        assert_eq!(grown.labels["codex/model"], "m2");
        let renamed = Card { title: Some("mine".to_owned()), ..kept.clone() };
        assert_eq!(card(Some(&renamed), id, own.as_ref(), &next).title.as_deref(), Some("mine"));
        // That of one who lay there before is nobody's.
        assert_eq!(card(Some(&kept), AgentId::from_u128(2), None, &next).labels.len(), 2);
        for n in kept.labels.len()..LABELS_MAX {
            kept.labels.insert(format!("l{n}"), "x".to_owned());
        }
        kept.labels.remove("codex/cwd");
        kept.labels.insert("one more".to_owned(), "x".to_owned());
        assert!(!card(Some(&kept), id, own.as_ref(), &next).labels.contains_key("codex/cwd"));
    }

    proptest! {
        #[test]
        fn a_name_is_one_whatever_the_conversation_is_called(name in ".{0,80}", title in ".{0,300}", value in ".{0,200}") {
            let path = AgentPath::root().join(&segment(&name));
            prop_assert!(path.is_ok(), "{path:?}");
            let labels = BTreeMap::from([("codex/x", value)]);
            let thread = Thread { name, title: Some(title), labels, ..Thread::default() };
            let card = card(None, AgentId::from_u128(1), None, &thread);
            let fits = |text: &String, max: usize| {
                (1..=max).contains(&text.len()) && !text.trim().is_empty() && !text.chars().any(acts_on_terminals)
            };
            prop_assert!(card.title.iter().all(|title| fits(title, TITLE_MAX)), "{card:?}");
            prop_assert!(card.labels.values().all(|value| fits(value, LABEL_VALUE_MAX)), "{card:?}");
        }
    }
}
