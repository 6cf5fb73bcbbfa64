//! What came of a run.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::coverage::Coverage;
use crate::random::Tape;

/// How much of the product a run goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Operations straight on the store, over a simulated disk.
    Store,
    /// Clients, network, driver, TLS, connection, engine, store, disk.
    Full,
}

impl Level {
    /// The name that is printed, and written in a regression file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Full => "full",
        }
    }
}

impl Display for Level {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Something that must never happen, and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What was promised, in a few words that stay the same from run to run.
    pub invariant: &'static str,
    /// What happened instead.
    pub detail: String,
}

impl Violation {
    /// A violation.
    #[must_use]
    pub fn new(invariant: &'static str, detail: impl Into<String>) -> Self {
        Self { invariant, detail: detail.into() }
    }
}

impl Display for Violation {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.invariant, self.detail)
    }
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The level.
    pub level: Level,
    /// The seed; 0 for a run from a file.
    pub seed: u64,
    /// Folds everything that can be observed. The same seed gives the same number.
    pub hash: u64,
    /// How many things happened.
    pub events: u64,
    /// How much time passed in the simulated world.
    pub virtual_time: Duration,
    /// Which faults struck, and which states were reached.
    pub coverage: Coverage,
    /// What must never happen, and did.
    pub violation: Option<Violation>,
    /// The decisions, if they were noted down.
    pub tape: Option<Tape>,
}

impl Outcome {
    /// Whether everything held.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.violation.is_none()
    }
}

/// Folds what happens into one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest {
    state: u64,
    events: u64,
}

impl Digest {
    pub(crate) const fn new() -> Self {
        Self { state: 0xcbf2_9ce4_8422_2325, events: 0 }
    }

    pub(crate) const fn add(&mut self, kind: u64, value: u64) {
        self.state = crate::random::mix(self.state ^ kind.rotate_left(56) ^ value);
        self.events += 1;
    }

    pub(crate) const fn value(self) -> u64 {
        self.state
    }

    pub(crate) const fn events(self) -> u64 {
        self.events
    }
}
