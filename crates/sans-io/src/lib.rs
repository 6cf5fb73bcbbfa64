//! The contract between a byte-stream state machine and whoever hosts it.
//!
//! A [`Machine`] turns bytes and time into events and bytes. It owns no socket, clock, thread or
//! randomness: its host moves the bytes, tells it the time and answers its events. The same machine
//! therefore runs on an async runtime, on blocking threads, in anybody's event loop, and in a
//! simulator. This crate knows no protocol.
//!
//! ```text
//!            recv_space / handle_received            transmit / handle_sent
//!   socket ────────────────────────────▶  Machine  ────────────────────────▶ socket
//!                                         │     ▲
//!                          poll(now) ─▶ Event   Command ◀─ Inbox ◀─ whoever has the answer
//! ```
//!
//! # The loop of a host
//!
//! 1. Move every [`Command`](Machine::Command) of the [`Inbox`] into [`Machine::apply`].
//! 2. Call [`Machine::poll`] with the present time until it says [`Step::Wait`] or
//!    [`Step::Closed`], and hand each event to the application.
//! 3. Do what [`Wait`] allows: write, read, shut down writing, sleep until the deadline or until
//!    the inbox wakes the host. Always try every direction; never make a read wait for a write.
//!
//! [`Wait`] is level-triggered and complete, so it maps one to one onto the interest of `epoll`
//! with a timeout, and nothing has to be remembered between two turns.

#![forbid(unsafe_code)]

mod inbox;
mod machine;
mod secured;
mod service;
mod shutdown;
#[cfg(feature = "testing")]
pub mod testing;

pub use inbox::Inbox;
pub use machine::{Machine, Stale, Step, Wait};
pub use secured::{OnSecured, TlsFailure};
pub use service::{Accepted, Service, Session};
pub use shutdown::Shutdown;
