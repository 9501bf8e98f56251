//! A row as a JSON object: its keys, and its values as the text they are.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::job::export::json::compact;

/// A JSON object in which nothing is there twice, however deep, and which every reader of JSON can read.
pub(super) struct Sound;

/// The keys of an object in their order, with the text of their values: a number keeps all its digits.
pub(super) struct Fields<'t>(pub(super) Vec<(String, &'t RawValue)>);

/// Returns a value as a cell: a string as it is, anything else as JSON.
pub(super) fn cell(value: &RawValue) -> Result<String, serde_json::Error> {
    match value.get() {
        text if text.starts_with('"') => serde_json::from_str(text),
        text => Ok(compact(text)),
    }
}

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Judge { of: "an object" })?;
        Ok(Sound)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Split).map(Fields)
    }
}

/// Any value, all of it looked at.
struct Any;

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Judge { of: "a value" })?;
        Ok(Any)
    }
}

struct Judge {
    of: &'static str,
}

impl<'de> Visitor<'de> for Judge {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.of)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element::<Any>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} is there twice")));
            }
            seen.insert(key);
            fields.next_value::<Any>()?;
        }
        Ok(())
    }
}

struct Split;

impl<'de> Visitor<'de> for Split {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut split = Vec::new();
        while let Some(field) = fields.next_entry()? {
            split.push(field);
        }
        Ok(split)
    }
}
