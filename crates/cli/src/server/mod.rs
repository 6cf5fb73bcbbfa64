//! A running server: the parts put together, what they say at start, and how they stop.

mod banner;
mod brief;
mod data_dir;
mod expiry;
mod inherited;
mod limits;
mod listeners;
mod probe;
mod signals;
mod start;
mod supervisor;

pub(crate) use brief::Brief;
pub(crate) use inherited::Inherited;
pub(crate) use start::{Origin, run};
