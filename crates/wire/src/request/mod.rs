//! Requests: what a client asks, as views of the bytes it sent.
//!
//! Every `decode` takes the version from the header and the bytes behind the header. It reads the
//! whole body once and refuses whatever is wrong with it, bytes left over included; what it returns
//! borrows those bytes and iterates over them without errors. Nothing is allocated. Whoever keeps the
//! bytes instead of the view decodes them again, and may take the default of a request, which asks
//! for nothing, for the error that cannot happen.
//!
//! In the versions that lack a field, the field has the default of Kafka's message definitions.

mod api_versions;
mod fetch;
mod find_coordinator;
mod init_producer_id;
mod metadata;
mod produce;
mod sasl;

pub use api_versions::ApiVersionsRequest;
pub use fetch::{FetchPartition, FetchRequest, FetchTopic};
pub use find_coordinator::FindCoordinatorRequest;
pub use init_producer_id::InitProducerIdRequest;
pub use metadata::{MetadataRequest, MetadataTopic, TopicSelection};
pub use produce::{ProducePartition, ProduceRequest, ProduceTopic};
pub use sasl::{SaslAuthenticateRequest, SaslHandshakeRequest};

use crate::api::ApiKey;
use crate::error::DecodeError;
use crate::primitive::Reader;

/// Reads a whole body: `fields` reads the fields of the message, the rest is the same for all.
fn decode_body<'a, T>(
    key: ApiKey,
    version: i16,
    body: &'a [u8],
    fields: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    if !key.supports(version) {
        return Err(DecodeError::UnsupportedVersion);
    }
    let mut reader = body_reader(key, version, body);
    let request = fields(&mut reader)?;
    reader.skip_tagged_fields()?;
    reader.finish()?;
    Ok(request)
}

fn body_reader(key: ApiKey, version: i16, body: &[u8]) -> Reader<'_> {
    match key.is_flexible(version) {
        true => Reader::flexible(body),
        false => Reader::new(body),
    }
}
