//! Capability tokens: what proves to be an agent, from outside the process.
//!
//! A token is 256 bits of the system's randomness. Its text is given out once; what is kept of it is its SHA-256, from which
//! it cannot be found again, and two hashes are compared in a time that tells nothing of where they differ.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// How many bytes of randomness a token has.
const BYTES: usize = 32;
/// What a token's text begins with, so that one that leaked is known for what it is.
const PREFIX: &str = "understory_";

/// A token. Whoever has its text is the agent it is for; it is never shown by accident.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

/// What is kept of a token.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint(pub(crate) [u8; BYTES]);

impl Token {
    /// A token as somebody has it, who may have made it up.
    pub fn claimed(text: impl Into<String>) -> Self {
        Token(text.into())
    }

    /// A new one.
    pub(crate) fn mint() -> Result<Self, Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| Error::NoRandomness { reason: error.to_string() })?;
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        Ok(Token(std::iter::once(PREFIX.to_owned()).chain(digits).collect()))
    }

    /// Its text, which is to be given to the agent alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(&self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Fingerprint {
    /// Whether it is the same, in the same time whether it is or not.
    pub(crate) fn fits(&self, other: &Fingerprint) -> bool {
        let differ = self.0.iter().zip(&other.0).fold(0, |differ, (one, two)| differ | (one ^ two));
        std::hint::black_box(differ) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_random_fits_itself_alone_and_is_not_shown() {
        let (one, two) = (Token::mint().unwrap(), Token::mint().unwrap());
        assert_eq!(one.reveal().len(), PREFIX.len() + 2 * BYTES);
        assert_ne!(one, two);
        assert!(one.fingerprint().fits(&Token::claimed(one.reveal()).fingerprint()));
        assert!(!one.fingerprint().fits(&two.fingerprint()));
        assert!(!one.fingerprint().fits(&Token::claimed("").fingerprint()));
        assert_eq!(format!("{one:?}"), "Token(..)");
        for at in 0..BYTES {
            let mut other = one.fingerprint();
            other.0[at] ^= 1;
            assert!(!one.fingerprint().fits(&other), "byte {at} counts");
        }
    }
}
