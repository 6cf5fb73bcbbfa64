//! `logboom-bench map`: what it costs to make logs of records that are in memory.

mod command;

pub use command::Args;
