//! Error codes for peers, and errors of decoding.

use std::fmt;

/// An error code of the Kafka protocol that this server sends.
///
/// The list is short on purpose. In particular 13 `NETWORK_EXCEPTION` is missing, although it looks
/// fitting when storing fails: librdkafka, sarama, aiokafka and ruby-kafka do not retry it, so the
/// records would be lost. [`NotEnoughReplicas`](Self::NotEnoughReplicas) is the code that every
/// client retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ErrorCode {
    /// A fault of the server with no better name. Clients do not retry it.
    UnknownServerError = -1,
    /// No error.
    None = 0,
    /// A checksum does not match: the bytes changed on the way. Clients retry it.
    CorruptMessage = 2,
    /// No such topic, or no such partition of it.
    UnknownTopicOrPartition = 3,
    /// Not done within the time the client allowed; it may or may not be stored.
    RequestTimedOut = 7,
    /// The batch is larger than allowed. The Java client splits it and tries again.
    MessageTooLarge = 10,
    /// The name cannot be the name of a topic.
    InvalidTopic = 17,
    /// Nothing was stored; every client retries.
    NotEnoughReplicas = 19,
    /// `acks` is none of -1, 0 and 1.
    InvalidRequiredAcks = 21,
    /// No right to this topic, or no such topic: the answer does not say which.
    TopicAuthorizationFailed = 29,
    /// No right to this group. Consumers get it, always.
    GroupAuthorizationFailed = 30,
    /// The server does not have this SASL mechanism.
    UnsupportedSaslMechanism = 33,
    /// A SASL request out of order.
    IllegalSaslState = 34,
    /// The server does not have this version of the API.
    UnsupportedVersion = 35,
    /// The request is well formed and makes no sense.
    InvalidRequest = 42,
    /// The message format of the records cannot do what was asked.
    UnsupportedForMessageFormat = 43,
    /// An idempotent producer left a gap in its sequence numbers.
    OutOfOrderSequenceNumber = 45,
    /// An idempotent producer sent a batch again that is too old to be recognised.
    DuplicateSequenceNumber = 46,
    /// A newer producer took over the producer id.
    InvalidProducerEpoch = 47,
    /// No right to this transactional id. Transactions get it, always.
    TransactionalIdAuthorizationFailed = 53,
    /// Storing failed.
    KafkaStorageError = 56,
    /// Unknown user or wrong password: the answer does not say which.
    SaslAuthenticationFailed = 58,
    /// Nothing is known of this producer id.
    UnknownProducerId = 59,
    /// A codec that does not exist.
    UnsupportedCompressionType = 76,
    /// The batch is well formed on the wire and will never be readable.
    InvalidRecord = 87,
    /// No topic has this id.
    UnknownTopicId = 100,
}

impl ErrorCode {
    /// The code as it is on the wire.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Kafka's name of the error, for example `TOPIC_AUTHORIZATION_FAILED`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownServerError => "UNKNOWN_SERVER_ERROR",
            Self::None => "NONE",
            Self::CorruptMessage => "CORRUPT_MESSAGE",
            Self::UnknownTopicOrPartition => "UNKNOWN_TOPIC_OR_PARTITION",
            Self::RequestTimedOut => "REQUEST_TIMED_OUT",
            Self::MessageTooLarge => "MESSAGE_TOO_LARGE",
            Self::InvalidTopic => "INVALID_TOPIC_EXCEPTION",
            Self::NotEnoughReplicas => "NOT_ENOUGH_REPLICAS",
            Self::InvalidRequiredAcks => "INVALID_REQUIRED_ACKS",
            Self::TopicAuthorizationFailed => "TOPIC_AUTHORIZATION_FAILED",
            Self::GroupAuthorizationFailed => "GROUP_AUTHORIZATION_FAILED",
            Self::UnsupportedSaslMechanism => "UNSUPPORTED_SASL_MECHANISM",
            Self::IllegalSaslState => "ILLEGAL_SASL_STATE",
            Self::UnsupportedVersion => "UNSUPPORTED_VERSION",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::UnsupportedForMessageFormat => "UNSUPPORTED_FOR_MESSAGE_FORMAT",
            Self::OutOfOrderSequenceNumber => "OUT_OF_ORDER_SEQUENCE_NUMBER",
            Self::DuplicateSequenceNumber => "DUPLICATE_SEQUENCE_NUMBER",
            Self::InvalidProducerEpoch => "INVALID_PRODUCER_EPOCH",
            Self::TransactionalIdAuthorizationFailed => "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
            Self::KafkaStorageError => "KAFKA_STORAGE_ERROR",
            Self::SaslAuthenticationFailed => "SASL_AUTHENTICATION_FAILED",
            Self::UnknownProducerId => "UNKNOWN_PRODUCER_ID",
            Self::UnsupportedCompressionType => "UNSUPPORTED_COMPRESSION_TYPE",
            Self::InvalidRecord => "INVALID_RECORD",
            Self::UnknownTopicId => "UNKNOWN_TOPIC_ID",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code(), self.name())
    }
}

/// Why the header or the body of a request could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecodeError {
    /// The bytes end inside a field.
    Truncated,
    /// A length or count is negative and does not mean null.
    NegativeLength,
    /// A field is null that must not be.
    UnexpectedNull,
    /// More elements are announced than the bytes that are left can hold.
    CountExceedsBytes,
    /// A varint goes on past the bytes or the bits its type has.
    VarintTooLong,
    /// A string is not UTF-8.
    NotUtf8,
    /// Bytes are left behind the last field.
    TrailingBytes,
    /// The API or its version is not in the table of [`ApiKey`](crate::api::ApiKey).
    UnsupportedVersion,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Truncated => "the bytes end inside a field",
            Self::NegativeLength => "a length is negative",
            Self::UnexpectedNull => "a field is null that must not be",
            Self::CountExceedsBytes => "more elements are announced than the bytes can hold",
            Self::VarintTooLong => "a varint is too long",
            Self::NotUtf8 => "a string is not UTF-8",
            Self::TrailingBytes => "bytes are left behind the last field",
            Self::UnsupportedVersion => "the API or its version is not supported",
        })
    }
}

impl std::error::Error for DecodeError {}
