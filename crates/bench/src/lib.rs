//! What a logboom server costs and how fast it is, measured from outside.
//!
//! Each command of `logboom-bench` is a module that a test can call as well: [`scale`] measures
//! many connections to logboom servers, [`load`] puts load on any server that speaks the protocol of
//! Kafka, [`report`] draws what that has found, and without a server [`map`] measures the read side and
//! [`open`] how long a large store takes to open. They share [`server`], a server process with a
//! directory of its own; [`client`], many producers in one thread; [`proc`], what the kernel says about
//! a process; [`limits`], what the machine has to allow; and [`table`], how figures are printed.

#![forbid(unsafe_code)]

pub mod client;
mod clock;
mod failure;
pub mod limits;
pub mod load;
pub mod map;
pub mod open;
pub mod proc;
pub mod report;
pub mod scale;
pub mod server;
pub mod table;
pub mod units;

pub use failure::{Failure, Result};
