use super::decode_body;
use crate::api::ApiKey;
use crate::error::DecodeError;
use crate::primitive::{Array, Element, Reader};

/// Asks for the coordinators of groups or transactions.
#[derive(Clone, Copy, Debug, Default)]
pub struct FindCoordinatorRequest<'a> {
    /// 0 for groups, 1 for transactions; from version 1, before it groups.
    pub key_type: i8,
    /// Names of the groups or transactions: any number from version 4, before it exactly one.
    pub keys: Array<'a, &'a str>,
}

impl<'a> FindCoordinatorRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with the version or the bytes.
    pub fn decode(version: i16, body: &'a [u8]) -> Result<Self, DecodeError> {
        decode_body(ApiKey::FindCoordinator, version, body, |reader| {
            if version >= 4 {
                return Ok(Self { key_type: reader.i8()?, keys: Array::decode(reader, version)? });
            }
            Ok(Self {
                keys: Array::decode_counted(reader, version, 1)?,
                key_type: if version >= 1 { reader.i8()? } else { 0 },
            })
        })
    }
}

impl<'a> Element<'a> for &'a str {
    fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        reader.string()
    }
}
