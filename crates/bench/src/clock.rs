use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What time it is: the one place where this program asks.
#[expect(clippy::disallowed_methods, reason = "measuring is about real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The processor time of this thread so far. What others do on the machine is not in it.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // Neither is negative.
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Milliseconds since 1970, for the timestamps of records.
#[expect(clippy::disallowed_methods, reason = "servers refuse records from far away in time")]
pub(crate) fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
