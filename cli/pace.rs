//! How fast a job's rows come to their ends of late.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is of late.
const WINDOW: Duration = Duration::from_secs(30);
/// Marks lie at least so far apart, which bounds how many there are.
const APART: Duration = Duration::from_millis(500);
/// A shorter time than this tells nothing.
const SHORTEST: Duration = Duration::from_secs(1);

/// How many rows were done when, of late.
pub(crate) struct Pace {
    marks: VecDeque<(Instant, u32)>,
    now: (Instant, u32),
}

impl Pace {
    /// Begins to look: what was done before does not count.
    pub(crate) fn new(now: Instant, done: u32) -> Self {
        Pace { marks: VecDeque::from([(now, done)]), now: (now, done) }
    }

    /// Takes how many are done now.
    pub(crate) fn mark(&mut self, now: Instant, done: u32) {
        self.now = (now, done);
        if self.marks.back().is_none_or(|(last, _)| now.duration_since(*last) >= APART) {
            self.marks.push_back(self.now);
        }
        // The newest mark that is no longer of late is where the time that is begins.
        while self.marks.get(1).is_some_and(|(second, _)| now.duration_since(*second) >= WINDOW) {
            self.marks.pop_front();
        }
    }

    /// Rows a second; nothing while it cannot be told.
    pub(crate) fn rate(&self) -> Option<f64> {
        let (since, before) = *self.marks.front()?;
        let (now, done) = self.now;
        let span = now.duration_since(since);
        let rows = done.checked_sub(before).filter(|rows| *rows > 0 && span >= SHORTEST)?;
        Some(f64::from(rows) / span.as_secs_f64())
    }

    /// How long so many rows more will take at that.
    pub(crate) fn left(&self, rows: u32) -> Option<Duration> {
        Duration::try_from_secs_f64(f64::from(rows) / self.rate()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_the_last_half_minute() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(start, 100);
        assert_eq!((pace.rate(), pace.left(5)), (None, None));
        pace.mark(start + Duration::from_millis(900), 200);
        assert_eq!(pace.rate(), None, "too short a time");
        pace.mark(at(10), 200);
        assert_eq!((pace.rate(), pace.left(50)), (Some(10.0), Some(Duration::from_secs(5))));
        pace.mark(at(30), 200);
        pace.mark(at(40), 260);
        assert_eq!(pace.rate(), Some(2.0), "from the mark at 10 s on");
        pace.mark(at(100), 260);
        pace.mark(at(130), 260);
        assert_eq!((pace.rate(), pace.left(1)), (None, None), "nothing of late");
        // Rows that are tried again are not done any more.
        pace.mark(at(131), 250);
        assert_eq!(pace.rate(), None);
    }

    #[test]
    fn many_marks_are_few() {
        let start = Instant::now();
        let mut pace = Pace::new(start, 0);
        (1..100_000).for_each(|done| pace.mark(start + Duration::from_millis(done.into()), done));
        assert!(pace.marks.len() <= 63, "{}", pace.marks.len());
        assert!(pace.rate().is_some_and(|rate| (rate - 1000.0).abs() < 1e-6), "{:?}", pace.rate());
    }
}
