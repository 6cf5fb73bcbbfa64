//! The messages of the old formats, magic 0 and 1 (KIP-31, KIP-32).

use super::input::Input;
use super::split::LENGTH_COUNTS_FROM;
use super::{Attributes, BatchError, Codec, TimestampType};

/// The checksum of a message covers everything from here on.
const CHECKSUMMED_FROM: usize = LENGTH_COUNTS_FROM + 4;

/// The size of a message with an empty key and an empty value.
pub(super) const fn message_bytes_min(magic: u8) -> usize {
    let timestamp_bytes = if magic == 0 { 0 } else { 8 };
    CHECKSUMMED_FROM + 1 + 1 + timestamp_bytes + 4 + 4
}

/// A message without offset, length and checksum.
pub(super) struct MessageFields<S> {
    /// How the value is compressed.
    pub(super) codec: Codec,
    pub(super) stamp: Stamp,
    pub(super) key: Option<S>,
    pub(super) value: Option<S>,
}

/// A timestamp and its meaning.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    pub(super) timestamp_ms: Option<i64>,
    pub(super) timestamp_type: TimestampType,
}

impl Stamp {
    /// What a message inside a compressed message with this stamp goes by.
    ///
    /// A log that appends with its own time stamps only the compressed message, so that it need not
    /// compress again (KIP-32). Otherwise the messages inside have the timestamps of the producer,
    /// and that of the compressed message means nothing: some clients write 0.
    pub(super) const fn of_inner(self, inner: Self) -> Self {
        match self.timestamp_type {
            TimestampType::LogAppendTime => self,
            TimestampType::CreateTime => Self {
                timestamp_ms: inner.timestamp_ms,
                timestamp_type: TimestampType::CreateTime,
            },
        }
    }
}

/// A timestamp as it is on the wire, where -1 is none.
pub(super) const fn to_timestamp(timestamp_ms: i64) -> Option<i64> {
    if timestamp_ms == -1 { None } else { Some(timestamp_ms) }
}

/// Parses the message that `input` consists of, behind its checksum.
pub(super) fn parse_message<I: Input>(
    input: &mut I,
    magic: u8,
) -> Result<MessageFields<I::Span>, BatchError> {
    if input.byte()? != magic {
        return Err(BatchError::MixedMagic);
    }
    let attributes = i16::from(input.byte()?);
    let stamp = match magic {
        0 => Stamp { timestamp_ms: None, timestamp_type: TimestampType::CreateTime },
        _ => Stamp {
            timestamp_ms: to_timestamp(i64::from_be_bytes(input.array()?)),
            timestamp_type: Attributes(attributes).timestamp_type(),
        },
    };
    let codec = match Codec::from_attributes(attributes)? {
        // zstd is younger than these formats (KIP-110).
        Codec::Zstd => return Err(BatchError::UnsupportedCodec { id: Codec::Zstd as u8 }),
        codec => codec,
    };
    let key_length = i32::from_be_bytes(input.array()?);
    let key = input.nullable(key_length)?;
    let value_length = i32::from_be_bytes(input.array()?);
    let value = input.nullable(value_length)?;
    input.finish()?;
    Ok(MessageFields { codec, stamp, key, value })
}
