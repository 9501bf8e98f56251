//! Payloads over one row: a head that names the parts, their length and their checksum.
//!
//! The parts have a name of their own for every write, so a reader that raced with one finds parts missing, never mixed.

use bytes::Bytes;
use uuid::Uuid;

use crate::keys::Table;
use crate::seam::{COMMIT_BYTES_MAX, Key, PAYLOAD_MAX};

/// The length of a part, in bytes.
pub(crate) const CHUNK: usize = PAYLOAD_MAX;

const INLINE: u8 = 0;
const CUT: u8 = 1;

/// The parts of one payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunks {
    prefix: Vec<u8>,
    id: Uuid,
    length: u32,
    crc: u32,
}

/// What a row's payload says.
pub(crate) enum Payload {
    /// The value itself.
    Whole(Bytes),
    /// Where its parts are.
    Parts(Chunks),
}

/// The payload of a value that fits one row, or the value back.
pub(crate) fn inline(value: Vec<u8>) -> Result<Bytes, Vec<u8>> {
    if value.len() >= PAYLOAD_MAX {
        return Err(value);
    }
    let mut payload = Vec::with_capacity(value.len() + 1);
    payload.push(INLINE);
    payload.extend_from_slice(&value);
    Ok(payload.into())
}

/// Reads the payload of the row that lies at or under `owner`. `None`: these are not bytes that were written here.
pub(crate) fn parse(owner: &[u8], payload: &Bytes) -> Option<Payload> {
    match *payload.first()? {
        INLINE => Some(Payload::Whole(payload.slice(1..))),
        CUT => {
            let (id, rest) = payload[1..].split_first_chunk::<16>()?;
            let (length, rest) = rest.split_first_chunk::<4>()?;
            let crc: [u8; 4] = rest.get(..4)?.try_into().ok()?;
            let (length, crc) = (u32::from_be_bytes(*length), u32::from_be_bytes(crc));
            // No commit writes a longer one.
            if length as usize > COMMIT_BYTES_MAX {
                return None;
            }
            let owner_length = usize::from(u16::from_be_bytes(rest.get(4..)?.try_into().ok()?));
            let prefix = prefix(owner.get(..owner_length)?);
            Some(Payload::Parts(Chunks { prefix, id: Uuid::from_bytes(*id), length, crc }))
        }
        _ => None,
    }
}

impl Chunks {
    pub(crate) fn of(owner: &[u8], id: Uuid, value: &[u8]) -> Self {
        let length = u32::try_from(value.len()).expect("no record has 4 GiB");
        Chunks { prefix: prefix(owner), id, length, crc: crc32c::crc32c(value) }
    }

    pub(crate) fn head(&self) -> Bytes {
        let owner_length = u16::try_from(self.prefix.len() - 2).expect("a key is at most 768 bytes");
        let mut head = vec![CUT];
        head.extend_from_slice(self.id.as_bytes());
        head.extend_from_slice(&self.length.to_be_bytes());
        head.extend_from_slice(&self.crc.to_be_bytes());
        head.extend_from_slice(&owner_length.to_be_bytes());
        head.into()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let parts = (self.length as usize).div_ceil(CHUNK);
        (0..parts).map(|part| {
            let mut key = self.prefix.clone();
            key.extend_from_slice(self.id.as_bytes());
            key.extend_from_slice(&u16::try_from(part).expect("no value is over 4 MiB").to_be_bytes());
            Key::new(key)
        })
    }

    /// Whether these are the bytes that were cut.
    pub(crate) fn fits(&self, value: &[u8]) -> bool {
        value.len() == self.length as usize && crc32c::crc32c(value) == self.crc
    }
}

/// Chunks lie beside the row that owns them in key order: the chunk tag, the owner's key, a zero.
fn prefix(owner: &[u8]) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(owner.len() + 20);
    prefix.push(Table::Chunk as u8);
    prefix.extend_from_slice(owner);
    prefix.push(0);
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(head: &[u8]) -> Option<Chunks> {
        match parse(b"owner", &Bytes::copy_from_slice(head))? {
            Payload::Parts(chunks) => Some(chunks),
            Payload::Whole(value) => panic!("{value:?} is no head"),
        }
    }

    #[test]
    fn a_head_comes_back() {
        let value = vec![7; 3 * CHUNK + 1];
        let chunks = Chunks::of(b"owner", Uuid::from_u128(1), &value);
        let back = parsed(&chunks.head()).unwrap();
        assert_eq!((&back, back.keys().count(), back.fits(&value)), (&chunks, 4, true));
        assert!(!back.fits(&value[1..]));
    }

    #[test]
    fn a_head_of_a_length_that_no_commit_has_is_none() {
        let head = |length: usize| {
            let mut head = Chunks::of(b"owner", Uuid::from_u128(1), b"").head().to_vec();
            head[17..21].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
            head
        };
        assert_eq!(parsed(&head(COMMIT_BYTES_MAX)).unwrap().keys().count(), COMMIT_BYTES_MAX / CHUNK);
        assert_eq!(parsed(&head(COMMIT_BYTES_MAX + 1)), None);
        assert_eq!(parsed(&head(u32::MAX as usize)), None);
    }

    #[test]
    fn other_bytes_are_none() {
        let head = Chunks::of(b"owner", Uuid::from_u128(1), b"").head();
        let long = [&head[..], &[0]].concat();
        for bytes in [&b""[..], &b"\x02"[..], &head[..head.len() - 1], &long] {
            assert!(parse(b"owner", &Bytes::copy_from_slice(bytes)).is_none(), "{bytes:?}");
        }
        assert!(parse(b"own", &head).is_none(), "the owner is shorter than the head says");
    }
}
