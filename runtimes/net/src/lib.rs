//! What the runtimes have in common, besides the driver: accepting connections, the options of their
//! sockets, and the end of the last one.
//!
//! A runtime adds three things: where its connections come from and where they run ([`Listen`]), its
//! timer, and its threads. This crate knows no protocol, and no executor.

mod acceptor;
#[cfg(feature = "async-io")]
mod alarm;
mod idle;
mod open;
mod socket;

pub use acceptor::{Acceptor, Listen, REST_MAX, REST_MIN};
#[cfg(feature = "async-io")]
pub use alarm::Alarm;
pub use idle::tell_idle;
pub use open::Open;
pub use socket::{Socket, now};
