//! Very many connections: what they cost when they are silent, how fast they come, how a server
//! answers some of them while the others are silent, and how it lets all of them go.

mod command;
mod figures;
mod measure;

use std::time::Duration;

pub use command::Args;
pub use figures::Figures;
pub use measure::measure;

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Connections that say nothing after their login.
    pub idle: usize,
    /// Further connections, which send batches.
    pub active: usize,
    /// So many connections are opened at a time. A server lets at most 1,000 be without a login.
    pub handshakes: usize,
    /// For so long nothing is asked of the server.
    pub window: Duration,
    /// For so long the active ones send.
    pub load_window: Duration,
    /// Records of a batch.
    pub records: usize,
    /// The size of each of them.
    pub record_bytes: usize,
}
