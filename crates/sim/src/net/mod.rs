//! Virtual time, simulated connections, and the real driver between them and any state machine.

mod clock;
mod connection;
mod executor;
mod network;
mod queue;
mod rates;
mod simulation;
mod transport;

pub use clock::VirtualClock;
pub use connection::ConnectionId;
pub use rates::NetRates;
pub use simulation::{Happening, Simulation};
