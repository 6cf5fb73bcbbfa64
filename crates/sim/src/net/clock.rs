use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When every run begins, in ms since 1970.
const START_MS: i64 = 1_700_000_000_000;

/// The clock of a simulated world. It stands still until the world moves it.
#[derive(Debug)]
pub struct VirtualClock {
    start: Instant,
    passed_ns: AtomicU64,
    /// What the wall clock is ahead of the time that has passed.
    wall_ahead_ms: AtomicI64,
    frozen: AtomicBool,
    frozen_ms: AtomicI64,
}

impl VirtualClock {
    /// A clock at the beginning of a run.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: start(),
            passed_ns: AtomicU64::new(0),
            wall_ahead_ms: AtomicI64::new(START_MS),
            frozen: AtomicBool::new(false),
            frozen_ms: AtomicI64::new(0),
        }
    }

    /// The time since the beginning, in nanoseconds.
    #[must_use]
    pub fn passed_ns(&self) -> u64 {
        self.passed_ns.load(Ordering::Relaxed)
    }

    /// The time since the beginning.
    #[must_use]
    pub fn passed(&self) -> Duration {
        Duration::from_nanos(self.passed_ns())
    }

    /// The present moment, for whoever wants an `Instant`.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.start + self.passed()
    }

    /// The moment of an `Instant` of this clock, in nanoseconds since the beginning.
    pub(crate) fn ns_of(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.start);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Moves the clock forward, never back.
    pub(crate) fn advance_to(&self, ns: u64) {
        self.passed_ns.fetch_max(ns, Ordering::Relaxed);
    }

    /// What the wall clock says, in ms since 1970.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        if self.frozen.load(Ordering::Relaxed) {
            return self.frozen_ms.load(Ordering::Relaxed);
        }
        let passed_ms = i64::try_from(self.passed().as_millis()).unwrap_or(i64::MAX);
        self.wall_ahead_ms.load(Ordering::Relaxed).saturating_add(passed_ms)
    }

    /// Lets the wall clock jump.
    pub(crate) fn step_wall(&self, ms: i64) {
        self.wall_ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Lets the wall clock stand still, or go on.
    pub(crate) fn freeze_wall(&self, frozen: bool) {
        self.frozen_ms.store(self.wall_ms(), Ordering::Relaxed);
        self.frozen.store(frozen, Ordering::Relaxed);
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl logboom_engine::Clock for VirtualClock {
    fn monotonic(&self) -> Instant {
        self.instant()
    }

    fn unix_ms(&self) -> i64 {
        self.wall_ms()
    }
}

/// Any instant will do as a beginning, and it is the same for all runs of the process.
#[expect(clippy::disallowed_methods, reason = "any instant will do as a beginning")]
fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}
