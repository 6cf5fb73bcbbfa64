//! Responses: what the server answers, as whole frames.
//!
//! Every `encode` takes the version and the correlation id of the request, the version being one
//! that [`ApiKey::supports`], and appends one frame: length prefix, response header, body. A
//! response never throttles: `throttle_time_ms` is always 0.
//!
//! Responses to Produce, Fetch and FindCoordinator repeat names and numbers of the request, and can
//! be larger than it: at most 14 times, apart from error messages and a few bytes around. Whoever
//! limits memory has to reckon with that.

mod api_versions;
mod fetch;
mod find_coordinator;
mod init_producer_id;
mod metadata;
mod produce;
mod sasl;

pub use api_versions::ApiVersionsResponse;
pub use fetch::FetchResponse;
pub use find_coordinator::FindCoordinatorResponse;
pub use init_producer_id::InitProducerIdResponse;
pub use metadata::{ClusterView, TopicView};
pub use produce::{PartitionOutcome, ProduceResponse};
pub use sasl::{SaslAuthenticateResponse, SaslHandshakeResponse};

use crate::api::ApiKey;
use crate::frame::PREFIX_BYTES;
use crate::primitive::Writer;

/// Overload is answered later or not at all: rskafka takes a throttled Produce for a failed one and
/// sends the records again.
const THROTTLE_TIME_MS: i32 = 0;

/// Appends a whole frame: `fields` writes the fields of the message, the rest is the same for all.
fn encode_frame(
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    out: &mut Vec<u8>,
    fields: impl FnOnce(&mut Writer<'_>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX_BYTES]);
    out.extend_from_slice(&correlation_id.to_be_bytes());
    if key.response_header_version(version) == 1 {
        Writer::flexible(out).no_tagged_fields();
    }
    let mut writer = match key.is_flexible(version) {
        true => Writer::flexible(out),
        false => Writer::new(out),
    };
    fields(&mut writer);
    writer.no_tagged_fields();
    set_prefix(&mut out[start..]);
}

/// Writes the length of a frame into its prefix.
fn set_prefix(frame: &mut [u8]) {
    let length = i32::try_from(frame.len() - PREFIX_BYTES).unwrap_or(i32::MAX);
    frame[..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
}
