//! TLS as a second sans-IO layer around any state machine.
//!
//! [`Tls`] has the same byte face as the machine inside it, the same events and the same commands,
//! so a host never sees whether a connection is encrypted. It opens no socket and starts no thread;
//! [rustls](https://docs.rs/rustls) does the cryptography.
//!
//! ```text
//!            ciphertext                         plaintext
//!   host ─────────────────▶ recv_space ┐    ┌ inner.recv_space ─▶
//!                                      rustls                     the machine inside
//!   host ◀───────────────── transmit   ┘    └ inner.transmit  ◀─
//! ```
//!
//! # What it promises
//!
//! - **The inner machine lives from accept.** It is polled during the handshake, so its first timer
//!   bounds the handshake too. It learns the server name before it sees a byte
//!   ([`OnSecured::handle_secured`](logboom_sans_io::OnSecured::handle_secured)).
//! - **Back-pressure passes through.** While the inner machine takes no bytes, nothing is decrypted
//!   and nothing is read. What is held meanwhile is bounded, see [`BYTES_PER_CONNECTION_MAX`].
//! - **What is sent is sent.** The inner machine is told that bytes left when their ciphertext did,
//!   so its write timer measures the peer and not this layer.
//! - **A clean end.** A `close_notify` precedes the end of the stream, and what came intact before
//!   a bad record is delivered before the connection fails. A stream that ends without
//!   `close_notify` is an ordinary end of file for the inner machine: many Kafka clients close that
//!   way, and a length-prefixed protocol sees for itself whether it was cut inside a frame.
//! - **No alert for strangers.** A peer whose first byte is no TLS record gets none, because a Kafka
//!   client would read one as the length of a huge frame. If the inner machine has something to say
//!   to it ([`handle_unsecured`](logboom_sans_io::OnSecured::handle_unsecured)), it says it in clear;
//!   otherwise the stream ends without a byte.
//!
//! # What is not an argument
//!
//! Time is: rustls asks for the wall clock only to judge tickets and client certificates, and
//! [`server_config`] offers neither, so its clock stands still. Randomness is the one exception in
//! the pure crates: keys and nonces come from the provider of the
//! [`ServerConfig`](rustls::ServerConfig), which a simulator can replace.

#![forbid(unsafe_code)]

mod buffer;
mod config;
mod layer;
mod record;
mod resolver;
#[cfg(test)]
mod tests;

pub use buffer::CIPHERTEXT_BYTES_MAX;
pub use config::server_config;
pub use layer::{BYTES_PER_CONNECTION_MAX, LINGER, Tls};
pub use resolver::CertificateResolver;
