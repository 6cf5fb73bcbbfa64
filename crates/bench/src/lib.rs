//! What a logboom server costs and how fast it is, measured from outside.
//!
//! Each command of `logboom-bench` is a module that a test can call as well: [`scale`] measures
//! many connections. They share [`server`], a server process with a directory of its own;
//! [`client`], many producers in one thread; [`proc`], what the kernel says about a process;
//! [`limits`], what the machine has to allow; and [`table`], how figures are printed.

#![forbid(unsafe_code)]

pub mod client;
mod clock;
mod failure;
pub mod limits;
pub mod proc;
pub mod scale;
pub mod server;
pub mod table;

pub use failure::{Failure, Result};
