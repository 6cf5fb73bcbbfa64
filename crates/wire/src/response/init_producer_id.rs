use super::{THROTTLE_TIME_MS, encode_frame};
use crate::api::ApiKey;
use crate::error::ErrorCode;

/// Gives a producer its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitProducerIdResponse {
    /// What went wrong.
    pub error: ErrorCode,
    /// The producer id; -1 with an error.
    pub producer_id: i64,
    /// The epoch of the id; -1 with an error.
    pub producer_epoch: i16,
}

impl InitProducerIdResponse {
    /// Appends the response as one frame.
    pub fn encode(&self, version: i16, correlation_id: i32, out: &mut Vec<u8>) {
        encode_frame(ApiKey::InitProducerId, version, correlation_id, out, |writer| {
            writer.i32(THROTTLE_TIME_MS);
            writer.i16(self.error.code());
            writer.i64(self.producer_id);
            writer.i16(self.producer_epoch);
        });
    }
}
