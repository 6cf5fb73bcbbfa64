//! One run: a seed or a tape, and what came of it.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::Duration;

use crate::dice::Dice;
use crate::fault::FaultSet;
use crate::outcome::{Level, Outcome, Violation};
use crate::random::{Decisions, Tape};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Run {
    level: Level,
    seed: u64,
    tape: Option<Tape>,
    faults: FaultSet,
    record: bool,
    trace: bool,
}

/// Runs a seed on the store.
#[must_use]
pub fn run_store_seed(seed: u64) -> Outcome {
    Run::seed(Level::Store, seed).execute()
}

/// Runs a seed through everything, from clients to disk.
#[must_use]
pub fn run_full_seed(seed: u64) -> Outcome {
    Run::seed(Level::Full, seed).execute()
}

impl Run {
    /// A run of a seed, with all faults.
    #[must_use]
    pub fn seed(level: Level, seed: u64) -> Self {
        Self { level, seed, tape: None, faults: FaultSet::all(), record: false, trace: false }
    }

    /// A run of decisions that were noted down.
    #[must_use]
    pub fn tape(level: Level, tape: Tape) -> Self {
        Self { tape: Some(tape), ..Self::seed(level, 0) }
    }

    /// With these faults only.
    #[must_use]
    pub const fn with_faults(mut self, faults: FaultSet) -> Self {
        self.faults = faults;
        self
    }

    /// Notes the decisions down, for [`Outcome::tape`].
    #[must_use]
    pub const fn recording(mut self) -> Self {
        self.record = true;
        self
    }

    /// Prints what happens while it happens.
    #[must_use]
    pub const fn tracing(mut self) -> Self {
        self.trace = true;
        self
    }

    /// Runs it. A panic of the product is a violation like any other.
    #[must_use]
    pub fn execute(&self) -> Outcome {
        quiet_panics();
        let decisions = match &self.tape {
            Some(tape) => Decisions::replaying(tape.clone()),
            None if self.record => Decisions::recording(self.seed),
            None => Decisions::from_seed(self.seed),
        };
        let dice = Dice::new(decisions, self.trace);
        PANIC.with_borrow_mut(Option::take);
        let ran = panic::catch_unwind(AssertUnwindSafe(|| match self.level {
            Level::Store => crate::store::run(&dice, self.faults),
            Level::Full => crate::full::run(&dice, self.faults),
        }));
        let (result, passed_ms) = ran.unwrap_or_else(|_| (Err(panicked()), 0));
        let digest = dice.digest();
        Outcome {
            level: self.level,
            seed: self.seed,
            hash: digest.value(),
            events: digest.events(),
            virtual_time: Duration::from_millis(passed_ms),
            coverage: dice.coverage(),
            violation: result.err(),
            tape: self.record.then(|| dice.take_tape()),
        }
    }
}

thread_local! {
    /// What the last panic of this thread said.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The violation that the last panic of this thread is.
pub(crate) fn panicked() -> Violation {
    let message = PANIC.with_borrow_mut(Option::take);
    Violation::new("nothing panics", message.unwrap_or_else(|| "without a message".to_owned()))
}

/// Keeps panics of runs from the terminal: they are reported with their seed.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let message = info.to_string();
            PANIC.with_borrow_mut(|slot| *slot = Some(message));
        }));
    });
}
