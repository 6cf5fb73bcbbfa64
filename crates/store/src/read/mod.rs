//! The reading side: what is durable, where it is, and how it is read.

pub(crate) mod cache;
pub(crate) mod index;
pub(crate) mod readable;
pub(crate) mod reader;
pub(crate) mod scan;
pub(crate) mod segment_file;
pub(crate) mod usage;
pub(crate) mod view;
pub(crate) mod watch;
