use super::{THROTTLE_TIME_MS, encode_frame};
use crate::api::ApiKey;
use crate::error::ErrorCode;
use crate::primitive::Writer;
use crate::request::FindCoordinatorRequest;

/// Answers every key of a request with an error: there are no coordinators here.
#[derive(Clone, Copy, Debug)]
pub struct FindCoordinatorResponse<'a> {
    /// What is answered.
    pub request: FindCoordinatorRequest<'a>,
    /// The error of every key.
    pub error: ErrorCode,
}

impl FindCoordinatorResponse<'_> {
    /// Appends the response as one frame.
    pub fn encode(&self, version: i16, correlation_id: i32, out: &mut Vec<u8>) {
        encode_frame(ApiKey::FindCoordinator, version, correlation_id, out, |writer| {
            if version >= 1 {
                writer.i32(THROTTLE_TIME_MS);
            }
            if version < 4 {
                self.encode_error(version, writer);
                encode_no_node(writer);
                return;
            }
            writer.array_count(self.request.keys.len());
            for key in self.request.keys {
                writer.string(key);
                encode_no_node(writer);
                self.encode_error(version, writer);
                writer.no_tagged_fields();
            }
        });
    }

    fn encode_error(&self, version: i16, writer: &mut Writer<'_>) {
        writer.i16(self.error.code());
        if version >= 1 {
            writer.nullable_string(None);
        }
    }
}

/// The node id, host and port of nobody.
fn encode_no_node(writer: &mut Writer<'_>) {
    writer.i32(-1);
    writer.string("");
    writer.i32(-1);
}
