//! When expired logs are looked for, and what is said about it.

use std::time::{Duration, Instant};

use logboom_engine::Engine;
use logboom_store::Retained;

use crate::clock::now;

/// How often expired logs are looked for while there are few.
const PERIOD_MAX: Duration = Duration::from_secs(30);
/// How often while there are many.
const PERIOD_MIN: Duration = Duration::from_millis(250);

/// Looks for expired logs so often that about one segment is removed at a time.
///
/// To remove a file is much work at once for a disk whose file system tells it which blocks are free
/// (the mount option `discard`): 10 ms for a segment of 64 MiB were measured on a virtual disk,
/// in which nothing else was written. Half a minute's segments at once were half a second.
#[derive(Debug)]
pub(super) struct Expiry {
    period: Duration,
    due: Instant,
    /// What was removed since that was said the last time.
    untold: Retained,
    told: Instant,
}

impl Expiry {
    pub(super) fn new() -> Self {
        let now = now();
        Self { period: PERIOD_MAX, due: now + PERIOD_MAX, untold: Retained::default(), told: now }
    }

    /// How long until it is time.
    pub(super) fn time_left(&self) -> Duration {
        self.due.saturating_duration_since(now())
    }

    /// Removes what has expired.
    pub(super) fn apply(&mut self, engine: &Engine) {
        match engine.apply_retention() {
            Ok(done) => {
                self.period = next_period(self.period, done.segments_removed);
                self.note(done);
            }
            Err(error) => tracing::error!(
                target: "logboom::store",
                %error,
                "expired segments could not be removed; trying again",
            ),
        }
        self.due = now() + self.period;
    }

    /// Says what was removed, but not more often than every half minute.
    fn note(&mut self, done: Retained) {
        self.untold.segments_removed += done.segments_removed;
        self.untold.expired_by_age_bytes += done.expired_by_age_bytes;
        self.untold.expired_by_size_bytes += done.expired_by_size_bytes;
        if self.untold.segments_removed == 0 || now().duration_since(self.told) < PERIOD_MAX {
            return;
        }
        tracing::info!(
            target: "logboom::store",
            segments = self.untold.segments_removed,
            expired_by_age_bytes = self.untold.expired_by_age_bytes,
            expired_by_size_bytes = self.untold.expired_by_size_bytes,
            "expired segments removed",
        );
        (self.untold, self.told) = (Retained::default(), now());
    }
}

/// The period after a round that removed so many segments.
fn next_period(period: Duration, segments_removed: usize) -> Duration {
    let next = match u32::try_from(segments_removed).unwrap_or(u32::MAX) {
        0 => period * 2,
        removed => period / removed,
    };
    next.clamp(PERIOD_MIN, PERIOD_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// At whatever rate segments expire, a round soon removes one or two, or as few as the
        /// shortest period allows.
        #[test]
        fn rounds_soon_find_little_to_remove(segments_per_second in 0.0..40.0_f64) {
            let (mut period, mut waiting, mut most) = (PERIOD_MAX, 0.0, 0);
            for round in 0..60 {
                waiting += segments_per_second * period.as_secs_f64();
                let removed = waiting as usize;
                waiting -= removed as f64;
                period = next_period(period, removed);
                if round >= 10 {
                    most = most.max(removed);
                }
            }
            let at_least = (segments_per_second * PERIOD_MIN.as_secs_f64()).ceil() as usize;
            prop_assert!(most <= at_least.max(2) + 1, "{most} at once");
        }
    }
}
