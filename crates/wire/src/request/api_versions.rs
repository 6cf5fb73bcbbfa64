use super::decode_body;
use crate::api::ApiKey;
use crate::error::DecodeError;

/// Asks which APIs the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiVersionsRequest<'a> {
    /// Name of the client library; from version 3. Any bytes: it is only ever shown.
    pub client_software_name: Option<&'a [u8]>,
    /// Version of the client library; from version 3. Any bytes: it is only ever shown.
    pub client_software_version: Option<&'a [u8]>,
}

impl<'a> ApiVersionsRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with the version or the bytes.
    pub fn decode(version: i16, body: &'a [u8]) -> Result<Self, DecodeError> {
        decode_body(ApiKey::ApiVersions, version, body, |reader| {
            if version < 3 {
                return Ok(Self { client_software_name: None, client_software_version: None });
            }
            Ok(Self {
                client_software_name: reader.nullable_string_bytes()?,
                client_software_version: reader.nullable_string_bytes()?,
            })
        })
    }
}
