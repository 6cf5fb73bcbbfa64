//! The writing side: from the queue of batches to frames that are durable.

pub(crate) mod commit;
pub(crate) mod committer;
pub(crate) mod failure;
pub(crate) mod group;
pub(crate) mod pipeline;
pub(crate) mod producer_ids;
pub(crate) mod producers;
pub(crate) mod queue;
pub(crate) mod spare;
pub(crate) mod writer;
