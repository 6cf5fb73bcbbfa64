use std::fmt;

use super::decode_body;
use crate::api::ApiKey;
use crate::error::DecodeError;

/// Chooses a SASL mechanism.
///
/// In version 0 the next bytes of the connection are a bare token behind a length prefix; in
/// version 1 they are a [`SaslAuthenticateRequest`] (KIP-152).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaslHandshakeRequest<'a> {
    /// Name of the mechanism, for example `PLAIN`.
    pub mechanism: &'a str,
}

impl<'a> SaslHandshakeRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with the version or the bytes.
    pub fn decode(version: i16, body: &'a [u8]) -> Result<Self, DecodeError> {
        decode_body(ApiKey::SaslHandshake, version, body, |reader| {
            Ok(Self { mechanism: reader.string()? })
        })
    }
}

/// Carries a token of the SASL mechanism.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslAuthenticateRequest<'a> {
    /// The token. It contains the password.
    pub auth_bytes: &'a [u8],
}

impl<'a> SaslAuthenticateRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with the version or the bytes.
    pub fn decode(version: i16, body: &'a [u8]) -> Result<Self, DecodeError> {
        decode_body(ApiKey::SaslAuthenticate, version, body, |reader| {
            Ok(Self { auth_bytes: reader.bytes()? })
        })
    }
}

impl fmt::Debug for SaslAuthenticateRequest<'_> {
    /// Says how long the token is and never what is in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SaslAuthenticateRequest({} bytes)", self.auth_bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let token = SaslAuthenticateRequest { auth_bytes: b"\0project\0key#secret" };
        assert_eq!(format!("{token:?}"), "SaslAuthenticateRequest(19 bytes)");
    }
}
