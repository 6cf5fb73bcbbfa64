//! Deterministic simulator.

#![forbid(unsafe_code)]

mod coverage;
mod dice;
mod disk;
mod fault;
mod outcome;
mod random;
mod run;
mod store;

pub use coverage::{Coverage, State};
pub use fault::{FaultKind, FaultSet};
pub use outcome::{Level, Outcome, Violation};
pub use random::{Decisions, Stream, Tape};
pub use run::{Run, run_store_seed};
