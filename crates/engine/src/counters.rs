use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Code, Notice};

/// What happened so far, in numbers. Every field only grows.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that were let in.
    pub connections_accepted: Counter,
    /// Connections that have ended.
    pub connections_closed: Counter,
    /// Logins that succeeded.
    pub logins: Counter,
    /// Produce requests that arrived.
    pub produce_requests: Counter,
    /// Batches that were stored and made durable, whether or not that was in time for an answer.
    pub batches_stored: Counter,
    /// Records in those batches.
    pub records_stored: Counter,
    /// Bytes of those batches as they are stored.
    pub bytes_stored: Counter,
    /// Batches that had been stored before, and were answered with the offset they have. They are
    /// not counted a second time above.
    pub duplicates: Counter,
    refusals: Refusals,
    notices: [Counter; Notice::ALL.len()],
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `amount`.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// The present value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// How often something was refused with `code`.
    #[must_use]
    pub fn refusals(&self, code: Code) -> u64 {
        self.refusals.0[code as usize].get()
    }

    /// How often something was noticed.
    #[must_use]
    pub fn notices(&self, notice: Notice) -> u64 {
        self.notices[notice as usize].get()
    }

    pub(crate) fn count_notice(&self, notice: Notice) {
        self.notices[notice as usize].increment();
    }

    pub(crate) fn count_refusal(&self, code: Code) {
        self.refusals.0[code as usize].increment();
    }
}

#[derive(Debug)]
struct Refusals([Counter; Code::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_counter_of_its_own() {
        let counters = Counters::default();
        for code in Code::ALL {
            counters.count_refusal(code);
        }
        assert!(Code::ALL.iter().all(|code| counters.refusals(*code) == 1));
        assert!(Notice::ALL.iter().all(|notice| counters.notices(*notice) == 0));
        Notice::ALL.iter().for_each(|notice| counters.count_notice(*notice));
        assert!(Notice::ALL.iter().all(|notice| counters.notices(*notice) == 1));
    }
}
