//! What a client attaches to a message: a bounded map of texts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most entries of one map.
pub const METADATA_ENTRIES_MAX: usize = 32;
/// The longest key, in bytes.
pub const METADATA_KEY_MAX: usize = 64;
/// The longest value, in bytes.
pub const METADATA_VALUE_MAX: usize = 512;
/// The most bytes of all keys and values together.
pub const METADATA_MAX: usize = 2 << 10;
/// What no key of a client begins with.
pub const METADATA_RESERVED: &str = "understory";

/// What a client attaches to a message. It lies with the message, reaches the brain and everything that the turn sends on,
/// and decides nothing. Its bounds hold wherever one comes from, a store included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

/// Why a map is no metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// It has too many entries.
    #[error(
        "metadata has {entries} entries, over the limit of {METADATA_ENTRIES_MAX}: put what belongs together in one"
    )]
    TooMany {
        /// How many.
        entries: usize,
    },
    /// A key has something else in it than it may, nothing, or too much.
    #[error("metadata key {key:?} is not 1 to {METADATA_KEY_MAX} of a-z, 0-9, _, . and -")]
    BadKey {
        /// The key.
        key: String,
    },
    /// A key is kept for what the runtime may say itself.
    #[error("metadata key {key:?} is reserved: choose one that does not begin with {METADATA_RESERVED}")]
    Reserved {
        /// The key.
        key: String,
    },
    /// A value is too long.
    #[error(
        "metadata value of {key:?} has {bytes} bytes, over the limit of {METADATA_VALUE_MAX}: put it where it can be read and \
         name that"
    )]
    ValueTooLong {
        /// Its key.
        key: String,
        /// Its length.
        bytes: usize,
    },
    /// All entries together are too long.
    #[error("metadata has {bytes} bytes, over the limit of {METADATA_MAX}: put it where it can be read and name that")]
    TooLong {
        /// Their length.
        bytes: usize,
    },
}

impl Metadata {
    /// The map, if it is within the bounds.
    ///
    /// # Errors
    /// It is not, or a key is reserved.
    pub fn new(entries: BTreeMap<String, String>) -> Result<Self, MetadataError> {
        if entries.len() > METADATA_ENTRIES_MAX {
            return Err(MetadataError::TooMany { entries: entries.len() });
        }
        entries.iter().try_for_each(|(key, value)| checked(key, value))?;
        let metadata = Metadata(entries);
        match metadata.bytes() {
            0..=METADATA_MAX => Ok(metadata),
            bytes => Err(MetadataError::TooLong { bytes }),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The entries, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes its keys and values have.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    /// These entries, and those of `beneath` whose keys are not among them. What would not fit the bounds any more stays out
    /// of it, so that what is handed on by itself never refuses anything.
    #[must_use = "neither is changed"]
    pub fn over(&self, beneath: &Metadata) -> Metadata {
        let (mut entries, mut bytes) = (self.0.clone(), self.bytes());
        for (key, value) in &beneath.0 {
            let more = key.len() + value.len();
            if entries.len() < METADATA_ENTRIES_MAX && bytes + more <= METADATA_MAX && !entries.contains_key(key) {
                entries.insert(key.clone(), value.clone());
                bytes += more;
            }
        }
        Metadata(entries)
    }

    /// What several come to, each laid over those before it.
    pub fn merged<'a>(all: impl IntoIterator<Item = &'a Metadata>) -> Metadata {
        all.into_iter().fold(Metadata::default(), |merged, next| next.over(&merged))
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = MetadataError;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, MetadataError> {
        Metadata::new(entries)
    }
}

fn checked(key: &str, value: &str) -> Result<(), MetadataError> {
    let fits = (1..=METADATA_KEY_MAX).contains(&key.len())
        && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'));
    match value.len() {
        _ if !fits => Err(MetadataError::BadKey { key: key.chars().take(METADATA_KEY_MAX).collect() }),
        _ if key.starts_with(METADATA_RESERVED) => Err(MetadataError::Reserved { key: key.to_owned() }),
        0..=METADATA_VALUE_MAX => Ok(()),
        bytes => Err(MetadataError::ValueTooLong { key: key.to_owned(), bytes }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;
    use crate::records::version::{decode, encode};

    fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
        entries.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn what_is_refused_is_named_with_its_limit() {
        let check = |entries: BTreeMap<String, String>, expected: &str| {
            let said = Metadata::new(entries).map_or_else(|error| error.to_string(), |_| "taken".to_owned());
            assert_eq!(said, expected);
        };
        let (key, value) = ("k".repeat(64), "v".repeat(512));
        check(map([]), "taken");
        check(map([("trace.id-1_a", ""), (&key, &value)]), "taken");
        check(map([("", "x")]), r#"metadata key "" is not 1 to 64 of a-z, 0-9, _, . and -"#);
        check(map([("Trace", "x")]), r#"metadata key "Trace" is not 1 to 64 of a-z, 0-9, _, . and -"#);
        let long = format!("{key}k");
        check(map([(&long, "x")]), &format!("metadata key {key:?} is not 1 to 64 of a-z, 0-9, _, . and -"));
        let reserved = "is reserved: choose one that does not begin with understory";
        check(map([("understory.turn", "x")]), &format!(r#"metadata key "understory.turn" {reserved}"#));
        let where_else = "put it where it can be read and name that";
        check(
            map([("a", &format!("{value}v"))]),
            &format!(r#"metadata value of "a" has 513 bytes, over the limit of 512: {where_else}"#),
        );
        check(
            map([("a", &value), ("b", &value), ("c", &value), ("d", &value)]),
            &format!("metadata has 2052 bytes, over the limit of 2048: {where_else}"),
        );
        let many: BTreeMap<_, _> = (0..33).map(|n| (format!("k{n}"), String::new())).collect();
        check(many, "metadata has 33 entries, over the limit of 32: put what belongs together in one");
    }

    #[test]
    fn a_later_map_wins_and_what_does_not_fit_is_what_came_first() {
        let check = |maps: &[&Metadata], expected: &[(&str, &str)]| {
            let merged = Metadata::merged(maps.iter().copied());
            assert_eq!(merged.iter().collect::<Vec<_>>(), expected);
        };
        let of = |entries| Metadata::new(entries).unwrap();
        let (one, two) = (of(map([("a", "1"), ("b", "1")])), of(map([("b", "2"), ("c", "2")])));
        check(&[&one, &two], &[("a", "1"), ("b", "2"), ("c", "2")]);
        check(&[&two, &one], &[("a", "1"), ("b", "1"), ("c", "2")]);
        let value = "v".repeat(510);
        let full = of(map([("x", &value), ("y", &value), ("z", &value)]));
        let more = of(map([("a", &value), ("w", "")]));
        check(&[&full, &more], &[("a", &value), ("w", ""), ("x", &value), ("y", &value), ("z", &value)]);
        let longer = of(map([("a", &value), ("w", "0123456789")]));
        check(&[&full, &longer], &[("a", &value), ("w", "0123456789"), ("x", &value), ("y", &value)]);
        // 1,537 bytes and 512: one too many.
        let nearly = map([("a", &value), ("b", &value), ("c", &value), ("e", "123")]);
        let expected: Vec<_> = nearly.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        check(&[&of(map([("z", &"v".repeat(511))])), &of(nearly.clone())], &expected);
        let many: BTreeMap<_, _> = (10..42).map(|n| (format!("k{n}"), String::new())).collect();
        let expected: Vec<_> = many.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        check(&[&one, &of(many.clone())], &expected);
    }

    #[test]
    fn only_a_map_without_entries_is_empty() {
        assert!(Metadata::default().is_empty());
        assert!(!Metadata::new(map([("a", "")])).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_hold_what_could_not_be_made(
            entries in btree_map("(understory)?[a-z.]{0,3}|[A-Za-z]{1,66}", ".{0,600}", 0..5),
        ) {
            let made = Metadata::new(entries.clone());
            // What is made of bytes is judged as what is made of a map.
            let read: Result<Metadata, _> = decode("metadata", &encode(&entries));
            prop_assert_eq!(read.ok(), made.clone().ok());
            if let Ok(made) = made {
                prop_assert_eq!(decode::<Metadata>("metadata", &encode(&made)).unwrap(), made.clone());
                prop_assert_eq!(made.iter().any(|(key, _)| key.starts_with("understory")), false);
            }
        }

        #[test]
        fn what_is_merged_is_within_the_bounds(maps in proptest::collection::vec(btree_map("[a-z]{1,20}", ".{0,200}", 0..12), 0..8)) {
            let maps: Vec<Metadata> = maps.into_iter().filter_map(|map| Metadata::new(map).ok()).collect();
            let merged = Metadata::merged(&maps);
            prop_assert!(Metadata::new(merged.0.clone()).is_ok());
            if let Some(last) = maps.last() {
                prop_assert!(last.iter().all(|(key, value)| merged.get(key) == Some(value)));
            }
        }
    }
}
