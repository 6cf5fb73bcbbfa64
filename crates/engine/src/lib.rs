//! Answers the events of Kafka connections out of access rights, wire format and store.
//!
//! This is the only place where those meet. An [`Engine`] is one server's worth of them; for every
//! connection it makes an [`EngineSession`], which takes the events of the state machine and puts
//! the answers into its inbox. The engine opens no socket and starts no thread: whoever hosts it
//! does, and a simulator can. [`KafkaService`] is what a runtime serves.
//!
//! ```text
//!   conn::Event ──▶ EngineSession ──▶ access: may this project write there?
//!                        │       └──▶ wire: is the batch what it says it is?
//!                        │       └──▶ store: append ──▶ durable
//!   conn::Command ◀── Inbox ◀─────────────────────────────┘
//! ```

#![forbid(unsafe_code)]

mod advice;
mod answer;
mod batches_seen;
mod budget;
mod client;
mod clock;
mod closing;
mod code;
mod counters;
mod engine;
mod history;
mod host_name;
mod login;
mod logs;
mod metadata;
mod notice;
mod notices;
mod penalty;
mod produce;
mod refusal;
mod refusals;
mod registry;
mod service;
mod session;
mod snapshot;
#[cfg(feature = "testing")]
pub mod testing;
mod topics;

pub use budget::Budget;
pub use clock::{Clock, SystemClock};
pub use code::Code;
pub use counters::{Counter, Counters};
pub use engine::{Engine, Options};
pub use history::{CLOSED_CONNECTIONS_MAX, ClosedConnection, History};
pub use logs::LogMapper;
pub use notice::Notice;
pub use penalty::{FAILURES_MAX, PAUSE, WATCHED_MAX, WINDOW};
pub use produce::{
    BATCHES_PER_REQUEST_MAX, CLIENT_ID_BYTES_MAX, DECOMPRESSION_PER_REQUEST_MAX,
    REFUSALS_EXPLAINED_MAX,
};
pub use refusals::{FOLD, FOLDED_MAX};
pub use registry::ConnectionLimits;
pub use service::{Entropy, KafkaMachine, KafkaService, Port, SystemEntropy};
pub use session::{Advertise, EngineSession, Listener};

/// The crates whose types are part of this one's: who depends on this one needs no other, and their
/// versions always fit.
#[cfg(feature = "tls")]
#[doc(no_inline)]
pub use logboom_tls as tls;
#[doc(no_inline)]
pub use {
    logboom_access as access, logboom_conn as conn, logboom_model as model,
    logboom_sans_io as sans_io, logboom_store as store, logboom_wire as wire,
};

/// The code in the guide for embedders is compiled and run as the documentation tests of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
mod embedding_guide {}
