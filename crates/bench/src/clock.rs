use std::time::Instant;

/// What time it is: the one place where this program asks.
#[expect(clippy::disallowed_methods, reason = "measuring is about real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
