use std::sync::atomic::{AtomicI64, Ordering};

/// How many producer ids are reserved in the catalogue at a time.
pub(crate) const BLOCK: i64 = 1 << 20;
/// The first producer id ever given out.
pub(crate) const FIRST: i64 = 1;

/// Gives out producer ids that were reserved durably before. Those that are left over when the
/// process ends are never given out, so that no id is used twice across a crash.
#[derive(Debug)]
pub(crate) struct ProducerIds {
    next: AtomicI64,
    end: AtomicI64,
}

impl ProducerIds {
    /// The ids from `start` to `end`, exclusive, are reserved.
    pub(crate) fn new(start: i64, end: i64) -> Self {
        Self { next: AtomicI64::new(start), end: AtomicI64::new(end) }
    }

    /// The next id; `None` if none is reserved.
    pub(crate) fn next(&self) -> Option<i64> {
        let end = self.end.load(Ordering::Acquire);
        let take = |next: i64| (next < end).then_some(next + 1);
        self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()
    }

    /// Whether an id may have been given out, by this process or by one before it. Those that were
    /// left over at a restart count as given out.
    pub(crate) fn may_have_given(&self, id: i64) -> bool {
        (FIRST..self.next.load(Ordering::Relaxed)).contains(&id)
    }

    /// Whether it is time to reserve more.
    pub(crate) fn run_low(&self) -> bool {
        let left = self.end.load(Ordering::Acquire) - self.next.load(Ordering::Relaxed);
        left < BLOCK / 2
    }

    /// The ids below `end` have been reserved.
    pub(crate) fn extend(&self, end: i64) {
        self.end.store(end, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_given_out_that_was_not_reserved() {
        let ids = ProducerIds::new(FIRST, 3);
        assert_eq!([ids.next(), ids.next(), ids.next()], [Some(1), Some(2), None]);
        assert!(ids.run_low());
        ids.extend(3 + BLOCK);
        assert_eq!(ids.next(), Some(3));
        assert!(ids.may_have_given(FIRST) && ids.may_have_given(3));
        assert!(!ids.may_have_given(0) && !ids.may_have_given(4) && !ids.may_have_given(-1));
        assert!(!ids.run_low());
    }
}
