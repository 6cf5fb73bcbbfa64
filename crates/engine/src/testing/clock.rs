use std::time::Instant;

use logboom_sans_io::testing::{Ground as _, ManualClock};

use super::START_MS;
use crate::Clock;

pub(super) fn stopped() -> ManualClock {
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    let start = Instant::now();
    ManualClock::new(start)
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Instant {
        self.now()
    }

    fn unix_ms(&self) -> i64 {
        let passed_ms = i64::try_from(self.passed().as_millis()).unwrap_or(i64::MAX);
        START_MS.saturating_add(passed_ms)
    }
}
