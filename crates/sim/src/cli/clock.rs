use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The real time, for rates and for how long to run. Nothing simulated depends on it.
#[expect(clippy::disallowed_methods, reason = "the one place where the simulator asks a clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A seed that was hardly used before.
#[expect(clippy::disallowed_methods, reason = "the one place where the simulator asks a clock")]
pub(crate) fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Leaves room for as many seeds behind it as anybody runs, and stays short enough to type.
    since.as_secs() << 20
}
