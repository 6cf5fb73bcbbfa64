//! Record batches and message sets: what a producer puts into the `records` of a partition.
//!
//! A partition of a Produce request carries batches of the current format, v2 (KIP-98), or a
//! message set of one of the two formats before, magic 0 and 1, which old clients still send.
//! [`batches`] splits what came into such batches. [`validate`] goes over one of them and either
//! refuses it or vouches that [`read`] will give out its records. [`BatchBuilder`] makes one.
//!
//! # Memory
//!
//! A few bytes can decompress to gigabytes. So validation decompresses in chunks and lets the
//! records pass; it never holds a batch in decompressed form. Reading does, because it lends the
//! keys and values out, and should therefore happen where few batches are read at a time. Both use
//! a [`Scratch`], which is meant to be reused.
//!
//! # What is not validated
//!
//! Real clients get these wrong, and nothing here depends on them: the inner offsets of message
//! sets and the timestamps of compressed messages (kafka-node and early sarama write 0), the
//! largest timestamp of a batch (sarama wrote -1), the leader epoch, and epoch and sequence where
//! there is no producer id.

mod builder;
mod codec;
mod compress;
mod decompress;
mod error;
mod header;
mod input;
mod limits;
mod message;
mod read;
mod record;
mod scratch;
mod split;
mod stream;
mod validate;
mod varint;

pub use builder::{AppendError, BatchBuilder};
pub use codec::Codec;
pub use error::BatchError;
pub use header::{Attributes, BATCH_CHECKSUMMED_FROM, BatchHeader, ProducerStamp, TimestampType};
pub use limits::Limits;
pub use read::{Records, read};
pub use record::{Headers, Record};
pub use scratch::Scratch;
pub use split::{Batches, RawBatch, batches};
pub use validate::{Summary, validate};
