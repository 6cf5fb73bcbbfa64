use super::decode_body;
use crate::api::ApiKey;
use crate::error::DecodeError;

/// Asks for the identity of an idempotent or transactional producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitProducerIdRequest<'a> {
    /// Name of the transactions; null if the producer is only idempotent.
    pub transactional_id: Option<&'a str>,
    /// How long a transaction may take, in milliseconds.
    pub transaction_timeout_ms: i32,
    /// The id the producer has already; from version 3, -1 if none.
    pub producer_id: i64,
    /// The epoch of that id; from version 3, -1 if none.
    pub producer_epoch: i16,
}

impl<'a> InitProducerIdRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with the version or the bytes.
    pub fn decode(version: i16, body: &'a [u8]) -> Result<Self, DecodeError> {
        decode_body(ApiKey::InitProducerId, version, body, |reader| {
            Ok(Self {
                transactional_id: reader.nullable_string()?,
                transaction_timeout_ms: reader.i32()?,
                producer_id: if version >= 3 { reader.i64()? } else { -1 },
                producer_epoch: if version >= 3 { reader.i16()? } else { -1 },
            })
        })
    }
}
