//! How a record becomes bytes: an arm of a version enum in postcard.
//!
//! postcard is positional: a released arm never changes. A new shape is a new arm with a conversion, and the bytes of the
//! old one stay as a fixture.

/// A record's bytes are not what its type can be read from.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{record} record does not decode: {what}")]
pub struct DecodeError {
    /// Which record.
    pub record: &'static str,
    /// What is wrong.
    pub what: String,
}

/// A value kept in the store.
pub trait Record: Sized {
    /// Its bytes.
    fn encode(&self) -> Vec<u8>;

    /// Reads it back.
    ///
    /// # Errors
    /// The bytes are of an unknown version, do not fit, or something follows them.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

pub(crate) fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records hold nothing that postcard refuses")
}

pub(crate) fn decode<'a, T: serde::Deserialize<'a>>(record: &'static str, bytes: &'a [u8]) -> Result<T, DecodeError> {
    let (value, rest) =
        postcard::take_from_bytes(bytes).map_err(|error| DecodeError { record, what: error.to_string() })?;
    if rest.is_empty() {
        return Ok(value);
    }
    Err(DecodeError { record, what: format!("{} bytes follow it", rest.len()) })
}

/// Makes `$name` a [`Record`] whose newest arm is `$arm`.
macro_rules! record {
    ($name:ident, V1) => {
        const _: () = {
            #[derive(serde::Serialize)]
            enum Newest<'a> {
                V1(&'a $name),
            }

            #[derive(serde::Deserialize)]
            enum Known {
                V1($name),
            }

            impl $crate::records::version::Record for $name {
                fn encode(&self) -> Vec<u8> {
                    $crate::records::version::encode(&Newest::V1(self))
                }

                fn decode(bytes: &[u8]) -> Result<Self, $crate::records::version::DecodeError> {
                    let Known::V1(value) = $crate::records::version::decode(stringify!($name), bytes)?;
                    Ok(value)
                }
            }
        };
    };
}
pub(crate) use record;

impl Record for u64 {
    fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("number", bytes)
    }
}

impl Record for () {
    fn encode(&self) -> Vec<u8> {
        Vec::new()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("mark", bytes)
    }
}

impl Record for String {
    fn encode(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let text =
            std::str::from_utf8(bytes).map_err(|error| DecodeError { record: "text", what: error.to_string() })?;
        Ok(text.to_owned())
    }
}
