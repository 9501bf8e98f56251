//! The ids that the rows of a table have taken.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

/// The start of an id's SHA-256.
///
/// Two ids that share one among ten million are less likely than one in 10^15, and would cost the later row a suffix
/// it did not need. What is handed out is unique and the same at each reading in any case.
type Digest = [u8; 12];

/// A set that grows holds its old and its new table at once; one of many small sets costs little while it does.
const SHARDS: usize = 16;

/// Hands out an id to each row: the wanted one, or else the first of `-2`, `-3`, … that is free.
#[derive(Debug, Default)]
pub(super) struct ItemIds {
    used: [HashSet<Digest>; SHARDS],
    /// For an id wanted more than once, the suffix to try next: those below are taken and stay so.
    next: HashMap<Digest, u32>,
}

impl ItemIds {
    pub(super) fn claim(&mut self, wanted: String) -> String {
        let digest = digest(&wanted);
        if self.take(digest) {
            return wanted;
        }
        let mut next = self.next.get(&digest).copied().unwrap_or(2);
        loop {
            let id = format!("{wanted}-{next}");
            next += 1;
            if self.take(self::digest(&id)) {
                self.next.insert(digest, next);
                return id;
            }
        }
    }

    /// Takes an id; returns whether it was free.
    fn take(&mut self, digest: Digest) -> bool {
        self.used[usize::from(digest[0]) % SHARDS].insert(digest)
    }
}

fn digest(id: &str) -> Digest {
    let whole: [u8; 32] = Sha256::digest(id).into();
    *whole.first_chunk().expect("a hash of 32 bytes has 12")
}
