use std::fmt;

use super::Codec;
use crate::error::ErrorCode;

/// Why a batch is refused.
///
/// All but a checksum that does not match say that the producer built the batch wrongly or asked
/// for too much: sending the same bytes again cannot help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchError {
    /// The bytes end inside a batch, a message or a record.
    Truncated,
    /// A length is negative, or the thing it measures cannot be so short.
    InvalidLength,
    /// Bytes are left behind the last field of a record, or behind the last record of a batch.
    TrailingBytes,
    /// A varint goes on past the bits its type has.
    VarintTooLong,
    /// The message format is none of 0, 1 and 2.
    UnknownMagic {
        /// What the batch says its format is.
        magic: u8,
    },
    /// The checksum of the batch, or of a message in a set, does not match its bytes.
    ChecksumMismatch,
    /// The codec does not exist, or the message format does not allow it.
    UnsupportedCodec {
        /// The number of the codec in the attributes.
        id: u8,
    },
    /// The compressed bytes are not what their codec says, or need a zstd window above the limit.
    CompressedDataInvalid {
        /// The codec of the batch.
        codec: Codec,
    },
    /// The batch, as sent, is above [`batch_bytes_max`](super::Limits::batch_bytes_max).
    BatchTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The batch, decompressed, is above the limit for the whole of it
    /// ([`decompressed_bytes_max`](super::Limits::decompressed_bytes_max)) or for one block
    /// ([`snappy_block_bytes_max`](super::Limits::snappy_block_bytes_max)).
    DecompressedTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// A record has more headers than
    /// [`headers_per_record_max`](super::Limits::headers_per_record_max).
    TooManyHeaders {
        /// The limit.
        headers_max: usize,
    },
    /// There is no record in the batch, or none in a compressed message.
    NoRecords,
    /// The number of records does not fit the last offset of the batch.
    RecordCountMismatch,
    /// The offsets of the records do not count up from zero one by one.
    OffsetsNotContiguous,
    /// The timestamp of a record is outside of 64 bits.
    TimestampOutOfRange,
    /// The batch belongs to a transaction.
    Transactional,
    /// Only brokers write control batches.
    ControlBatch,
    /// There is a producer id, but the epoch or the sequence number is negative.
    InvalidSequence,
    /// A compressed message contains another compressed message.
    NestedCompression,
    /// A compressed message contains a message of another format.
    MixedMagic,
}

impl BatchError {
    /// The code to answer the producer with.
    ///
    /// Only a checksum gets `CORRUPT_MESSAGE`: clients take it for damage on the way and retry,
    /// some of them for ever. What is permanently undecodable is `INVALID_RECORD`.
    #[must_use]
    pub const fn error_code(self) -> ErrorCode {
        match self {
            Self::ChecksumMismatch => ErrorCode::CorruptMessage,
            Self::UnsupportedCodec { .. } => ErrorCode::UnsupportedCompressionType,
            Self::BatchTooLarge { .. } | Self::DecompressedTooLarge { .. } => {
                ErrorCode::MessageTooLarge
            }
            Self::Transactional => ErrorCode::TransactionalIdAuthorizationFailed,
            Self::Truncated
            | Self::InvalidLength
            | Self::TrailingBytes
            | Self::VarintTooLong
            | Self::UnknownMagic { .. }
            | Self::CompressedDataInvalid { .. }
            | Self::TooManyHeaders { .. }
            | Self::NoRecords
            | Self::RecordCountMismatch
            | Self::OffsetsNotContiguous
            | Self::TimestampOutOfRange
            | Self::ControlBatch
            | Self::InvalidSequence
            | Self::NestedCompression
            | Self::MixedMagic => ErrorCode::InvalidRecord,
        }
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match *self {
            Self::Truncated => "the bytes end inside a batch, a message or a record",
            Self::InvalidLength => "a length is negative or too small",
            Self::TrailingBytes => "bytes are left behind a record or behind the last record",
            Self::VarintTooLong => "a varint is too long",
            Self::UnknownMagic { magic } => {
                return write!(formatter, "there is no message format {magic}");
            }
            Self::ChecksumMismatch => "the checksum does not match",
            Self::UnsupportedCodec { id } => {
                return write!(formatter, "codec {id} does not exist in this message format");
            }
            Self::CompressedDataInvalid { codec } => {
                return write!(formatter, "the {} data is damaged", codec.name());
            }
            Self::BatchTooLarge { bytes_max } => {
                return write!(formatter, "the batch is larger than {bytes_max} bytes");
            }
            Self::DecompressedTooLarge { bytes_max } => {
                return write!(formatter, "decompressed, there are more than {bytes_max} bytes");
            }
            Self::TooManyHeaders { headers_max } => {
                return write!(formatter, "a record has more than {headers_max} headers");
            }
            Self::NoRecords => "a batch or a compressed message contains no records",
            Self::RecordCountMismatch => "the number of records does not fit the last offset",
            Self::OffsetsNotContiguous => "the offsets of the records are not contiguous",
            Self::TimestampOutOfRange => "a timestamp is outside of 64 bits",
            Self::Transactional => "the batch belongs to a transaction",
            Self::ControlBatch => "only brokers write control batches",
            Self::InvalidSequence => "a producer id without an epoch or a sequence number",
            Self::NestedCompression => "a compressed message inside a compressed message",
            Self::MixedMagic => "a message of one format inside a message of another",
        })
    }
}

impl std::error::Error for BatchError {}
