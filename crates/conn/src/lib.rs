//! One connection of a Kafka server as a state machine: no socket, no thread, no clock.
//!
//! A [`Connection`] implements [`Machine`]: whoever hosts it moves the bytes, tells it the time, hands
//! its [`Event`]s to an application and brings the answers back as [`Command`]s. What it does by
//! itself:
//!
//! * It cuts the stream into frames, with a bound on the memory of each at every moment.
//! * It logs its peer in (SASL/PLAIN, in requests or as bare tokens) and lets strangers reach nothing
//!   else. [`phase_diagram`] draws the phases it goes through.
//! * It lets requests wait for their answers side by side, in a window of bounded size, and sends the
//!   responses in the order of the requests, whichever is answered first.
//! * It answers what needs nobody else: ApiVersions, consumers, requests out of place, Produce
//!   requests whose time is over.
//! * It stops reading before it would have to hold more than it may ([`Limits`]), and gives up on
//!   peers that are too slow, too quiet or too many things at once ([`Timer`], [`CloseReason`]).
//!
//! What it does not do: it reads no clock, stores nothing, knows no user and no topic, and looks into
//! no record.
//!
//! # Example
//!
//! The bytes of an ApiVersions request come from somewhere, and those of the response go there.
//!
//! ```
//! use std::io::IoSlice;
//! use std::sync::Arc;
//! use std::time::Instant;
//!
//! use logboom_conn::{Config, Connection, Peer};
//! use logboom_sans_io::{Machine, Step};
//!
//! let config = Arc::new(Config::default());
//! let peer = Peer { address: ([192, 0, 2, 7], 50_000).into(), server_name: None };
//! let entropy = [7; 32]; // random bytes in real life
//! let mut connection = Connection::new(config, peer, entropy, Instant::now());
//!
//! let request = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 42, 0xff, 0xff];
//! let space = connection.recv_space().expect("a new connection reads");
//! space[..request.len()].copy_from_slice(&request);
//! connection.handle_received(request.len());
//!
//! let Step::Wait(wait) = connection.poll(Instant::now()) else { panic!("an event?") };
//! assert!(wait.write && wait.read);
//! let mut slices = [IoSlice::new(&[]); 8];
//! assert_eq!(connection.transmit(&mut slices), 1);
//! assert_eq!(slices[0][4..8], [0, 0, 0, 42]); // the correlation id
//! ```
//!
//! [`Machine`]: logboom_sans_io::Machine

#![forbid(unsafe_code)]

mod answer;
mod client;
mod clock;
mod close;
mod closing;
mod command;
mod config;
mod connection;
mod diagram;
mod event;
mod foreign;
mod intake;
mod login;
mod memory;
mod news;
mod phase;
mod pool;
mod recv;
mod request;
mod sasl;
mod send;
mod serve;
mod slots;
mod spoken;
mod ticket;
mod timer;

pub use client::ClientInfo;
pub use close::CloseReason;
pub use command::{AbortReason, AuthVerdict, Command, ProducerIdGrant};
pub use config::{Config, ConfigError, Limits};
pub use connection::{Connection, Peer};
pub use diagram::phase_diagram;
pub use event::{
    Acks, AuthAttempt, Event, InitProducerId, MemoryRequest, MetadataQuery, Produce, RefusedRequest,
};
pub use memory::{Memory, Reservation, Unmetered};
pub use phase::Phase;
pub use pool::FRAME_BYTES_KEPT_MAX;
pub use sasl::Secret;
pub use spoken::Spoken;
pub use ticket::{AuthTicket, InitTicket, MemoryTicket, MetadataTicket, ProduceTicket};
pub use timer::Timer;

/// The crates whose types are part of this one's: who depends on this one needs no other, and their
/// versions always fit.
#[doc(no_inline)]
pub use {logboom_sans_io as sans_io, logboom_wire as wire};
