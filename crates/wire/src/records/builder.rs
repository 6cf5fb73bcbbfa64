use std::fmt;

use super::compress::compress;
use super::header::BATCH_HEADER_BYTES;
use super::varint;
use super::{Attributes, BatchHeader, Codec, ProducerStamp};

/// Builds a v2 batch, record by record.
///
/// A batch without records is built like any other, and refused by every server.
#[derive(Clone, Default)]
pub struct BatchBuilder {
    /// The records so far, not compressed.
    records: Vec<u8>,
    record_count: i32,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
    producer: Option<ProducerStamp>,
}

impl BatchBuilder {
    /// A batch cannot be longer, because its length has 31 bits.
    const RECORDS_BYTES_MAX: usize = i32::MAX as usize - BATCH_HEADER_BYTES;

    /// A builder without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes it a batch of an idempotent producer.
    pub const fn set_producer(&mut self, producer: ProducerStamp) {
        self.producer = Some(producer);
    }

    /// Adds a record. `timestamp_ms` is in milliseconds since 1970, -1 for none.
    ///
    /// # Errors
    ///
    /// If the batch or the distance between two timestamps is too large for the format. Nothing has
    /// been added then.
    pub fn append(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) -> Result<(), AppendError> {
        let base_timestamp_ms = match self.record_count {
            0 => timestamp_ms,
            _ => self.base_timestamp_ms,
        };
        let timestamp_delta_ms =
            timestamp_ms.checked_sub(base_timestamp_ms).ok_or(AppendError::TimestampTooDistant)?;
        let record_bytes_max = record_bytes_max(key, value, headers);
        if record_bytes_max > Self::RECORDS_BYTES_MAX - self.records.len() {
            return Err(AppendError::BatchFull);
        }

        let mut record = vec![0];
        varint::encode_i64(timestamp_delta_ms, &mut record);
        varint::encode_i32(self.record_count, &mut record);
        encode_nullable(key, &mut record);
        encode_nullable(value, &mut record);
        varint::encode_i32(headers.len() as i32, &mut record);
        for (name, value) in headers {
            encode_nullable(Some(name), &mut record);
            encode_nullable(*value, &mut record);
        }
        varint::encode_i32(record.len() as i32, &mut self.records);
        self.records.extend_from_slice(&record);

        self.max_timestamp_ms = match self.record_count {
            0 => timestamp_ms,
            _ => self.max_timestamp_ms.max(timestamp_ms),
        };
        self.base_timestamp_ms = base_timestamp_ms;
        self.record_count += 1;
        Ok(())
    }

    /// How many records there are.
    #[must_use]
    pub const fn record_count(&self) -> usize {
        self.record_count as usize
    }

    /// Bytes of the records so far, as they are encoded, before compression.
    #[must_use]
    pub const fn records_bytes(&self) -> usize {
        self.records.len()
    }

    /// The batch, compressed with this codec. It is not compressed if memory runs out on the way.
    #[must_use]
    pub fn build(&self, codec: Codec) -> Vec<u8> {
        match compress(codec, &self.records) {
            Ok(compressed) => self.header(codec).encode(&compressed),
            Err(_) => self.header(Codec::None).encode(&self.records),
        }
    }

    fn header(&self, codec: Codec) -> BatchHeader {
        let no_producer = ProducerStamp { id: -1, epoch: -1, base_sequence: -1 };
        let producer = self.producer.unwrap_or(no_producer);
        BatchHeader {
            base_offset: 0,
            partition_leader_epoch: -1,
            attributes: Attributes(codec as i16),
            last_offset_delta: self.record_count - 1,
            base_timestamp_ms: self.base_timestamp_ms,
            max_timestamp_ms: self.max_timestamp_ms,
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: producer.base_sequence,
            record_count: self.record_count,
        }
    }
}

impl fmt::Debug for BatchBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BatchBuilder")
            .field("record_count", &self.record_count)
            .field("records_bytes", &self.records.len())
            .finish_non_exhaustive()
    }
}

/// Why a record cannot be added to a batch. In a new batch it can, unless it is above 2 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The batch would be longer than 2 GiB.
    BatchFull,
    /// The timestamp and that of the first record are more than 63 bits apart.
    TimestampTooDistant,
}

impl fmt::Display for AppendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BatchFull => "the batch is full",
            Self::TimestampTooDistant => "the timestamp is too far from that of the first record",
        })
    }
}

impl std::error::Error for AppendError {}

/// A record is not longer than this, whatever its lengths are encoded to.
fn record_bytes_max(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[(&[u8], Option<&[u8]>)],
) -> usize {
    const VARINT_BYTES_MAX: usize = 5;
    const VARLONG_BYTES_MAX: usize = 10;
    const FIXED_BYTES_MAX: usize = 1 + VARLONG_BYTES_MAX + 5 * VARINT_BYTES_MAX;

    let nullable = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let header = |(name, value): &(&[u8], Option<&[u8]>)| {
        (name.len() + 2 * VARINT_BYTES_MAX).saturating_add(nullable(*value))
    };
    headers
        .iter()
        .map(header)
        .chain([FIXED_BYTES_MAX, nullable(key), nullable(value)])
        .fold(0, usize::saturating_add)
}

fn encode_nullable(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes {
        None => varint::encode_i32(-1, out),
        Some(bytes) => {
            varint::encode_i32(bytes.len() as i32, out);
            out.extend_from_slice(bytes);
        }
    }
}
