//! What the oracle encodes, our decoders read alike.

use kafka_protocol::messages::RequestHeader as OracleHeader;
use kafka_protocol::protocol::StrBytes;
use logboom_wire::api::ApiKey;
use logboom_wire::error::DecodeError;
use logboom_wire::header::{Peek, RequestHeader};
use logboom_wire::request::{
    ApiVersionsRequest, FetchRequest, FindCoordinatorRequest, InitProducerIdRequest,
    MetadataRequest, MetadataTopic, ProduceRequest, SaslAuthenticateRequest, SaslHandshakeRequest,
    TopicSelection,
};
use proptest::prelude::*;
use proptest::{collection, option};

use crate::oracle::{self, PRODUCE_VERSION_MIN, encode, version_of};

/// A version together with a request of that version.
fn versioned<S: Strategy>(
    key: ApiKey,
    version_min: i16,
    request: impl Fn(i16) -> S,
) -> impl Strategy<Value = (i16, S::Value)> {
    version_of(key, version_min).prop_flat_map(move |version| (Just(version), request(version)))
}

fn str_of(value: &Option<impl std::ops::Deref<Target = StrBytes>>) -> Option<&str> {
    value.as_ref().map(|value| value.as_str())
}

proptest! {
    #[test]
    fn header_is_read_alike(
        (key, version) in proptest::sample::select(crate::every_version().collect::<Vec<_>>()),
        correlation_id: i32,
        client_id in option::of(oracle::text()),
        tagged in collection::btree_map(0..i32::MAX, oracle::blob(), 0..4),
        body in collection::vec(any::<u8>(), 0..50),
    ) {
        let header_version = key.request_header_version(version);
        let theirs = OracleHeader::default()
            .with_request_api_key(key.id())
            .with_request_api_version(version)
            .with_correlation_id(correlation_id)
            .with_client_id(client_id.clone())
            .with_unknown_tagged_fields(if header_version == 2 { tagged } else { [].into() });
        let mut frame = encode(&theirs, header_version);
        frame.extend_from_slice(&body);

        let peek = Peek { api_key: key.id(), api_version: version, correlation_id };
        prop_assert_eq!(RequestHeader::peek(&frame), Ok(peek));
        let (header, rest) = RequestHeader::decode(&frame).unwrap();
        prop_assert_eq!(header.api_key, key.id());
        prop_assert_eq!(header.api_version, version);
        prop_assert_eq!(header.correlation_id, correlation_id);
        prop_assert_eq!(header.client_id, client_id.as_ref().map(|id| id.as_bytes()));
        prop_assert_eq!(rest, body);
    }

    #[test]
    fn produce_is_read_alike(
        (version, theirs) in versioned(ApiKey::Produce, PRODUCE_VERSION_MIN, oracle::produce),
    ) {
        let body = encode(&theirs, version);
        let ours = ProduceRequest::decode(version, &body).unwrap();
        prop_assert_eq!(ours.transactional_id, str_of(&theirs.transactional_id));
        assert_same_produce(&ours, &theirs);
        let again = ProduceRequest::decode_again(version, &body);
        prop_assert_eq!(again.transactional_id, ours.transactional_id);
        assert_same_produce(&again, &theirs);
    }

    /// The oracle starts at version 3, which only put the transactional id in front.
    #[test]
    fn produce_before_version_3_is_version_3_without_transactional_id(
        version in 0..PRODUCE_VERSION_MIN,
        theirs in oracle::produce(PRODUCE_VERSION_MIN),
    ) {
        let theirs = theirs.with_transactional_id(None);
        let body = encode(&theirs, PRODUCE_VERSION_MIN);
        let null_string = size_of::<i16>();
        let ours = ProduceRequest::decode(version, &body[null_string..]).unwrap();
        prop_assert_eq!(ours.transactional_id, None);
        assert_same_produce(&ours, &theirs);
        assert_same_produce(&ProduceRequest::decode_again(version, &body[null_string..]), &theirs);
    }

    #[test]
    fn fetch_is_read_alike((version, theirs) in versioned(ApiKey::Fetch, 4, oracle::fetch)) {
        let body = encode(&theirs, version);
        let ours = FetchRequest::decode(version, &body).unwrap();
        let partitions: Vec<(&str, Vec<i32>)> = ours
            .topics()
            .map(|topic| (topic.name, topic.partitions().map(|partition| partition.index).collect()))
            .collect();
        let expected: Vec<(&str, Vec<i32>)> = theirs
            .topics
            .iter()
            .map(|t| (t.topic.as_str(), t.partitions.iter().map(|p| p.partition).collect()))
            .collect();
        prop_assert_eq!(partitions, expected);
    }

    #[test]
    fn metadata_is_read_alike(
        (version, theirs) in versioned(ApiKey::Metadata, 0, oracle::metadata),
    ) {
        let body = encode(&theirs, version);
        let ours = MetadataRequest::decode(version, &body).unwrap();
        prop_assert_eq!(ours.allow_auto_topic_creation, theirs.allow_auto_topic_creation);
        let named: Option<Vec<MetadataTopic<'_>>> = match ours.topics {
            TopicSelection::All => None,
            TopicSelection::Named(topics) => Some(topics.iter().collect()),
        };
        let expected: Option<Vec<MetadataTopic<'_>>> =
            theirs.topics.as_ref().map(|topics| topics.iter().map(metadata_topic).collect());
        let expected = if version == 0 { expected.filter(|t| !t.is_empty()) } else { expected };
        prop_assert_eq!(named, expected);
    }

    #[test]
    fn find_coordinator_is_read_alike(
        (version, theirs) in versioned(ApiKey::FindCoordinator, 0, oracle::find_coordinator),
    ) {
        let body = encode(&theirs, version);
        let ours = FindCoordinatorRequest::decode(version, &body).unwrap();
        let keys: Vec<&str> = ours.keys.iter().collect();
        let expected = if version < 4 { vec![theirs.key] } else { theirs.coordinator_keys };
        prop_assert_eq!(ours.key_type, theirs.key_type);
        prop_assert_eq!(keys, expected.iter().map(StrBytes::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn sasl_handshake_is_read_alike(version in 0..=1i16, theirs in oracle::sasl_handshake()) {
        let body = encode(&theirs, version);
        let ours = SaslHandshakeRequest::decode(version, &body).unwrap();
        prop_assert_eq!(ours.mechanism, theirs.mechanism.as_str());
    }

    #[test]
    fn sasl_authenticate_is_read_alike(
        (version, theirs) in versioned(ApiKey::SaslAuthenticate, 0, oracle::sasl_authenticate),
    ) {
        let body = encode(&theirs, version);
        let ours = SaslAuthenticateRequest::decode(version, &body).unwrap();
        prop_assert_eq!(ours.auth_bytes, &theirs.auth_bytes[..]);
    }

    #[test]
    fn api_versions_is_read_alike(
        (version, theirs) in versioned(ApiKey::ApiVersions, 0, oracle::api_versions),
    ) {
        let body = encode(&theirs, version);
        let ours = ApiVersionsRequest::decode(version, &body).unwrap();
        let expected = |value: &StrBytes| (version >= 3).then(|| value.as_bytes().to_vec());
        let name = ours.client_software_name.map(<[u8]>::to_vec);
        let software_version = ours.client_software_version.map(<[u8]>::to_vec);
        prop_assert_eq!(name, expected(&theirs.client_software_name));
        prop_assert_eq!(software_version, expected(&theirs.client_software_version));
    }

    #[test]
    fn init_producer_id_is_read_alike(
        (version, theirs) in versioned(ApiKey::InitProducerId, 0, oracle::init_producer_id),
    ) {
        let body = encode(&theirs, version);
        let ours = InitProducerIdRequest::decode(version, &body).unwrap();
        prop_assert_eq!(ours.transactional_id, str_of(&theirs.transactional_id));
        prop_assert_eq!(ours.transaction_timeout_ms, theirs.transaction_timeout_ms);
        prop_assert_eq!(ours.producer_id, theirs.producer_id.0);
        prop_assert_eq!(ours.producer_epoch, theirs.producer_epoch);
    }

    #[test]
    fn bytes_behind_a_request_are_refused((key, version, mut body) in oracle::any_request()) {
        body.push(0);
        prop_assert_eq!(crate::decode(key, version, &body), Err(DecodeError::TrailingBytes));
    }
}

fn assert_same_produce(
    ours: &ProduceRequest<'_>,
    theirs: &kafka_protocol::messages::ProduceRequest,
) {
    assert_eq!(ours.acks, theirs.acks);
    assert_eq!(ours.timeout_ms, theirs.timeout_ms);
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

fn metadata_topic(
    theirs: &kafka_protocol::messages::metadata_request::MetadataRequestTopic,
) -> MetadataTopic<'_> {
    MetadataTopic { topic_id: *theirs.topic_id.as_bytes(), name: str_of(&theirs.name) }
}
