//! The header of a request.

use crate::api::ApiKey;
use crate::error::DecodeError;
use crate::primitive::Reader;

/// Bytes of the smallest request: a header version 1 with a null client id, and an empty body.
pub const REQUEST_BYTES_MIN: usize = 10;

/// The first fields of a request header, at the same place in every version of it.
///
/// They are enough to refuse a request before any other byte of it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek {
    /// Which API is asked; maybe none that exists.
    pub api_key: i16,
    /// In which version; maybe one that does not exist.
    pub api_version: i16,
    /// What the response has to repeat.
    pub correlation_id: i32,
}

/// The header of a request, version 1 or 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    /// Which API is asked: one of [`ApiKey::ALL`].
    pub api_key: i16,
    /// In which version: one that [`ApiKey::supports`].
    pub api_version: i16,
    /// What the response has to repeat.
    pub correlation_id: i32,
    /// What the client calls itself. Any bytes: it is only ever shown.
    pub client_id: Option<&'a [u8]>,
}

impl<'a> RequestHeader<'a> {
    /// Reads the first eight bytes of a frame, whatever follows.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if there are fewer.
    pub fn peek(frame: &[u8]) -> Result<Peek, DecodeError> {
        peek(&mut Reader::new(frame))
    }

    /// Splits a frame into header and body.
    ///
    /// # Errors
    ///
    /// [`DecodeError::UnsupportedVersion`] if API and version are not in the table of [`ApiKey`]
    /// (how long the header of an unknown request is cannot be known), or what is wrong with the
    /// bytes.
    pub fn decode(frame: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let mut reader = Reader::new(frame);
        let Peek { api_key, api_version, correlation_id } = peek(&mut reader)?;
        let key = ApiKey::from_i16(api_key)
            .filter(|key| key.supports(api_version))
            .ok_or(DecodeError::UnsupportedVersion)?;
        // The client id kept its fixed length in header version 2, so that a server can read it
        // without knowing the version (KIP-482).
        let client_id = reader.nullable_string_bytes()?;
        if key.request_header_version(api_version) == 2 {
            reader = Reader::flexible(reader.rest());
            reader.skip_tagged_fields()?;
        }
        Ok((Self { api_key, api_version, correlation_id, client_id }, reader.rest()))
    }
}

fn peek(reader: &mut Reader<'_>) -> Result<Peek, DecodeError> {
    Ok(Peek { api_key: reader.i16()?, api_version: reader.i16()?, correlation_id: reader.i32()? })
}
