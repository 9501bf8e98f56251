//! A place between the rows of a list: just before or just behind a row, whether that is still there or not.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use understory_paths::AgentPath;
use understory_store::{Key, Table, Time};

use super::query::Order;
use crate::error::Error;

/// Where a page of a list begins or ends. Its text is for giving back, not for reading: it stays good while rows come and
/// go, and fits the order of the list that gave it only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) order: Order,
    /// What the row is ordered by before its path; 0 where that is nothing.
    pub(super) time: Time,
    pub(super) path: AgentPath,
    pub(super) behind: bool,
}

/// What rows are ordered by: the newest first, those of one moment by path.
pub(super) type Place = (Reverse<Time>, AgentPath);

impl Cursor {
    pub(super) fn at(order: Order, (Reverse(time), path): Place, behind: bool) -> Self {
        Cursor { order, time, path, behind }
    }

    /// Whether a row lies behind this place.
    pub(super) fn precedes(&self, place: &Place) -> bool {
        let mine = (Reverse(self.time), &self.path);
        let (time, path) = place;
        if self.behind { mine < (*time, path) } else { mine <= (*time, path) }
    }

    /// The first key that a row behind this place may have, where rows are ordered by path.
    pub(super) fn key(&self) -> Key {
        if self.behind { Table::Node.behind(&self.path) } else { Table::Node.at(&self.path) }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.behind { 'b' } else { 'a' };
        write!(f, "{}{side}{:x}.{}", self.order.letter(), self.time.0, self.path)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let mut letters = text.chars();
            let order = Order::of_letter(letters.next()?)?;
            let behind = match letters.next()? {
                'b' => true,
                'a' => false,
                _ => return None,
            };
            let (time, path) = letters.as_str().split_once('.')?;
            // What parses in another spelling was not given by a list.
            let time = u64::from_str_radix(time, 16).ok().filter(|number| format!("{number:x}") == time)?;
            Some(Cursor { order, time: Time(time), path: path.parse().ok()?, behind })
        };
        parse().ok_or_else(|| Error::BadQuery(format!("{text:?} is no cursor: take one from a page before")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went_and_nothing_else_is_one() {
        for (order, time) in [(Order::Path, 0), (Order::Created, 0xabc), (Order::Active, u64::MAX)] {
            for behind in [true, false] {
                let cursor = Cursor { order, time: Time(time), path: "/root/a/b_1".parse().unwrap(), behind };
                assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
            }
        }
        let good = "pb0./root/a";
        assert!(good.parse::<Cursor>().is_ok());
        for bad in ["", "p", "pb", "pb0", "xb0./root/a", "px0./root/a", "pb0./root/A", "pb00./root", "pb-1./root", "é"]
        {
            let error = bad.parse::<Cursor>().unwrap_err().to_string();
            assert_eq!(error, format!("{bad:?} is no cursor: take one from a page before"));
        }
    }
}
