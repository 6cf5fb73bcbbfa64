use std::borrow::Cow;

use super::{THROTTLE_TIME_MS, encode_frame};
use crate::api::ApiKey;
use crate::error::ErrorCode;
use crate::primitive::Writer;
use crate::request::ProduceRequest;

/// Answers a Produce request.
#[derive(Clone, Copy, Debug)]
pub struct ProduceResponse<'a> {
    /// What is answered: the response repeats its topics and partitions.
    pub request: ProduceRequest<'a>,
    /// One outcome for each partition of the request, in its order, over all topics. Partitions
    /// beyond the last outcome are answered `UNKNOWN_SERVER_ERROR`.
    pub outcomes: &'a [PartitionOutcome],
}

/// What became of the records for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionOutcome {
    /// What went wrong.
    pub error: ErrorCode,
    /// The offset of the first record; -1 with an error.
    pub base_offset: i64,
    /// The time the log gave the records, in milliseconds since 1970; -1 if they keep their own.
    /// From version 2.
    pub log_append_time_ms: i64,
    /// The first offset that can be read; -1 if unknown. From version 5.
    pub log_start_offset: i64,
    /// What to tell the user about the error. From version 8.
    pub error_message: Option<Cow<'static, str>>,
}

impl PartitionOutcome {
    /// The records are stored, the first of them at this offset, and keep their own time.
    #[must_use]
    pub const fn stored(base_offset: i64) -> Self {
        let error = ErrorCode::None;
        let (log_append_time_ms, log_start_offset) = (-1, -1);
        Self { error, base_offset, log_append_time_ms, log_start_offset, error_message: None }
    }

    /// Nothing of the partition was stored.
    #[must_use]
    pub const fn failed(error: ErrorCode, error_message: Option<Cow<'static, str>>) -> Self {
        Self { error, base_offset: -1, log_append_time_ms: -1, log_start_offset: -1, error_message }
    }
}

impl ProduceResponse<'_> {
    /// Appends the response as one frame.
    pub fn encode(&self, version: i16, correlation_id: i32, out: &mut Vec<u8>) {
        encode_frame(ApiKey::Produce, version, correlation_id, out, |writer| {
            let unanswered = PartitionOutcome::failed(ErrorCode::UnknownServerError, None);
            let mut outcomes = self.outcomes.iter();
            writer.array_count(self.request.topics().len());
            for topic in self.request.topics() {
                writer.string(topic.name);
                writer.array_count(topic.partitions().len());
                for partition in topic.partitions() {
                    let outcome = outcomes.next().unwrap_or(&unanswered);
                    encode_partition(version, partition.index, outcome, writer);
                }
                writer.no_tagged_fields();
            }
            if version >= 1 {
                writer.i32(THROTTLE_TIME_MS);
            }
        });
    }
}

fn encode_partition(version: i16, index: i32, outcome: &PartitionOutcome, writer: &mut Writer<'_>) {
    writer.i32(index);
    writer.i16(outcome.error.code());
    writer.i64(outcome.base_offset);
    if version >= 2 {
        writer.i64(outcome.log_append_time_ms);
    }
    if version >= 5 {
        writer.i64(outcome.log_start_offset);
    }
    if version >= 8 {
        writer.array_count(0); // record_errors
        writer.nullable_string(outcome.error_message.as_deref());
    }
    writer.no_tagged_fields();
}
