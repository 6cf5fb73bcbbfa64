use std::fmt;

use super::encode_frame;
use crate::api::ApiKey;
use crate::error::ErrorCode;

/// Accepts a SASL mechanism, or says which ones there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaslHandshakeResponse<'a> {
    /// What went wrong.
    pub error: ErrorCode,
    /// The mechanisms the server has.
    pub mechanisms: &'a [&'a str],
}

impl SaslHandshakeResponse<'_> {
    /// Appends the response as one frame.
    pub fn encode(&self, version: i16, correlation_id: i32, out: &mut Vec<u8>) {
        encode_frame(ApiKey::SaslHandshake, version, correlation_id, out, |writer| {
            writer.i16(self.error.code());
            writer.array_count(self.mechanisms.len());
            for mechanism in self.mechanisms {
                writer.string(mechanism);
            }
        });
    }
}

/// Answers a SASL token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslAuthenticateResponse<'a> {
    /// What went wrong.
    pub error: ErrorCode,
    /// What to tell the user; most clients show it.
    pub error_message: Option<&'a str>,
    /// The token of the server; PLAIN has none.
    pub auth_bytes: &'a [u8],
    /// After how many milliseconds the client must authenticate again; 0 is never. From version 1.
    pub session_lifetime_ms: i64,
}

impl SaslAuthenticateResponse<'_> {
    /// Appends the response as one frame.
    pub fn encode(&self, version: i16, correlation_id: i32, out: &mut Vec<u8>) {
        encode_frame(ApiKey::SaslAuthenticate, version, correlation_id, out, |writer| {
            writer.i16(self.error.code());
            writer.nullable_string(self.error_message);
            writer.bytes(self.auth_bytes);
            if version >= 1 {
                writer.i64(self.session_lifetime_ms);
            }
        });
    }
}

impl fmt::Debug for SaslAuthenticateResponse<'_> {
    /// Says how long the token is and not what is in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SaslAuthenticateResponse")
            .field("error", &self.error)
            .field("error_message", &self.error_message)
            .field("auth_bytes", &self.auth_bytes.len())
            .field("session_lifetime_ms", &self.session_lifetime_ms)
            .finish()
    }
}
