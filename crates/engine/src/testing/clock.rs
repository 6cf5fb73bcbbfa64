use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::START_MS;
use crate::Clock;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(super) struct ManualClock {
    start: Instant,
    passed: Mutex<Duration>,
}

impl ManualClock {
    pub(super) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
        let start = Instant::now();
        Self { start, passed: Mutex::default() }
    }

    pub(super) fn pass(&self, time: Duration) {
        *self.lock() += time;
    }

    /// Moves to that time, if it is yet to come.
    pub(super) fn advance_to(&self, time: Instant) {
        let mut passed = self.lock();
        *passed = time.saturating_duration_since(self.start).max(*passed);
    }

    /// A duration stays whole even if a thread panicked while it held the lock.
    fn lock(&self) -> MutexGuard<'_, Duration> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Instant {
        self.start + *self.lock()
    }

    fn unix_ms(&self) -> i64 {
        let passed_ms = i64::try_from(self.lock().as_millis()).unwrap_or(i64::MAX);
        START_MS.saturating_add(passed_ms)
    }
}
