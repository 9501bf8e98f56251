//! What people call agents: the names to pick from, and which words will do.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use understory_paths::AgentPath;

use crate::error::Error;

/// The longest nickname, in bytes.
pub(crate) const NICKNAME_MAX: usize = 64;
/// The longest name of a pool, in bytes: an ordinal fits behind it.
const POOL_NAME_MAX: usize = 40;

/// What a new agent is called. A nickname is unique among siblings, however it is capitalised, and stays an agent's own
/// while the agent is there, closed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nickname {
    /// The next free one of its role's pool, or of the built-in one.
    Picked,
    /// Nothing.
    Off,
    /// This.
    Given(String),
}

/// Names that agents are given in turn; when all are taken, with ordinals: `Wren the 2nd`. One without names gives none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicknamePool(Arc<[String]>);

/// Why names are no pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// There is none.
    #[error("nicknames must contain at least one name")]
    Empty,
    /// One is nothing but blanks.
    #[error("nicknames cannot contain blank names")]
    Blank,
    /// Two are the same, but for blanks around them and how they are capitalised.
    #[error("nicknames cannot contain duplicates: {0:?}")]
    Duplicate(String),
    /// One has another character than those allowed.
    #[error("nicknames may only contain ASCII letters, digits, spaces, hyphens and underscores: {0:?}")]
    Character(String),
    /// One is so long that no ordinal fits behind it.
    #[error("nicknames may have at most 40 bytes: {0:?}")]
    TooLong(String),
}

impl Nickname {
    /// The one that was asked for by name.
    pub(crate) fn given(&self) -> Option<&String> {
        match self {
            Nickname::Given(nickname) => Some(nickname),
            Nickname::Picked | Nickname::Off => None,
        }
    }
}

impl NicknamePool {
    /// A pool of these names, without the blanks around them.
    ///
    /// # Errors
    /// There is none, or one of them is blank, a duplicate, too long, or has a character that is not for names.
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self, PoolError> {
        let (mut pool, mut seen) = (Vec::new(), HashSet::new());
        for name in names {
            let name = name.trim().to_owned();
            if name.is_empty() {
                return Err(PoolError::Blank);
            }
            if name.chars().any(|c| !(c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_'))) {
                return Err(PoolError::Character(name));
            }
            if name.len() > POOL_NAME_MAX {
                return Err(PoolError::TooLong(name));
            }
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(PoolError::Duplicate(name));
            }
            pool.push(name);
        }
        if pool.is_empty() { Err(PoolError::Empty) } else { Ok(NicknamePool(pool.into())) }
    }

    /// No names.
    pub fn none() -> Self {
        NicknamePool(Arc::new([]))
    }

    /// Its names.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The built-in one, in an order that depends on the parent, so that the children of two parents are hardly ever
    /// called the same.
    pub(crate) fn below(parent: &AgentPath) -> (Self, u64) {
        static BUILT_IN: LazyLock<NicknamePool> =
            LazyLock::new(|| NicknamePool(NAMES.iter().map(|name| (*name).to_owned()).collect()));
        // FNV-1a: it must come to the same in every process.
        let hash = parent
            .as_str()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        (BUILT_IN.clone(), hash % BUILT_IN.len())
    }

    /// The name in place `at` of the pool and its repetitions, counted from 0, when it is begun at `start`.
    pub(crate) fn name(&self, start: u64, at: u64) -> String {
        let place = (start % self.len() + at % self.len()) % self.len();
        let name = &self.0[usize::try_from(place).expect("a place in a pool is below its length")];
        match at / self.len() {
            0 => name.clone(),
            round => format!("{name} the {}", ordinal(round + 1)),
        }
    }
}

/// Refuses what cannot be a nickname.
pub(crate) fn demand_nickname(nickname: &str) -> Result<(), Error> {
    let refused = |rule| Err(Error::BadNickname { nickname: nickname.to_owned(), rule });
    if nickname.len() > NICKNAME_MAX {
        return Err(Error::TooLong { what: "nickname", bytes: nickname.len(), max: NICKNAME_MAX });
    }
    if nickname.trim().is_empty() {
        return refused("is empty");
    }
    if nickname.chars().any(|c| c.is_control() || invisible(c)) {
        return refused("has a character that cannot be seen");
    }
    if nickname.trim() != nickname {
        return refused("begins or ends with a blank");
    }
    if nickname.starts_with('@') || nickname.contains('/') {
        return refused("reads as an address");
    }
    Ok(())
}

/// How a number is counted in words: 1st, 2nd, 11th, 23rd.
fn ordinal(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Characters that are no control characters and show nothing, or turn what follows around.
fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Short, plain words: trees, birds, weather, stones and waters.
#[rustfmt::skip]
const NAMES: [&str; 100] = [
    "Acorn", "Alder", "Amber", "Aspen", "Auk", "Basalt", "Bay", "Beech", "Birch", "Bittern",
    "Bracken", "Bramble", "Breeze", "Briar", "Brook", "Burdock", "Cairn", "Cedar", "Cinder", "Clover",
    "Cobble", "Coral", "Cove", "Crane", "Creek", "Cress", "Curlew", "Delta", "Dew", "Drift",
    "Dune", "Dusk", "Eider", "Elder", "Elm", "Ember", "Fen", "Fern", "Finch", "Fjord",
    "Flint", "Garnet", "Gale", "Glade", "Gorse", "Granite", "Grove", "Gull", "Hazel", "Heath",
    "Heron", "Holly", "Ibis", "Iris", "Ivy", "Jasper", "Juniper", "Kelp", "Kestrel", "Kite",
    "Lagoon", "Larch", "Lark", "Laurel", "Lichen", "Linden", "Linnet", "Loam", "Lupin", "Maple",
    "Marsh", "Martin", "Meadow", "Merlin", "Mica", "Mist", "Moss", "Myrtle", "Nettle", "Oak",
    "Onyx", "Opal", "Osprey", "Pebble", "Pine", "Plover", "Quartz", "Reed", "Ridge", "Rowan",
    "Sable", "Sage", "Sedge", "Shale", "Spruce", "Tern", "Thistle", "Tundra", "Willow", "Wren",
];

#[cfg(test)]
mod tests;
