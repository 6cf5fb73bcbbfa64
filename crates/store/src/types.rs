use std::fmt::{self, Debug, Display, Formatter};
use std::net::IpAddr;

use bytes::Bytes;

/// The number of a Logstore inside one store, given out by [`Store::stream`](crate::Store::stream).
///
/// It never changes and is never given to another Logstore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

impl StreamId {
    /// The stream of that number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// One shard of one Logstore: what Kafka calls a partition of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard {
    /// The Logstore.
    pub stream: StreamId,
    /// Which of its shards, from 0.
    pub index: u32,
}

impl Shard {
    /// The shard of that index.
    #[must_use]
    pub const fn new(stream: StreamId, index: u32) -> Self {
        Self { stream, index }
    }
}

impl Display for Shard {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "shard {} of stream {}", self.index, self.stream.0)
    }
}

/// What an idempotent producer writes on a batch (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer id, from [`Store::next_producer_id`](crate::Store::next_producer_id).
    pub id: i64,
    /// The epoch. A producer with a lower one than was seen before is fenced off.
    pub epoch: i16,
    /// The sequence number of the first record of the batch. The next batch continues after the
    /// last record; the number after `i32::MAX` is 0.
    pub base_sequence: i32,
}

/// A batch on its way into the log. Printing it for debugging does not show what is in the batch.
#[derive(Clone)]
pub struct Append {
    /// Where it goes.
    pub shard: Shard,
    /// The batch as the producer sent it. It is stored and returned byte for byte.
    pub batch: Bytes,
    /// How many records it holds, at least 1. They take as many offsets.
    pub record_count: u32,
    /// How the batch is to be read later (raw or JSON). The store only keeps it.
    pub form: u8,
    /// Who sent it.
    pub peer: IpAddr,
    /// What the sender calls itself, at most 65,535 bytes.
    pub client_id: Bytes,
    /// When it arrived, in ms since 1970. Retention is judged by it.
    pub append_time_ms: i64,
    /// Set by idempotent producers.
    pub producer: Option<ProducerStamp>,
    /// What is known of the checksum of the batch. If it is wrong, the batch cannot be read again.
    pub checksum: Option<TailChecksum>,
}

/// The checksum of all bytes of a batch but the first few. The store does not read those then,
/// whose checksum somebody has just computed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailChecksum {
    /// How many bytes of the batch come before what was checked.
    pub start: usize,
    /// The CRC-32C (RFC 3720) of the others.
    pub crc32c: u32,
}

/// Where a batch is now, durably.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first record.
    pub base_offset: i64,
    /// The append time it is stored with, in ms since 1970.
    pub append_time_ms: i64,
    /// The lowest offset of the shard that has not expired.
    pub log_start_offset: i64,
    /// Whether the batch had been stored before, and this is where.
    pub duplicate: bool,
}

/// A batch as it is in the log. Printing it for debugging does not show what is in the batch.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredBatch {
    /// Where it is.
    pub shard: Shard,
    /// The offset of its first record.
    pub base_offset: i64,
    /// How many records it holds, and so how many offsets it takes.
    pub record_count: u32,
    /// When it arrived, in ms since 1970.
    pub append_time_ms: i64,
    /// What [`Append::form`] said.
    pub form: u8,
    /// Who sent it.
    pub peer: IpAddr,
    /// What the sender called itself.
    pub client_id: Bytes,
    /// What the idempotent producer wrote on it.
    pub producer: Option<ProducerStamp>,
    /// The batch as the producer sent it.
    pub batch: Bytes,
}

impl StoredBatch {
    /// The offset after its last record.
    #[must_use]
    pub fn end_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.record_count))
    }
}

impl Debug for Append {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Append")
            .field("shard", &self.shard)
            .field("record_count", &self.record_count)
            .field("append_time_ms", &self.append_time_ms)
            .field("producer", &self.producer)
            .field("batch_bytes", &self.batch.len())
            .finish_non_exhaustive()
    }
}

impl Debug for StoredBatch {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StoredBatch")
            .field("shard", &self.shard)
            .field("base_offset", &self.base_offset)
            .field("record_count", &self.record_count)
            .field("append_time_ms", &self.append_time_ms)
            .field("producer", &self.producer)
            .field("batch_bytes", &self.batch.len())
            .finish_non_exhaustive()
    }
}

/// A place in the log, between two batches.
///
/// Places grow along the log and are never used twice, so a number that was written down stays
/// good for ever: if what came after it has been removed, reading goes on with what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogCursor(u64);

impl LogCursor {
    /// Before the first batch that was ever stored.
    pub const START: Self = Self(0);

    /// The place of that number, which came from [`get`](LogCursor::get).
    #[must_use]
    pub const fn new(lsn: u64) -> Self {
        Self(lsn)
    }

    /// The number: how many bytes of log were ever written before this place. The difference of
    /// two is how far one is behind the other.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// The offsets that can be read from a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OffsetRange {
    /// The lowest offset that has not expired.
    pub start: i64,
    /// The offset of the next record to be stored. Everything below is durable.
    pub next: i64,
}
