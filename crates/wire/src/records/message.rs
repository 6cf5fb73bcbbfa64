//! The messages of the old formats, magic 0 and 1 (KIP-31, KIP-32).

use super::header::to_timestamp;
use super::input::{Input, to_length};
use super::{Attributes, BatchError, Codec, TimestampType};

/// A message starts, behind its length, with a checksum of everything that follows.
pub(super) const CHECKSUM_BYTES: usize = 4;

/// A message without offset, length and checksum.
pub(super) struct MessageFields<S> {
    /// How the value is compressed.
    pub(super) codec: Codec,
    pub(super) stamp: Stamp,
    pub(super) key: Option<S>,
    pub(super) value: Option<S>,
}

impl<S> MessageFields<S> {
    /// The same without what may be borrowed.
    pub(super) fn without_spans(self) -> MessageFields<()> {
        MessageFields {
            codec: self.codec,
            stamp: self.stamp,
            key: self.key.map(drop),
            value: self.value.map(drop),
        }
    }
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
            TimestampType::CreateTime => {
                Self { timestamp_ms: inner.timestamp_ms, timestamp_type: TimestampType::CreateTime }
            }
        }
    }
}

/// Takes the first message off a set. What remains of it is behind its length: checksum and all.
pub(super) fn next_message<'a>(set: &mut &'a [u8]) -> Result<&'a [u8], BatchError> {
    let _offset: [u8; 8] = set.array()?;
    let length = to_length(i32::from_be_bytes(set.array()?))?;
    set.take(length)
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
