use super::input::Input;
use super::{BatchError, Codec};

/// Bytes of the header of a v2 batch, from the base offset to the number of records.
pub(super) const BATCH_HEADER_BYTES: usize = 61;

/// What follows from here on is covered by the checksum of a v2 batch.
pub const BATCH_CHECKSUMMED_FROM: usize = 21;

/// The attributes of a v2 batch. Bits without a meaning for producers are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    const LOG_APPEND_TIME: i16 = 1 << 3;
    const TRANSACTIONAL: i16 = 1 << 4;
    const CONTROL: i16 = 1 << 5;

    /// How the records are compressed.
    ///
    /// # Errors
    ///
    /// [`BatchError::UnsupportedCodec`] for the numbers 5 to 7.
    pub const fn codec(self) -> Result<Codec, BatchError> {
        Codec::from_attributes(self.0)
    }

    /// What the timestamps mean.
    #[must_use]
    pub const fn timestamp_type(self) -> TimestampType {
        match self.0 & Self::LOG_APPEND_TIME {
            0 => TimestampType::CreateTime,
            _ => TimestampType::LogAppendTime,
        }
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub const fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// Whether the batch contains markers of a broker instead of records.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }
}

/// Who set a timestamp (KIP-32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// The producer, when the record came to be.
    CreateTime,
    /// A log, when it appended the record.
    LogAppendTime,
}

/// The header of a v2 batch (KIP-98) as the producer wrote it, without length, magic and checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The offset of the first record. Producers write 0; nothing follows from it.
    pub base_offset: i64,
    /// Meaningful between brokers only: producers write 0 or -1.
    pub partition_leader_epoch: i32,
    /// Codec, meaning of the timestamps, and whether it is a transaction.
    pub attributes: Attributes,
    /// The offset of the last record, counted from the first.
    pub last_offset_delta: i32,
    /// What the timestamps of the records are relative to, in milliseconds since 1970. -1 is none.
    pub base_timestamp_ms: i64,
    /// The largest timestamp, or so it says: some producers write -1.
    pub max_timestamp_ms: i64,
    /// The id of an idempotent producer, otherwise -1.
    pub producer_id: i64,
    /// The epoch of an idempotent producer.
    pub producer_epoch: i16,
    /// The sequence number of the first record of an idempotent producer.
    pub base_sequence: i32,
    /// The number of records, or so it says.
    pub record_count: i32,
}

impl BatchHeader {
    /// Decodes the header at the front of a v2 batch.
    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, BatchError> {
        let input = &mut bytes;
        let base_offset = i64::from_be_bytes(input.array()?);
        let _length: [u8; 4] = input.array()?;
        let partition_leader_epoch = i32::from_be_bytes(input.array()?);
        let _magic_and_checksum: [u8; 5] = input.array()?;
        Ok(Self {
            base_offset,
            partition_leader_epoch,
            attributes: Attributes(i16::from_be_bytes(input.array()?)),
            last_offset_delta: i32::from_be_bytes(input.array()?),
            base_timestamp_ms: i64::from_be_bytes(input.array()?),
            max_timestamp_ms: i64::from_be_bytes(input.array()?),
            producer_id: i64::from_be_bytes(input.array()?),
            producer_epoch: i16::from_be_bytes(input.array()?),
            base_sequence: i32::from_be_bytes(input.array()?),
            record_count: i32::from_be_bytes(input.array()?),
        })
    }

    /// The timestamp of a record of the batch.
    pub(super) fn timestamp_of(&self, delta_ms: i64) -> Result<Option<i64>, BatchError> {
        match self.attributes.timestamp_type() {
            TimestampType::CreateTime => {
                let timestamp_ms = self.base_timestamp_ms.checked_add(delta_ms);
                timestamp_ms.map(to_timestamp).ok_or(BatchError::TimestampOutOfRange)
            }
            // A log stamps the batch only, so that it need not compress again.
            TimestampType::LogAppendTime => Ok(to_timestamp(self.max_timestamp_ms)),
        }
    }

    /// The batch with this header and these records, as they go over the wire, checksum included.
    ///
    /// `records` are already compressed as the attributes say, and not longer than 2 GiB together
    /// with the header.
    pub(super) fn encode(&self, records: &[u8]) -> Vec<u8> {
        let length = BATCH_HEADER_BYTES - super::split::LENGTH_COUNTS_FROM + records.len();
        let mut batch = Vec::with_capacity(BATCH_HEADER_BYTES + records.len());
        batch.extend_from_slice(&self.base_offset.to_be_bytes());
        batch.extend_from_slice(&(length as u32).to_be_bytes());
        batch.extend_from_slice(&self.partition_leader_epoch.to_be_bytes());
        batch.extend_from_slice(&[2, 0, 0, 0, 0]);
        batch.extend_from_slice(&self.attributes.0.to_be_bytes());
        batch.extend_from_slice(&self.last_offset_delta.to_be_bytes());
        batch.extend_from_slice(&self.base_timestamp_ms.to_be_bytes());
        batch.extend_from_slice(&self.max_timestamp_ms.to_be_bytes());
        batch.extend_from_slice(&self.producer_id.to_be_bytes());
        batch.extend_from_slice(&self.producer_epoch.to_be_bytes());
        batch.extend_from_slice(&self.base_sequence.to_be_bytes());
        batch.extend_from_slice(&self.record_count.to_be_bytes());
        batch.extend_from_slice(records);
        let checksum = crc_fast::crc32_iscsi(&batch[BATCH_CHECKSUMMED_FROM..]);
        batch[BATCH_CHECKSUMMED_FROM - 4..BATCH_CHECKSUMMED_FROM]
            .copy_from_slice(&checksum.to_be_bytes());
        batch
    }
}

/// A timestamp as it is on the wire, where -1 is none.
pub(super) const fn to_timestamp(timestamp_ms: i64) -> Option<i64> {
    if timestamp_ms == -1 { None } else { Some(timestamp_ms) }
}

/// What makes the batches of an idempotent producer recognisable when they are sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProducerStamp {
    /// The id that InitProducerId gave out, not negative.
    pub id: i64,
    /// The epoch of the id, not negative.
    pub epoch: i16,
    /// The sequence number of the first record in its partition, not negative.
    pub base_sequence: i32,
}
