use super::{THROTTLE_TIME_MS, encode_frame};
use crate::api::ApiKey;
use crate::error::ErrorCode;
use crate::primitive::Writer;
use crate::request::FetchRequest;

/// An offset nobody knows.
const UNKNOWN_OFFSET: i64 = -1;

/// Answers every partition of a request with an error: records are not read over Kafka.
#[derive(Clone, Copy, Debug)]
pub struct FetchResponse<'a> {
    /// What is answered.
    pub request: FetchRequest<'a>,
    /// The error of every partition.
    pub error: ErrorCode,
}

impl FetchResponse<'_> {
    /// Appends the response as one frame.
    pub fn encode(&self, version: i16, correlation_id: i32, out: &mut Vec<u8>) {
        encode_frame(ApiKey::Fetch, version, correlation_id, out, |writer| {
            writer.i32(THROTTLE_TIME_MS);
            if version >= 7 {
                // The error is that of the partitions, and there is no fetch session (KIP-227).
                writer.i16(ErrorCode::None.code());
                writer.i32(0);
            }
            writer.array_count(self.request.topics().len());
            for topic in self.request.topics() {
                writer.string(topic.name);
                writer.array_count(topic.partitions().len());
                for partition in topic.partitions() {
                    self.encode_partition(version, partition.index, writer);
                }
            }
        });
    }

    fn encode_partition(&self, version: i16, index: i32, writer: &mut Writer<'_>) {
        writer.i32(index);
        writer.i16(self.error.code());
        writer.i64(UNKNOWN_OFFSET); // high_watermark
        writer.i64(UNKNOWN_OFFSET); // last_stable_offset
        if version >= 5 {
            writer.i64(UNKNOWN_OFFSET); // log_start_offset
        }
        writer.null(); // aborted_transactions
        if version >= 11 {
            writer.i32(-1); // preferred_read_replica
        }
        writer.null(); // records
    }
}
