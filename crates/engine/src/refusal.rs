//! Why a topic or a partition is refused, as data. Words are made of it only when somebody reads
//! them: a request can name 10,000 things to refuse.

use std::borrow::Cow;
use std::fmt;

use logboom_access::NameError;
use logboom_store::AppendError;
use logboom_wire::error::ErrorCode;
use logboom_wire::records::BatchError;
use logboom_wire::response::PartitionOutcome;

use crate::Code;

/// Why a topic, a partition or a batch is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No Logstore can have this name.
    InvalidName(NameError),
    /// The key may not write there, whether or not it exists.
    NoWriteRight,
    /// The key may write there, but there is no such Logstore.
    UnknownLogstore,
    /// The Logstore has fewer shards.
    UnknownShard {
        /// How many it has.
        shards: u32,
    },
    /// A producer with transactions.
    Transactional,
    /// A producer id that was never given out.
    UnknownProducer,
    /// There is nothing to store.
    NoRecords,
    /// More batches in one request than allowed.
    TooManyBatches {
        /// The limit.
        batches_max: usize,
    },
    /// The batches of one request decompress to more than allowed.
    RequestTooLarge {
        /// The limit for the whole request, in bytes.
        decompressed_bytes_max: u64,
    },
    /// The batch is not what it says it is, or over its limits.
    Batch(BatchError),
    /// The store did not take it.
    Store(AppendError),
}

impl Refusal {
    /// What the client is told as a number.
    pub(crate) const fn error(&self) -> ErrorCode {
        match self {
            Self::InvalidName(_) => ErrorCode::InvalidTopic,
            Self::NoWriteRight => ErrorCode::TopicAuthorizationFailed,
            Self::UnknownLogstore | Self::UnknownShard { .. } => ErrorCode::UnknownTopicOrPartition,
            Self::Transactional => ErrorCode::TransactionalIdAuthorizationFailed,
            Self::UnknownProducer => ErrorCode::UnknownProducerId,
            Self::NoRecords => ErrorCode::InvalidRecord,
            Self::TooManyBatches { .. } | Self::RequestTooLarge { .. } => {
                ErrorCode::MessageTooLarge
            }
            Self::Batch(error) => error.error_code(),
            Self::Store(error) => error_of_store(error),
        }
    }

    /// What it is counted and looked up as.
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::InvalidName(_) => Code::InvalidLogstoreName,
            Self::NoWriteRight => Code::NoWriteRight,
            Self::UnknownLogstore => Code::UnknownLogstore,
            Self::UnknownShard { .. } => Code::UnknownShard,
            Self::Transactional => Code::Transactional,
            Self::UnknownProducer => Code::Sequence,
            Self::NoRecords => Code::UndecodableBatch,
            Self::TooManyBatches { .. } | Self::RequestTooLarge { .. } => Code::BatchTooLarge,
            Self::Batch(error) => code_of_batch(*error),
            Self::Store(error) => code_of_store(error),
        }
    }

    /// The outcome of a refused partition. Its words reach clients from Produce version 8 on
    /// (KIP-467). Without a `detail` they are the title of the code, which takes no memory.
    pub(crate) fn outcome(&self, detail: Option<String>) -> PartitionOutcome {
        let code = self.code();
        let message = match detail {
            Some(detail) => format!("{} ({detail}) [{code}]", code.title()).into(),
            None => Cow::Borrowed(code.title()),
        };
        PartitionOutcome::failed(self.error(), Some(message))
    }
}

/// What there is to say beyond the title of the code; nothing if that says it all.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName(error) => error.fmt(f),
            Self::NoWriteRight | Self::UnknownLogstore => Ok(()),
            Self::UnknownShard { shards } => {
                write!(f, "there are shards 0 to {}", shards.saturating_sub(1))
            }
            Self::Transactional => f.write_str("remove the transactional id"),
            Self::UnknownProducer => f.write_str("a producer id that was never given out"),
            Self::NoRecords => f.write_str("no records"),
            Self::TooManyBatches { batches_max } => {
                write!(f, "more than {batches_max} batches in one request")
            }
            Self::RequestTooLarge { decompressed_bytes_max } => {
                write!(f, "decompressed, the request has more than {decompressed_bytes_max} bytes")
            }
            Self::Batch(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

/// What a failed append means for the client. Everything it should send again gets
/// `KAFKA_STORAGE_ERROR`, which clients retry after a look at the metadata; never
/// `NETWORK_EXCEPTION`, at which several of them drop the data.
const fn error_of_store(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::ProducerFenced { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        AppendError::Empty => ErrorCode::InvalidRecord,
        _ => ErrorCode::KafkaStorageError,
    }
}

const fn code_of_store(error: &AppendError) -> Code {
    match error {
        AppendError::NoSpace | AppendError::Unavailable(_) => Code::DiskFull,
        AppendError::OutOfOrderSequence { .. } | AppendError::ProducerFenced { .. } => {
            Code::Sequence
        }
        AppendError::TooLarge { .. } => Code::BatchTooLarge,
        AppendError::Empty => Code::UndecodableBatch,
        _ => Code::SyncFailed,
    }
}

const fn code_of_batch(error: BatchError) -> Code {
    match error.error_code() {
        ErrorCode::CorruptMessage => Code::CorruptBatch,
        ErrorCode::MessageTooLarge => Code::BatchTooLarge,
        ErrorCode::UnsupportedCompressionType => Code::UnknownCodec,
        ErrorCode::TransactionalIdAuthorizationFailed => Code::Transactional,
        _ => Code::UndecodableBatch,
    }
}

/// A refusal and what it is about, in words. Contains no secret, and names of the peer only through
/// [`shown`].
#[derive(Debug)]
pub(crate) struct Detail<'a> {
    pub(crate) refusal: &'a Refusal,
    pub(crate) topic: &'a str,
    /// The partition, if it is about one.
    pub(crate) shard: Option<i32>,
    /// The topic that was meant, probably.
    pub(crate) nearest: Option<String>,
}

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic {}", shown(self.topic))?;
        if let Some(shard) = self.shard {
            write!(f, ", shard {shard}")?;
        }
        let reason = self.refusal.to_string();
        if !reason.is_empty() {
            write!(f, ": {reason}")?;
        }
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest}?"),
            None => Ok(()),
        }
    }
}

/// How many characters of a name that a peer chose are shown.
const SHOWN_CHARS_MAX: usize = 64;

/// A name that a peer chose, fit for a log line: escaped, quoted, and cut.
fn shown(name: &str) -> String {
    match name.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{:?}...", &name[..end]),
        None => format!("{name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_peers_are_escaped_and_cut() {
        assert_eq!(shown("a\u{1b}[31m\n"), "\"a\\u{1b}[31m\\n\"");
        let long = "é".repeat(1_000);
        assert_eq!(shown(&long).chars().count(), SHOWN_CHARS_MAX + 5);
    }

    #[test]
    fn a_detail_says_what_is_refused_where_and_why() {
        let detail = |refusal: &Refusal, shard, nearest| {
            Detail { refusal, topic: "ngin", shard, nearest }.to_string()
        };
        assert_eq!(detail(&Refusal::NoWriteRight, None, None), "topic \"ngin\"");
        assert_eq!(
            detail(&Refusal::UnknownLogstore, Some(3), Some("nginx".to_owned())),
            "topic \"ngin\", shard 3; did you mean nginx?"
        );
        assert_eq!(
            detail(&Refusal::UnknownShard { shards: 4 }, Some(-1), None),
            "topic \"ngin\", shard -1: there are shards 0 to 3"
        );
    }

    #[test]
    fn what_can_be_sent_again_is_never_answered_with_an_error_that_loses_it() {
        for error in [AppendError::NoSpace, AppendError::Closed, AppendError::OffsetsExhausted] {
            assert_eq!(Refusal::Store(error).error(), ErrorCode::KafkaStorageError);
        }
    }

    #[test]
    fn a_batch_of_a_transaction_is_counted_as_one() {
        let refusal = Refusal::Batch(BatchError::Transactional);
        assert_eq!(refusal.code(), Code::Transactional);
        assert_eq!(refusal.error(), ErrorCode::TransactionalIdAuthorizationFailed);
    }
}
