//! Load on any server that speaks the protocol of Kafka, and what it does to it.
//!
//! Requests are encoded once and sent again and again, so that making them costs next to nothing;
//! only the correlation ID and the partition are filled in. Producers share few threads, since the
//! machine is there for the server. Nothing here shares code with what a logboom server checks
//! batches with.

mod answer;
mod command;
mod figures;
mod frames;
mod link;
mod login;
mod producer;
mod run;
mod screen;
mod target;
mod values;
mod worker;

use std::time::Duration;

pub use command::Args;
pub use figures::Figures;
pub use frames::{Codec, Content, Frames};
pub use run::{Progress, run};
pub use target::Target;
pub(crate) use values::Values;

/// What is done to a server.
#[derive(Debug, Clone)]
pub struct Workload {
    /// What is sent.
    pub content: Content,
    /// Whose acknowledgement is waited for: 0 nobody's, 1 the leader's, -1 all replicas'.
    pub acks: i16,
    /// Producers, each with a connection.
    pub connections: usize,
    /// So many requests of each connection are under way at a time.
    pub depth: usize,
    /// Partitions that are written to; all of the topic if there is no number.
    pub partitions: Option<usize>,
    /// Nothing is measured before this has passed.
    pub warm_up: Duration,
    /// When it is enough.
    pub amount: Amount,
    /// Bytes of values a second that are due, whatever the server does.
    pub rate: Option<u64>,
    /// Threads that the producers share.
    pub threads: usize,
}

/// When a measurement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// After so long.
    Time(Duration),
    /// When so many bytes of values are acknowledged.
    Bytes(u64),
}
