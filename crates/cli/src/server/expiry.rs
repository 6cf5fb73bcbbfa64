//! When expired logs are looked for, and what is said about it.

use std::time::{Duration, Instant};

use logboom_engine::Engine;
use logboom_store::{Retained, Store};

use crate::clock::now;

/// How often expired logs are looked for at least, and how often it is said at most what was removed.
const PERIOD_MAX: Duration = Duration::from_secs(30);

/// Looks for expired logs every half minute, and whenever as much was written as makes a segment, so
/// that about one segment is removed at a time.
///
/// To remove a file is much work at once for a disk whose file system tells it which blocks are free
/// (the mount option `discard`): 10 ms for a segment of 64 MiB were measured on a virtual disk, in
/// which nothing else was written. The segments of half a minute at once were half a second.
#[derive(Debug)]
pub(super) struct Expiry {
    /// When they were looked for the last time, and where the log ended then.
    looked: Instant,
    log_end: u64,
    /// What was removed since that was said the last time.
    untold: Retained,
    told: Option<Instant>,
}

impl Expiry {
    pub(super) fn new(store: &Store) -> Self {
        let log_end = store.log_end().get();
        Self { looked: now(), log_end, untold: Retained::default(), told: None }
    }

    /// Whether it is time.
    pub(super) fn is_due(&self, store: &Store) -> bool {
        let written = store.log_end().get().saturating_sub(self.log_end);
        written >= u64::from(store.segment_bytes())
            || now().duration_since(self.looked) >= PERIOD_MAX
    }

    /// Removes what has expired.
    pub(super) fn apply(&mut self, engine: &Engine) {
        (self.looked, self.log_end) = (now(), engine.store().log_end().get());
        match engine.apply_retention() {
            Ok(done) => self.note(done),
            Err(error) => tracing::error!(
                target: "logboom::store",
                %error,
                "expired segments could not be removed; trying again",
            ),
        }
    }

    fn note(&mut self, done: Retained) {
        self.untold.segments_removed += done.segments_removed;
        self.untold.expired_by_age_bytes += done.expired_by_age_bytes;
        self.untold.expired_by_size_bytes += done.expired_by_size_bytes;
        let lately = self.told.is_some_and(|told| now().duration_since(told) < PERIOD_MAX);
        if self.untold.segments_removed == 0 || lately {
            return;
        }
        tracing::info!(
            target: "logboom::store",
            segments = self.untold.segments_removed,
            expired_by_age_bytes = self.untold.expired_by_age_bytes,
            expired_by_size_bytes = self.untold.expired_by_size_bytes,
            "expired segments removed",
        );
        (self.untold, self.told) = (Retained::default(), Some(now()));
    }
}
