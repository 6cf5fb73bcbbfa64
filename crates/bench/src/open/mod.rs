//! `logboom-bench open`: how long a server waits for a large store before it can serve.
//!
//! The store is written by the crate of the store itself, on a disk that leaves the batches of sealed
//! segments out: opening does not read them. So a store of 100 GB takes a few hundred MB.

mod build;
mod command;
mod hollow;
mod measure;

pub use command::Args;
