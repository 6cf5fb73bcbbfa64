//! Behaviour of the layer, with a real rustls client on the other side, in memory.

mod endings;
mod handshakes;
mod harness;
mod pauses;
mod streams;

pub(crate) use harness::certificate;
