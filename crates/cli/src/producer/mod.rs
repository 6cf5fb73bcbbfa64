//! A producer of its own: lines in, batches through the Kafka port, acknowledgements back.
//!
//! ```text
//! input ─▶ Lines ─▶ Gatherer ─▶ Packer ─▶ Outbox ─▶ Link ─▶ Writer ─▶ socket
//!                                           ▲        ▲
//!                                           └────────┴─ Event::Answer ◀─ Reader
//! ```
//!
//! [`Delivery`] is the loop in the middle. It owns everything above and waits for [`Event`]s of two
//! threads that do nothing but read: the input, and the answers of the server. What decides about
//! order, repetition and loss is in [`outbox`], and knows neither sockets nor clocks.
//!
//! Requests and answers are encoded and decoded by `kafka-protocol`, record batches by
//! [`logboom_wire`], so that two implementations of the protocol meet in every test of `send`.
//!
//! [`Event`]: delivery::Event

mod address;
mod batches;
mod bootstrap;
mod connection;
mod delivery;
mod dialogue;
mod error;
mod input;
mod link;
mod login;
mod metadata;
mod outbox;
mod properties;
mod tally;
#[cfg(test)]
mod tests;
mod trust;
mod uplink;

use std::sync::Arc;
use std::time::Duration;

use logboom_wire::records::Codec;

pub(crate) use address::Address;
pub(crate) use batches::Header;
pub(crate) use delivery::{Delivery, Outcome, Stopper, Watcher};
pub(crate) use error::{Error, ErrorKind};
pub(crate) use properties::{Login, Properties};
pub(crate) use tally::{Tally, duration, lines};
pub(crate) use trust::tls_config;

/// Where lines are sent to, and as whom.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Servers to begin with. The first one that can be reached says which one takes the records.
    pub(crate) servers: Vec<Address>,
    /// None for plaintext.
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    /// None if the server wants no login.
    pub(crate) login: Option<Login>,
    /// What the client calls itself.
    pub(crate) client_id: String,
    /// The topic, with `.json` if the lines are JSON.
    pub(crate) topic: String,
}

/// How lines are sent.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What the server has to do before it answers.
    pub(crate) acks: Acks,
    /// How batches are compressed.
    pub(crate) codec: Codec,
    /// The key of all records.
    pub(crate) key: Option<String>,
    /// The headers of all records.
    pub(crate) headers: Vec<Header>,
    /// The largest number of lines in a batch; at least one.
    pub(crate) batch_lines_max: usize,
    /// How long a line waits for others.
    pub(crate) linger: Duration,
    /// How long to go on without any acknowledgement.
    pub(crate) timeout: Duration,
}

/// What the server has to do before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Acks {
    /// Store the batch, with all the copies that it keeps
    All,
    /// Store the batch
    #[value(name = "1")]
    Leader,
    /// Nothing
    #[value(name = "0")]
    None,
}

impl Acks {
    /// The number in a request.
    const fn code(self) -> i16 {
        match self {
            Self::All => -1,
            Self::Leader => 1,
            Self::None => 0,
        }
    }
}

impl Settings {
    /// How long to wait for any single answer. Two such waits fit into the timeout, so that a server
    /// that fell silent is connected to once more before it is given up.
    fn patience(&self) -> Duration {
        self.timeout / 2
    }
}
