//! Comparison with `kafka-protocol`, an implementation by others.
//!
//! It reserves memory for whatever count it reads, so it only ever sees bytes that ours has accepted:
//! there, counts are not above the number of bytes.

use bytes::Bytes;
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, StrBytes};
use logboom_wire::request::{
    ApiVersionsRequest, FetchRequest, FindCoordinatorRequest, InitProducerIdRequest,
    MetadataRequest, MetadataTopic, ProduceRequest, SaslAuthenticateRequest, SaslHandshakeRequest,
    TopicSelection,
};

/// The lowest Produce version they have.
const PRODUCE_VERSION_MIN: i16 = 3;

/// Bodies above this size are not compared: they take a hundred bytes for some elements of one.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What they read in a body that ours has accepted.
fn decode<T: Decodable>(version: i16, body: &[u8]) -> Option<T> {
    if body.len() > BODY_BYTES_MAX {
        return None;
    }
    let mut rest = Bytes::copy_from_slice(body);
    let request = T::decode(&mut rest, version);
    let request = request.unwrap_or_else(|error| panic!("version {version}, accepted: {error}"));
    assert!(rest.is_empty(), "{} bytes are left in version {version}", rest.len());
    Some(request)
}

fn text(value: &Option<impl std::ops::Deref<Target = StrBytes>>) -> Option<&str> {
    value.as_ref().map(|value| value.as_str())
}

pub(crate) fn compare_produce(version: i16, body: &[u8], ours: &ProduceRequest<'_>) {
    if version < PRODUCE_VERSION_MIN {
        return;
    }
    let Some(theirs) = decode::<theirs::ProduceRequest>(version, body) else { return };
    assert_eq!(ours.transactional_id, text(&theirs.transactional_id));
    assert_eq!((ours.acks, ours.timeout_ms), (theirs.acks, theirs.timeout_ms));
    assert_eq!(ours.topics().len(), theirs.topic_data.len());
    for (ours, theirs) in ours.topics().zip(&theirs.topic_data) {
        assert_eq!(ours.name, theirs.name.as_str());
        assert_eq!(ours.partitions().len(), theirs.partition_data.len());
        for (ours, theirs) in ours.partitions().zip(&theirs.partition_data) {
            assert_eq!(ours.index, theirs.index);
            assert_eq!(ours.records, theirs.records.as_deref());
        }
    }
}

pub(crate) fn compare_fetch(version: i16, body: &[u8], ours: &FetchRequest<'_>) {
    let Some(theirs) = decode::<theirs::FetchRequest>(version, body) else { return };
    assert_eq!(ours.topics().len(), theirs.topics.len());
    for (ours, theirs) in ours.topics().zip(&theirs.topics) {
        assert_eq!(ours.name, theirs.topic.as_str());
        let ours = ours.partitions().map(|partition| partition.index);
        assert!(ours.eq(theirs.partitions.iter().map(|partition| partition.partition)));
    }
}

pub(crate) fn compare_metadata(version: i16, body: &[u8], ours: &MetadataRequest<'_>) {
    let Some(theirs) = decode::<theirs::MetadataRequest>(version, body) else { return };
    assert_eq!(ours.allow_auto_topic_creation, theirs.allow_auto_topic_creation);
    let topics = theirs.topics.as_ref().filter(|topics| version > 0 || !topics.is_empty());
    match (ours.topics, topics) {
        (TopicSelection::All, None) => {}
        (TopicSelection::Named(ours), Some(theirs)) => {
            let theirs = theirs.iter().map(|topic| MetadataTopic {
                topic_id: *topic.topic_id.as_bytes(),
                name: text(&topic.name),
            });
            assert!(ours.iter().eq(theirs));
        }
        (ours, theirs) => panic!("{ours:?} here, {theirs:?} there"),
    }
}

pub(crate) fn compare_find_coordinator(
    version: i16,
    body: &[u8],
    ours: &FindCoordinatorRequest<'_>,
) {
    let Some(theirs) = decode::<theirs::FindCoordinatorRequest>(version, body) else { return };
    let keys = if version < 4 { vec![theirs.key] } else { theirs.coordinator_keys };
    assert_eq!(ours.key_type, theirs.key_type);
    assert!(ours.keys.iter().eq(keys.iter().map(StrBytes::as_str)));
}

pub(crate) fn compare_sasl_handshake(version: i16, body: &[u8], ours: SaslHandshakeRequest<'_>) {
    let Some(theirs) = decode::<theirs::SaslHandshakeRequest>(version, body) else { return };
    assert_eq!(ours.mechanism, theirs.mechanism.as_str());
}

pub(crate) fn compare_sasl_authenticate(
    version: i16,
    body: &[u8],
    ours: SaslAuthenticateRequest<'_>,
) {
    let Some(theirs) = decode::<theirs::SaslAuthenticateRequest>(version, body) else { return };
    assert_eq!(ours.auth_bytes, &theirs.auth_bytes[..]);
}

pub(crate) fn compare_api_versions(version: i16, body: &[u8], ours: ApiVersionsRequest<'_>) {
    let names = [ours.client_software_name, ours.client_software_version];
    // Ours are only ever shown, so they may be null or not UTF-8. Theirs may not.
    let is_text = |name: &Option<&[u8]>| name.is_some_and(|name| str::from_utf8(name).is_ok());
    if version >= 3 && !names.iter().all(is_text) {
        return;
    }
    let Some(theirs) = decode::<theirs::ApiVersionsRequest>(version, body) else { return };
    let shown = [&theirs.client_software_name, &theirs.client_software_version];
    assert_eq!(names.map(Option::unwrap_or_default), shown.map(|name| name.as_bytes()));
}

pub(crate) fn compare_init_producer_id(version: i16, body: &[u8], ours: InitProducerIdRequest<'_>) {
    let Some(theirs) = decode::<theirs::InitProducerIdRequest>(version, body) else { return };
    assert_eq!(ours.transactional_id, text(&theirs.transactional_id));
    assert_eq!(ours.transaction_timeout_ms, theirs.transaction_timeout_ms);
    let identity = (theirs.producer_id.0, theirs.producer_epoch);
    assert_eq!((ours.producer_id, ours.producer_epoch), identity);
}
