use std::fmt::Debug;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the engine gets the time from. A simulator brings its own.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time that never goes backwards, for deadlines and pauses.
    fn monotonic(&self) -> Instant;
    /// Milliseconds since 1970-01-01T00:00:00Z: the append time of a batch, which decides about
    /// its retention.
    fn unix_ms(&self) -> i64;
}

/// The clocks of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[allow(clippy::disallowed_methods, reason = "the one place where the engine meets a real clock")]
impl Clock for SystemClock {
    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    fn unix_ms(&self) -> i64 {
        // Before 1970 and after the year 292,277,026 the clock is wrong, and 0 is as good as any.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .unwrap_or(0)
    }
}
