use super::{THROTTLE_TIME_MS, encode_frame};
use crate::api::ApiKey;
use crate::error::ErrorCode;

/// Lists [`ApiKey::ALL`] with the versions of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiVersionsResponse {
    /// What went wrong.
    pub error: ErrorCode,
}

impl ApiVersionsResponse {
    /// Answers an ApiVersions request of a version that is not implemented: in version 0, which
    /// every client reads, with the whole list, so that the client can ask again (KIP-511).
    pub fn unsupported(correlation_id: i32, out: &mut Vec<u8>) {
        Self { error: ErrorCode::UnsupportedVersion }.encode(0, correlation_id, out);
    }

    /// Appends the response as one frame.
    pub fn encode(&self, version: i16, correlation_id: i32, out: &mut Vec<u8>) {
        encode_frame(ApiKey::ApiVersions, version, correlation_id, out, |writer| {
            writer.i16(self.error.code());
            writer.array_count(ApiKey::ALL.len());
            for key in ApiKey::ALL {
                let (min, max) = key.versions();
                writer.i16(key.id());
                writer.i16(min);
                writer.i16(max);
                writer.no_tagged_fields();
            }
            if version >= 1 {
                writer.i32(THROTTLE_TIME_MS);
            }
        });
    }
}
