//! What a job looks like when all its rows are looked through: what went wrong, and what took longest.

use std::cmp::Reverse;
use std::collections::HashMap;

use understory_paths::AgentPath;
use understory_store::{Item, ItemState, Node, Table};

use super::output::item_of;
use crate::error::Error;
use crate::system::System;

/// How many rows are read at a time.
const PAGE: usize = 512;
/// How many rows of each kind of error are named.
const NAMED_MAX: usize = 3;
/// How many of the slowest rows are named.
const SLOWEST_MAX: usize = 5;
/// How many kinds of error are told apart.
const KINDS_MAX: usize = 1000;
/// How many texts are remembered for that.
const TEXTS_MAX: usize = 4 * KINDS_MAX;

/// All rows of a job in brief.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobDigest {
    /// Its failed rows by what went wrong, the most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// The rows whose last run took longest, the slowest first.
    pub slowest: Vec<SlowRow>,
}

/// Rows that failed alike: what went wrong differs in numbers and ids at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorGroup {
    /// What went wrong in the first of them.
    pub error: String,
    /// In how many rows.
    pub rows: u64,
    /// The item ids of the first few.
    pub first: Vec<String>,
}

/// A row that took long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowRow {
    /// Its number, from 1.
    pub number: u32,
    /// Its id in the job.
    pub item_id: String,
    /// How long the run took that brought it to its end, in milliseconds.
    pub took_ms: u64,
}

impl System {
    /// Looks through all rows of a job.
    ///
    /// # Errors
    /// The store failed.
    pub async fn job_digest(&self, path: &AgentPath) -> Result<JobDigest, Error> {
        let (mut kinds, mut slowest) = (Kinds::default(), Vec::new());
        let mut items = self.store.pages(Table::Node.beneath(path), PAGE);
        while let Some(rows) = items.next::<Node>().await? {
            for (_, number, item) in rows.into_iter().filter_map(|row| item_of(path, row)) {
                kinds.take(&item);
                if let Some(took_ms) = item.took_ms.filter(|_| item.state.is_final()) {
                    keep_slow(&mut slowest, SlowRow { number, item_id: item.item_id, took_ms });
                }
            }
        }
        Ok(JobDigest { errors: kinds.into_groups(), slowest })
    }

    /// Failed rows of a job by what went wrong, the most frequent first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn job_errors(&self, path: &AgentPath) -> Result<Vec<ErrorGroup>, Error> {
        Ok(self.job_digest(path).await?.errors)
    }
}

/// Errors by their kinds, in the order first met.
#[derive(Default)]
struct Kinds {
    /// Where the group of a text is: with the row's own id taken out, and with it, for the id may be a word of every row's.
    places: HashMap<String, usize>,
    groups: Vec<ErrorGroup>,
}

impl Kinds {
    fn take(&mut self, item: &Item) {
        if !matches!(item.state, ItemState::Failed { .. }) {
            return;
        }
        let error = item.last_error.as_deref().unwrap_or("no error was kept");
        let place = self.place(error, &item.item_id);
        let group = &mut self.groups[place];
        group.rows += 1;
        if group.first.len() < NAMED_MAX {
            group.first.push(item.item_id.clone());
        }
    }

    /// Where the group of an error is, which is there then.
    fn place(&mut self, error: &str, item_id: &str) -> usize {
        let texts = [kind(error, None), kind(error, Some(item_id))];
        let known = texts.iter().find_map(|text| self.places.get(text)).copied();
        if known.is_none() && self.groups.len() >= KINDS_MAX {
            // No text is this.
            return *self.places.entry("\0".to_owned()).or_insert_with(|| add(&mut self.groups, "other errors"));
        }
        let place = known.unwrap_or_else(|| add(&mut self.groups, error));
        // Those of a new group always are, or each row would make another.
        if known.is_none() || self.places.len() < TEXTS_MAX {
            for text in texts {
                self.places.entry(text).or_insert(place);
            }
        }
        place
    }

    fn into_groups(self) -> Vec<ErrorGroup> {
        let mut groups = self.groups;
        groups.sort_by_key(|group| Reverse(group.rows));
        groups
    }
}

fn add(groups: &mut Vec<ErrorGroup>, error: &str) -> usize {
    groups.push(ErrorGroup { error: error.to_owned(), rows: 0, first: Vec::new() });
    groups.len() - 1
}

/// A text with what may differ among errors of a kind taken out: words with a digit in them, and the row's own id
/// if that is given.
fn kind(error: &str, item_id: Option<&str>) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut kind = String::with_capacity(error.len());
    let mut rest = error;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        let differs = is_word(first) && (Some(part) == item_id || part.contains(|c: char| c.is_numeric()));
        kind.push_str(if differs { "#" } else { part });
        rest = behind;
    }
    kind
}

/// Puts a row among the slowest, if it is one of them; of two alike the earlier stands first.
fn keep_slow(slowest: &mut Vec<SlowRow>, row: SlowRow) {
    let place = slowest.partition_point(|other| other.took_ms >= row.took_ms);
    if place < SLOWEST_MAX {
        slowest.insert(place, row);
        slowest.truncate(SLOWEST_MAX);
    }
}

#[cfg(test)]
mod tests {
    use understory_store::{AgentId, ItemSource, Text, Time};

    use super::*;

    #[test]
    fn a_kind_is_what_does_not_differ() {
        let check = |error: &str, wanted: &str| assert_eq!(kind(error, Some("Paris")), wanted);
        check("exited with code 7: no such row r-12", "exited with code #: no such row #");
        check("no city Paris, no Parisian", "no city #, no Parisian");
        check("request 0192ab3f-77aa-7c01-9d20-1f2e3d4c5b6a: 1.5 s", "request #: #.# s");
        check("größer als ½?", "größer als #?");
        check("", "");
    }

    fn failed(number: u32, error: &str) -> Item {
        let item =
            Item::new(AgentId::new(), format!("row-{number}"), ItemSource::Number, Text::Inline("{}".to_owned()));
        Item { state: ItemState::Failed { at: Time(0) }, last_error: Some(error.to_owned()), ..item }
    }

    #[test]
    fn errors_of_a_kind_are_one_group_and_kinds_have_a_bound() {
        let mut kinds = Kinds::default();
        (1..=5).for_each(|row| kinds.take(&failed(row, &format!("no row-{row} after {row} s"))));
        kinds.take(&failed(6, "none"));
        let groups = kinds.into_groups();
        let first = ["row-1", "row-2", "row-3"].map(str::to_owned).to_vec();
        assert_eq!(groups[0], ErrorGroup { error: "no row-1 after 1 s".to_owned(), rows: 5, first });
        assert_eq!((groups.len(), groups[1].rows), (2, 1));

        let mut kinds = Kinds::default();
        let letters =
            |number: u32| number.to_string().chars().map(|digit| char::from(digit as u8 + 49)).collect::<String>();
        (1..=1010).for_each(|row| kinds.take(&failed(row, &letters(row))));
        kinds.take(&failed(1, &letters(1)));
        let groups = kinds.into_groups();
        let told: Vec<(&str, u64)> = groups.iter().take(3).map(|group| (group.error.as_str(), group.rows)).collect();
        assert_eq!((groups.len(), told), (1001, vec![("other errors", 10), ("b", 2), ("c", 1)]));
    }

    #[test]
    fn rows_with_the_same_error_are_one_group_whatever_their_ids_are() {
        let named = |item_id: &str, error: &str| Item { item_id: item_id.to_owned(), ..failed(1, error) };
        for ids in [["no", "is", "a", "plain"], ["plain", "a", "is", "no"]] {
            let mut kinds = Kinds::default();
            ids.iter().for_each(|id| kinds.take(&named(id, "there is no a")));
            // What differs in the id alone is still of a kind, and what is then the same is, too.
            ["Rome", "Paris"].iter().for_each(|id| kinds.take(&named(id, &format!("no city {id}"))));
            kinds.take(&named("city", "no city Paris"));
            let groups: Vec<_> = kinds.into_groups().into_iter().map(|group| (group.error, group.rows)).collect();
            assert_eq!(groups, [("there is no a".to_owned(), 4), ("no city Rome".to_owned(), 3)], "{ids:?}");
        }
    }

    #[test]
    fn the_slowest_come_first_and_are_few() {
        let mut slowest = Vec::new();
        for (number, took_ms) in [(1, 5), (2, 9), (3, 1), (4, 9), (5, 7), (6, 2), (7, 8)] {
            keep_slow(&mut slowest, SlowRow { number, item_id: String::new(), took_ms });
        }
        let told: Vec<(u32, u64)> = slowest.iter().map(|row| (row.number, row.took_ms)).collect();
        assert_eq!(told, [(2, 9), (4, 9), (7, 8), (5, 7), (1, 5)]);
    }
}
