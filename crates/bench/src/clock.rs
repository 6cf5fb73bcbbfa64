use std::time::Instant;

/// What time it is: the one place where this program asks.
#[expect(clippy::disallowed_methods, reason = "measuring is about real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970, for the timestamps of records.
#[expect(clippy::disallowed_methods, reason = "servers refuse records from far away in time")]
pub(crate) fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
