//! One connection of a Kafka server as a state machine: no socket, no thread, no clock.

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
mod recv;
mod request;
mod sasl;
mod send;
mod serve;
mod slots;
mod ticket;
mod timer;

pub use client::ClientInfo;
pub use close::CloseReason;
pub use command::{AbortReason, AuthVerdict, Command, ProducerIdGrant};
pub use config::{Config, ConfigError, Limits};
pub use connection::{Connection, Peer};
pub use diagram::phase_diagram;
pub use event::{Acks, AuthAttempt, Event, InitProducerId, MemoryRequest, MetadataQuery, Produce};
pub use memory::{Memory, Reservation, Unmetered};
pub use phase::Phase;
pub use sasl::Secret;
pub use ticket::{AuthTicket, InitTicket, MemoryTicket, MetadataTicket, ProduceTicket};
pub use timer::Timer;
