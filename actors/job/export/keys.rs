//! The keys of results that are columns of their own.

use std::collections::HashSet;

use super::COLUMNS;
use super::json::{compact, entries};

/// The most keys that are columns; what more there are is found in `result_json` alone.
const KEYS_MAX: usize = 1024;
/// The longest key that is a column, in bytes.
const KEY_MAX: usize = 1024;

/// The keys of results, in the order first met.
#[derive(Debug, Default)]
pub struct Keys {
    found: Vec<String>,
    seen: HashSet<String>,
}

impl Keys {
    /// Takes the keys of one more result, a JSON object.
    pub fn meet(&mut self, result: &str) {
        for (key, _) in entries(&compact(result)) {
            if self.found.len() < KEYS_MAX && key.len() <= KEY_MAX && self.seen.insert(key.clone()) {
                self.found.push(key);
            }
        }
    }

    /// Returns them all.
    pub fn into_found(self) -> Vec<String> {
        self.found
    }
}

/// The columns' names for keys: a name that another column has already gets `result.` before it.
pub(super) fn column_names(headers: &[String], keys: &[String]) -> Vec<String> {
    let mut taken: HashSet<String> = headers.iter().cloned().chain(COLUMNS.map(str::to_owned)).collect();
    let name = |key: &String| {
        let mut name = key.clone();
        while !taken.insert(name.clone()) {
            name.insert_str(0, "result.");
        }
        name
    };
    keys.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(results: &[&str]) -> Vec<String> {
        let mut keys = Keys::default();
        results.iter().for_each(|result| keys.meet(result));
        keys.into_found()
    }

    #[test]
    fn keys_come_in_the_order_first_met() {
        assert_eq!(
            met(&[r#"{ "b" : 1, "a": {"x": [2, "}"]} }"#, "{}", r#"{"c":null,"a":"\"}","b":0}"#]),
            ["b", "a", "c"]
        );
        assert_eq!(met(&[r#"{"tab\tü":1,"tab\u0009ü":2}"#]), ["tab\tü"], "one key in two spellings");
        assert_eq!(met(&["[1]", "7", ""]), <[String; 0]>::default());
    }

    #[test]
    fn keys_have_a_bound() {
        let many: Vec<String> = (0..=KEYS_MAX).map(|key| format!("\"k{key}\":0")).collect();
        let found = met(&[&format!("{{{}}}", many.join(",")), r#"{"more":1}"#]);
        assert_eq!((found.len(), found[KEYS_MAX - 1].as_str()), (KEYS_MAX, "k1023"));
        let [fits, long] = [KEY_MAX, KEY_MAX + 1].map(|length| "k".repeat(length));
        assert_eq!(met(&[&format!("{{\"{long}\":0,\"{fits}\":1}}")]), [fits]);
    }

    #[test]
    fn a_name_that_is_taken_gets_another() {
        let strings = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let names = column_names(&strings(&["id", "n", "result.n"]), &strings(&["km", "n", "status", "result.status"]));
        assert_eq!(names, ["km", "result.result.n", "result.status", "result.result.status"]);
    }
}
