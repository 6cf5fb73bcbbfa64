//! Deterministic simulator.

#![forbid(unsafe_code)]

mod coverage;
mod dice;
mod disk;
mod fault;
mod full;
mod net;
mod outcome;
#[cfg(logboom_planted)]
mod planted;
mod random;
mod regression;
mod run;
mod shrink;
mod store;

pub use coverage::{Coverage, State};
pub use fault::{FaultKind, FaultSet};
pub use full::{Client, ClientEvent, Port};
pub use net::{ConnectionId, Happening, NetRates, Simulation, VirtualClock};
pub use outcome::{Level, Outcome, Violation};
#[cfg(logboom_planted)]
pub use planted::{Hunt, hunt, level_of};
pub use random::{Decisions, Stream, Tape};
pub use regression::Regression;
pub use run::{Run, run_full_seed, run_store_seed};
pub use shrink::{Shrunk, shrink};
