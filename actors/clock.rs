//! The runtime's clock: the only place that asks what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use understory_store::Time;

/// Wall time as of the process's start, moved on by tokio's clock, so that a test that pauses that clock moves this one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Time,
    started: Instant,
}

impl Clock {
    /// Starts from what the system says now.
    #[expect(clippy::disallowed_methods, reason = "this is the runtime's clock")]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Clock { wall: Time(0).after(wall), started: Instant::now() }
    }

    /// When the process began to ask.
    pub(crate) fn started(&self) -> Time {
        self.wall
    }

    /// Now.
    pub fn now(&self) -> Time {
        self.wall.after(self.started.elapsed())
    }

    /// The moment of tokio's clock at which it will be `time`; now if that is past.
    pub(crate) fn instant(&self, time: Time) -> Instant {
        Instant::now() + self.now().until(time)
    }
}
