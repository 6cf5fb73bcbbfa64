use std::time::Instant;

/// The present time. Commands live in real time: they wait for servers and signals, and tell people
/// how long something took.
#[allow(clippy::disallowed_methods, reason = "the one place where the command line asks a clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
