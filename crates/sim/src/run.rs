//! One run: a seed or a tape, and what came of it.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::Duration;

use crate::dice::Dice;
use crate::fault::{FaultKind, FaultSet};
use crate::full::Client;
use crate::outcome::{Level, Outcome, Violation};
use crate::random::{Decisions, Tape};

/// What is to be run.
///
/// ```
/// use std::time::Duration;
///
/// use logboom_sim::{Client, ClientEvent, FaultKind, FaultSet, Level, Port, Run, Violation};
///
/// // A client that sends one request, on however many connections it takes.
/// #[derive(Default)]
/// struct Curious {
///     received: Vec<u8>,
///     calm: bool,
/// }
///
/// impl Client for Curious {
///     fn name(&self) -> String {
///         "curious".to_owned()
///     }
///
///     fn on_event(&mut self, event: ClientEvent, port: &mut Port<'_>) -> Result<(), Violation> {
///         match event {
///             // The first event of all is a timer.
///             ClientEvent::Timer(_) => port.connect(),
///             ClientEvent::Connected(id) => {
///                 port.write(id, &[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 42, 0xff, 0xff]);
///             }
///             ClientEvent::Arrived(id) => {
///                 port.read(id, &mut self.received);
///                 if self.received.len() > 8 && self.received[4..8] != [0, 0, 0, 42] {
///                     return Err(Violation::new("it is my answer", "it is not"));
///                 }
///                 if self.is_done() {
///                     port.close(id);
///                 }
///             }
///             ClientEvent::Refused | ClientEvent::Ended(_) | ClientEvent::Reset(_) => {
///                 self.received.clear();
///                 port.timer(Duration::from_millis(100), 0);
///             }
///             ClientEvent::Calm => self.calm = true,
///         }
///         Ok(())
///     }
///
///     fn is_done(&self) -> bool {
///         self.calm && self.received.len() > 8
///     }
/// }
///
/// // The world of seed 7 without the faults it would draw, but with the process killed once.
/// let run = Run::seed(Level::Full, 7)
///     .with_faults(FaultSet::NONE)
///     .with_client(|| Box::new(Curious::default()))
///     .with_operation(Duration::from_millis(300), FaultKind::Kill);
/// let outcome = run.execute();
/// assert!(outcome.holds(), "{:?}", outcome.violation);
/// assert_eq!(outcome.coverage.of_fault(FaultKind::Kill), 1);
/// assert_eq!(run.execute().hash, outcome.hash);
/// ```
#[derive(Debug, Clone)]
pub struct Run {
    level: Level,
    seed: u64,
    tape: Option<Tape>,
    faults: FaultSet,
    record: bool,
    trace: bool,
    script: Script,
}

/// What takes part in a run of [`Level::Full`] besides what is drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) clients: Vec<fn() -> Box<dyn Client>>,
    pub(crate) operations: Vec<(Duration, FaultKind)>,
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
        Self {
            level,
            seed,
            tape: None,
            faults: FaultSet::all(),
            record: false,
            trace: false,
            script: Script::default(),
        }
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

    /// With a client of one's own, at [`Level::Full`]. It is made anew for every run.
    #[must_use]
    pub fn with_client(mut self, make: fn() -> Box<dyn Client>) -> Self {
        self.script.clients.push(make);
        self
    }

    /// With something that is done to the server at that time, at [`Level::Full`], whichever faults
    /// are allowed otherwise: one of the kinds of faults that are operations, such as
    /// [`FaultKind::Kill`], [`FaultKind::UnsyncedLost`] or [`FaultKind::Drain`]. Others do nothing.
    #[must_use]
    pub fn with_operation(mut self, at: Duration, kind: FaultKind) -> Self {
        self.script.operations.push((at, kind));
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
        RUNNING.set(true);
        let ran = panic::catch_unwind(AssertUnwindSafe(|| match self.level {
            Level::Store => crate::store::run(&dice, self.faults),
            Level::Full => crate::full::run(&dice, self.faults, &self.script),
        }));
        RUNNING.set(false);
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
    /// Whether this thread is in a run.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
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
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !RUNNING.get() {
                return others(info);
            }
            let message = info.to_string();
            PANIC.with_borrow_mut(|slot| *slot = Some(message));
        }));
    });
}
