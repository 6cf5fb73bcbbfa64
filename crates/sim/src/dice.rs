//! The decisions, the coverage and the digest of one run, shared by everything in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::coverage::{Coverage, State};
use crate::fault::{FaultKind, FaultSet};
use crate::outcome::Digest;
use crate::random::{Decisions, Stream, Tape};

/// One run's decisions and notes. Clones are the same.
///
/// The lock is never contended: a run is one thread. It is there because the hook of the disk must
/// be able to go to another.
#[derive(Debug, Clone)]
pub(crate) struct Dice(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    decisions: Decisions,
    coverage: Coverage,
    digest: Digest,
    /// Whether faults may happen now.
    faults_on: bool,
    /// Whether to say what happens.
    tracing: bool,
}

impl Dice {
    pub(crate) fn new(decisions: Decisions, tracing: bool) -> Self {
        let (coverage, digest) = (Coverage::default(), Digest::new());
        Self(Arc::new(Mutex::new(Inner { decisions, coverage, digest, faults_on: true, tracing })))
    }

    pub(crate) fn below(&self, stream: Stream, bound: u64) -> u64 {
        self.lock().decisions.below(stream, bound)
    }

    pub(crate) fn between(&self, stream: Stream, low: u64, high: u64) -> u64 {
        self.lock().decisions.between(stream, low, high)
    }

    pub(crate) fn chance(&self, stream: Stream, per_mille: u64) -> bool {
        self.lock().decisions.chance(stream, per_mille)
    }

    /// An index into something of that length.
    pub(crate) fn index(&self, stream: Stream, length: usize) -> usize {
        usize::try_from(self.below(stream, length as u64)).expect("an index below a length")
    }

    /// Whether a fault happens now, which is then counted.
    pub(crate) fn strikes(&self, kind: FaultKind, per_mille: u64) -> bool {
        let mut inner = self.lock();
        let struck = inner.faults_on && inner.decisions.strikes(kind, per_mille);
        if struck {
            inner.coverage.struck(kind);
        }
        struck
    }

    /// Counts a fault that is a part of another.
    pub(crate) fn struck(&self, kind: FaultKind) {
        self.lock().coverage.struck(kind);
    }

    pub(crate) fn entropy(&self) -> [u8; 32] {
        self.lock().decisions.entropy()
    }

    pub(crate) fn reached(&self, state: State) {
        self.lock().coverage.reached(state);
    }

    pub(crate) fn note(&self, kind: u64, value: u64) {
        self.lock().digest.add(kind, value);
    }

    /// Says what happens, if anybody wants to know.
    pub(crate) fn trace(&self, line: impl FnOnce() -> String) {
        if self.lock().tracing {
            println!("{}", line());
        }
    }

    pub(crate) fn restrict(&self, faults: FaultSet) {
        self.lock().decisions.restrict(faults);
    }

    pub(crate) fn allowed(&self) -> FaultSet {
        self.lock().decisions.allowed()
    }

    /// Lets faults happen, or not.
    pub(crate) fn set_faults(&self, on: bool) {
        self.lock().faults_on = on;
    }

    pub(crate) fn coverage(&self) -> Coverage {
        self.lock().coverage.clone()
    }

    pub(crate) fn digest(&self) -> Digest {
        self.lock().digest
    }

    /// The tape of the decisions so far, if they are noted down.
    pub(crate) fn take_tape(&self) -> Tape {
        let mut inner = self.lock();
        let decisions = std::mem::replace(&mut inner.decisions, Decisions::from_seed(0));
        decisions.into_tape()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
