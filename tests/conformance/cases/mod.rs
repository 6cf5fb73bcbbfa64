//! What every host of state machines does, whoever wrote it: one suite for all of them.
//!
//! `loopback`, `closing`, `faults` and `encrypted` run on real sockets, `scripted` on a stream that does
//! what a script says, and `recorded` replays what real clients have sent.

mod closing;
mod encrypted;
mod faults;
mod loopback;
mod recorded;
mod scripted;
