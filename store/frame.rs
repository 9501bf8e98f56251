//! The frame around every stored value: what the bytes are, which commit wrote them, and whether they are still those.
//!
//! ```text
//! schema:u16be  version:u64be  crc32c:u32be  payload
//! ```
//!
//! The checksum covers the key, the schema, the version and the payload, so that neither a flipped bit nor a value that
//! stands under another's key passes for a row.

use crate::error::StoreError;
use crate::seam::Version;

/// The number of this frame's layout.
const SCHEMA: u16 = 1;
const SCHEMA_END: usize = 2;
const VERSION_END: usize = 10;
const HEADER: usize = 14;

/// A value with its frame taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framed<'a> {
    pub(crate) version: Version,
    pub(crate) payload: &'a [u8],
}

/// Puts `payload`, written under `key` by commit `version`, into a frame, in a buffer that can be used again.
pub(crate) fn encode<'a>(buffer: &'a mut Vec<u8>, key: &[u8], version: Version, payload: &[u8]) -> &'a [u8] {
    buffer.clear();
    buffer.extend_from_slice(&SCHEMA.to_be_bytes());
    buffer.extend_from_slice(&version.to_be_bytes());
    let checksum = checksum(key, buffer, payload);
    buffer.extend_from_slice(&checksum.to_be_bytes());
    buffer.extend_from_slice(payload);
    buffer
}

/// Takes the frame off what was read under `key`, or says how it is damaged.
pub(crate) fn decode<'a>(key: &[u8], value: &'a [u8]) -> Result<Framed<'a>, StoreError> {
    let Some((header, payload)) = value.split_at_checked(HEADER) else {
        return Err(damaged(key, format!("its {} bytes are shorter than a frame", value.len())));
    };
    let (head, stored) = header.split_at(VERSION_END);
    let found = checksum(key, head, payload).to_be_bytes();
    if found != stored {
        return Err(damaged(key, "its checksum does not hold".to_owned()));
    }
    let (schema, version) = head.split_at(SCHEMA_END);
    if schema != SCHEMA.to_be_bytes() {
        return Err(damaged(key, format!("its frame {} is unknown", schema.escape_ascii())));
    }
    let version = version.try_into().expect("the header was cut at the version's end");
    Ok(Framed { version: Version::from_be_bytes(version), payload })
}

/// The length of what is in a frame, whether that can be taken off or not.
pub(crate) fn payload_length(value: &[u8]) -> usize {
    value.len().saturating_sub(HEADER)
}

fn checksum(key: &[u8], head: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(key), head), payload)
}

fn damaged(key: &[u8], what: String) -> StoreError {
    StoreError::Damaged { place: key.escape_ascii().to_string(), what }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(key: &[u8], version: Version, payload: &[u8]) -> Vec<u8> {
        super::encode(&mut vec![0xee; 3], key, version, payload).to_vec()
    }

    #[test]
    fn layout_is_fixed() {
        let value = encode(b"k", 0x0102, b"payload");
        let checksum = crc32c::crc32c(b"k\x00\x01\x00\x00\x00\x00\x00\x00\x01\x02payload").to_be_bytes();
        assert_eq!(value[..10], *b"\x00\x01\x00\x00\x00\x00\x00\x00\x01\x02");
        assert_eq!(value[10..14], checksum);
        assert_eq!(value[14..], *b"payload");
    }

    #[test]
    fn a_value_under_another_key_is_damage() {
        let value = encode(b"one", 7, b"payload");
        let error = decode(b"two", &value).unwrap_err();
        assert_eq!(error.to_string(), "store is damaged at two: its checksum does not hold");
    }

    #[test]
    fn a_short_value_is_damage() {
        let error = decode(b"\x01one", &[0; 13]).unwrap_err();
        assert_eq!(error.to_string(), r"store is damaged at \x01one: its 13 bytes are shorter than a frame");
    }

    #[test]
    fn an_unknown_frame_is_damage() {
        let mut value = encode(b"k", 7, b"p");
        value[1] = 9;
        let checksum = checksum(b"k", &value[..VERSION_END], b"p");
        value[VERSION_END..HEADER].copy_from_slice(&checksum.to_be_bytes());
        let error = decode(b"k", &value).unwrap_err();
        assert_eq!(error.to_string(), r"store is damaged at k: its frame \x00\t is unknown");
    }

    proptest! {
        #[test]
        fn what_was_framed_comes_back(key: Vec<u8>, version: u64, payload: Vec<u8>) {
            let value = encode(&key, version, &payload);
            prop_assert_eq!(decode(&key, &value).unwrap(), Framed { version, payload: &payload });
        }

        #[test]
        fn one_flipped_bit_is_damage(payload: Vec<u8>, at: prop::sample::Index, bit in 0..8u8) {
            let mut value = encode(b"key", 7, &payload);
            let at = at.index(value.len());
            value[at] ^= 1 << bit;
            let damaged = matches!(decode(b"key", &value), Err(StoreError::Damaged { .. }));
            prop_assert!(damaged);
        }
    }
}
