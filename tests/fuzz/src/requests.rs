//! The body of each request, and the response that repeats what it names.

use std::hint::black_box;

use logboom_wire::api::ApiKey;
use logboom_wire::error::{DecodeError, ErrorCode};
use logboom_wire::request::{
    ApiVersionsRequest, FetchRequest, FindCoordinatorRequest, InitProducerIdRequest,
    MetadataRequest, ProduceRequest, SaslAuthenticateRequest, SaslHandshakeRequest, TopicSelection,
};
use logboom_wire::response::{FetchResponse, FindCoordinatorResponse, ProduceResponse};

use crate::memory::bounded;
use crate::oracle;

/// How much larger a response may be than the request whose names it repeats, as the documentation
/// of `logboom_wire::response` has it, and what is around it.
const RESPONSE_BYTES_PER_BYTE_MAX: usize = 14;
const RESPONSE_BYTES_MORE: usize = 64;

/// Splits an input into a version and a body: the first byte chooses among the versions that exist,
/// the one below and the one above.
fn versioned(key: ApiKey, input: &[u8]) -> Option<(i16, &[u8])> {
    let (choice, body) = input.split_first()?;
    let (min, max) = key.versions();
    let version = min - 1 + i16::from(*choice) % (max - min + 3);
    Some((version, body))
}

/// Decodes a body and looks at everything there is; nothing of that needs memory worth mentioning.
fn decode<'a, T>(
    key: ApiKey,
    input: &'a [u8],
    read: impl FnOnce(i16, &'a [u8]) -> Result<T, DecodeError>,
) -> Option<(i16, &'a [u8], T)> {
    let (version, body) = versioned(key, input)?;
    let decoded = bounded(input.len(), 0, || read(version, body));
    if !key.supports(version) {
        assert_eq!(decoded.err(), Some(DecodeError::UnsupportedVersion));
        return None;
    }
    Some((version, body, decoded.ok()?))
}

/// Makes sure that a response is no larger than promised.
fn assert_size(body: &[u8], response: &[u8]) {
    let bytes_max = body.len() * RESPONSE_BYTES_PER_BYTE_MAX + RESPONSE_BYTES_MORE;
    assert!(response.len() <= bytes_max, "{} bytes answered to {}", response.len(), body.len());
}

/// The body of a Produce request.
pub fn produce(input: &[u8]) {
    let read = |version, body| {
        let request = ProduceRequest::decode(version, body)?;
        let partitions = request.topics().flat_map(|topic| topic.partitions());
        assert_eq!(partitions.count(), request.partition_count());
        assert_eq!(request.topics().count(), request.topics().len());
        Ok(request)
    };
    let Some((version, body, request)) = decode(ApiKey::Produce, input, read) else { return };
    let mut response = Vec::new();
    ProduceResponse { request, outcomes: &[] }.encode(version, 7, &mut response);
    assert_size(body, &response);
    oracle::compare_produce(version, body, &request);
}

/// The body of a Fetch request.
pub fn fetch(input: &[u8]) {
    let read = |version, body| {
        let request = FetchRequest::decode(version, body)?;
        let partitions = request.topics().flat_map(|topic| topic.partitions());
        assert_eq!(partitions.count(), request.partition_count());
        Ok(request)
    };
    let Some((version, body, request)) = decode(ApiKey::Fetch, input, read) else { return };
    let mut response = Vec::new();
    let error = ErrorCode::TopicAuthorizationFailed;
    FetchResponse { request, error }.encode(version, 7, &mut response);
    assert_size(body, &response);
    oracle::compare_fetch(version, body, &request);
}

/// The body of a Metadata request.
pub fn metadata(input: &[u8]) {
    let read = |version, body| {
        let request = MetadataRequest::decode(version, body)?;
        if let TopicSelection::Named(topics) = request.topics {
            assert_eq!(topics.iter().count(), topics.len());
        }
        Ok(request)
    };
    let Some((version, body, request)) = decode(ApiKey::Metadata, input, read) else { return };
    oracle::compare_metadata(version, body, &request);
}

/// The body of a FindCoordinator request.
pub fn find_coordinator(input: &[u8]) {
    let read = |version, body| {
        let request = FindCoordinatorRequest::decode(version, body)?;
        assert_eq!(request.keys.iter().count(), request.keys.len());
        Ok(request)
    };
    let Some((version, body, request)) = decode(ApiKey::FindCoordinator, input, read) else {
        return;
    };
    let mut response = Vec::new();
    let error = ErrorCode::GroupAuthorizationFailed;
    FindCoordinatorResponse { request, error }.encode(version, 7, &mut response);
    assert_size(body, &response);
    oracle::compare_find_coordinator(version, body, &request);
}

/// The body of a SaslHandshake request.
pub fn sasl_handshake(input: &[u8]) {
    let decoded = decode(ApiKey::SaslHandshake, input, SaslHandshakeRequest::decode);
    let Some((version, body, request)) = decoded else { return };
    oracle::compare_sasl_handshake(version, body, request);
}

/// The body of an ApiVersions request.
pub fn api_versions(input: &[u8]) {
    let decoded = decode(ApiKey::ApiVersions, input, ApiVersionsRequest::decode);
    let Some((version, body, request)) = decoded else { return };
    oracle::compare_api_versions(version, body, request);
}

/// The body of an InitProducerId request.
pub fn init_producer_id(input: &[u8]) {
    let decoded = decode(ApiKey::InitProducerId, input, InitProducerIdRequest::decode);
    let Some((version, body, request)) = decoded else { return };
    oracle::compare_init_producer_id(version, body, request);
}

/// The body of a SaslAuthenticate request.
pub fn sasl_authenticate(input: &[u8]) {
    let decoded = decode(ApiKey::SaslAuthenticate, input, SaslAuthenticateRequest::decode);
    let Some((version, body, request)) = decoded else { return };
    black_box(format!("{request:?}"));
    oracle::compare_sasl_authenticate(version, body, request);
}
