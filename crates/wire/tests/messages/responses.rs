//! What our responses encode, the oracle reads as the same values.

use bytes::{Buf, Bytes};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages as theirs;
use kafka_protocol::messages::ResponseHeader;
use kafka_protocol::protocol::{Decodable, StrBytes};
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;
use logboom_wire::request::{FetchRequest, FindCoordinatorRequest, ProduceRequest};
use logboom_wire::response::{
    ApiVersionsResponse, ClusterView, FetchResponse, FindCoordinatorResponse,
    InitProducerIdResponse, PartitionOutcome, ProduceResponse, SaslAuthenticateResponse,
    SaslHandshakeResponse, TopicView,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::oracle::{self, PRODUCE_VERSION_MIN, encode, version_of};

/// The correlation id that [`decode_frame`] expects.
const CORRELATION_ID: i32 = 0x0102_0304;

const EVERY_ERROR: [ErrorCode; 26] = [
    ErrorCode::UnknownServerError,
    ErrorCode::None,
    ErrorCode::CorruptMessage,
    ErrorCode::UnknownTopicOrPartition,
    ErrorCode::RequestTimedOut,
    ErrorCode::MessageTooLarge,
    ErrorCode::InvalidTopic,
    ErrorCode::NotEnoughReplicas,
    ErrorCode::InvalidRequiredAcks,
    ErrorCode::TopicAuthorizationFailed,
    ErrorCode::GroupAuthorizationFailed,
    ErrorCode::UnsupportedSaslMechanism,
    ErrorCode::IllegalSaslState,
    ErrorCode::UnsupportedVersion,
    ErrorCode::InvalidRequest,
    ErrorCode::UnsupportedForMessageFormat,
    ErrorCode::OutOfOrderSequenceNumber,
    ErrorCode::DuplicateSequenceNumber,
    ErrorCode::InvalidProducerEpoch,
    ErrorCode::TransactionalIdAuthorizationFailed,
    ErrorCode::KafkaStorageError,
    ErrorCode::SaslAuthenticationFailed,
    ErrorCode::UnknownProducerId,
    ErrorCode::UnsupportedCompressionType,
    ErrorCode::InvalidRecord,
    ErrorCode::UnknownTopicId,
];

/// Takes one frame apart: prefix, header, body, and nothing behind it.
fn decode_frame<T: Decodable>(key: ApiKey, version: i16, frame: Vec<u8>) -> T {
    let mut bytes = Bytes::from(frame);
    assert_eq!(bytes.get_i32() as usize, bytes.len(), "the prefix counts what follows");
    let header_version = key.response_header_version(version);
    let header = ResponseHeader::decode(&mut bytes, header_version).unwrap();
    assert_eq!(header.correlation_id, CORRELATION_ID);
    let response = T::decode(&mut bytes, version).unwrap();
    assert!(bytes.is_empty(), "{} bytes behind the response", bytes.len());
    response
}

fn any_error() -> impl Strategy<Value = ErrorCode> {
    proptest::sample::select(&EVERY_ERROR[..])
}

fn any_outcome() -> impl Strategy<Value = PartitionOutcome> {
    (any_error(), any::<(i64, i64, i64)>(), option::of(".{0,200}")).prop_map(
        |(error, (base_offset, log_append_time_ms, log_start_offset), message)| PartitionOutcome {
            error,
            base_offset,
            log_append_time_ms,
            log_start_offset,
            error_message: message.map(Into::into),
        },
    )
}

fn any_cluster() -> impl Strategy<Value = ClusterView> {
    let topic = (any_error(), option::of(".{0,200}"), any::<[u8; 16]>(), 0..5u32).prop_map(
        |(error, name, topic_id, partitions)| TopicView { error, name, topic_id, partitions },
    );
    (".{1,200}", 0..i32::MAX, ".{1,200}", any::<u16>(), vec(topic, 0..5)).prop_map(
        |(cluster_id, node_id, host, port, topics)| ClusterView {
            cluster_id,
            node_id,
            host,
            port,
            topics,
        },
    )
}

proptest! {
    #[test]
    fn produce_is_understood(
        version in version_of(ApiKey::Produce, 2),
        request in oracle::produce(PRODUCE_VERSION_MIN),
        outcomes in vec(any_outcome(), 0..20),
    ) {
        let body = encode(&request, PRODUCE_VERSION_MIN);
        let request = ProduceRequest::decode(PRODUCE_VERSION_MIN, &body).unwrap();
        let mut frame = Vec::new();
        ProduceResponse { request, outcomes: &outcomes }.encode(version, CORRELATION_ID, &mut frame);
        // The oracle starts at version 3, whose response is that of version 2. Versions 0 and 1
        // have golden bytes.
        let version = version.max(PRODUCE_VERSION_MIN);
        let response: theirs::ProduceResponse = decode_frame(ApiKey::Produce, version, frame);
        prop_assert_eq!(response.throttle_time_ms, 0);
        prop_assert_eq!(response.responses.len(), request.topics().len());
        let unanswered = PartitionOutcome::failed(ErrorCode::UnknownServerError, None);
        let mut outcomes = outcomes.iter();
        for (theirs, asked) in response.responses.iter().zip(request.topics()) {
            prop_assert_eq!(theirs.name.as_str(), asked.name);
            prop_assert_eq!(theirs.partition_responses.len(), asked.partitions().len());
            for (theirs, asked) in theirs.partition_responses.iter().zip(asked.partitions()) {
                let ours = outcomes.next().unwrap_or(&unanswered);
                let message = ours.error_message.as_deref().filter(|_| version >= 8);
                prop_assert_eq!(theirs.index, asked.index);
                prop_assert_eq!(theirs.error_code, ours.error.code());
                prop_assert_eq!(theirs.base_offset, ours.base_offset);
                prop_assert_eq!(theirs.log_append_time_ms, ours.log_append_time_ms);
                let start = if version >= 5 { ours.log_start_offset } else { -1 };
                prop_assert_eq!(theirs.log_start_offset, start);
                prop_assert_eq!(theirs.error_message.as_ref().map(StrBytes::as_str), message);
            }
        }
    }

    #[test]
    fn metadata_is_understood(
        version in version_of(ApiKey::Metadata, 0),
        cluster in any_cluster(),
    ) {
        let mut frame = Vec::new();
        cluster.encode(version, CORRELATION_ID, &mut frame);
        let response: theirs::MetadataResponse = decode_frame(ApiKey::Metadata, version, frame);
        let node = &response.brokers[0];
        prop_assert_eq!(response.throttle_time_ms, 0);
        prop_assert_eq!(response.brokers.len(), 1);
        prop_assert_eq!(node.node_id.0, cluster.node_id);
        prop_assert_eq!(node.host.as_str(), &cluster.host);
        prop_assert_eq!(node.port, i32::from(cluster.port));
        prop_assert_eq!(&node.rack, &None);
        prop_assert_eq!(response.cluster_authorized_operations, i32::MIN);
        if version >= 2 {
            let cluster_id = response.cluster_id.as_ref().map(StrBytes::as_str);
            prop_assert_eq!(cluster_id, Some(cluster.cluster_id.as_str()));
        }
        if version >= 1 {
            prop_assert_eq!(response.controller_id.0, cluster.node_id);
        }
        prop_assert_eq!(response.topics.len(), cluster.topics.len());
        for (theirs, ours) in response.topics.iter().zip(&cluster.topics) {
            assert_same_topic(version, cluster.node_id, theirs, ours);
        }
    }

    #[test]
    fn fetch_refuses_every_partition(
        (version, request) in version_of(ApiKey::Fetch, 4)
            .prop_flat_map(|version| (Just(version), oracle::fetch(version))),
    ) {
        let body = encode(&request, version);
        let asked = FetchRequest::decode(version, &body).unwrap();
        let mut frame = Vec::new();
        FetchResponse { request: asked, error: ErrorCode::TopicAuthorizationFailed }
            .encode(version, CORRELATION_ID, &mut frame);
        let response: theirs::FetchResponse = decode_frame(ApiKey::Fetch, version, frame);
        prop_assert_eq!(response.error_code, 0);
        prop_assert_eq!(response.responses.len(), request.topics.len());
        for (theirs, asked) in response.responses.iter().zip(&request.topics) {
            prop_assert_eq!(&theirs.topic, &asked.topic);
            prop_assert_eq!(theirs.partitions.len(), asked.partitions.len());
            for (theirs, asked) in theirs.partitions.iter().zip(&asked.partitions) {
                prop_assert_eq!(theirs.partition_index, asked.partition);
                prop_assert_eq!(theirs.error_code, 29);
                prop_assert_eq!(theirs.high_watermark, -1);
                prop_assert_eq!(theirs.last_stable_offset, -1);
                prop_assert_eq!(theirs.log_start_offset, -1);
                prop_assert_eq!(theirs.preferred_read_replica.0, -1);
                prop_assert_eq!(&theirs.aborted_transactions, &None);
                prop_assert_eq!(&theirs.records, &None);
            }
        }
    }

    #[test]
    fn find_coordinator_refuses_every_key(
        (version, request) in version_of(ApiKey::FindCoordinator, 0)
            .prop_flat_map(|version| (Just(version), oracle::find_coordinator(version))),
    ) {
        let body = encode(&request, version);
        let asked = FindCoordinatorRequest::decode(version, &body).unwrap();
        let mut frame = Vec::new();
        FindCoordinatorResponse { request: asked, error: ErrorCode::GroupAuthorizationFailed }
            .encode(version, CORRELATION_ID, &mut frame);
        let response: theirs::FindCoordinatorResponse =
            decode_frame(ApiKey::FindCoordinator, version, frame);
        if version < 4 {
            prop_assert_eq!(response.error_code, 30);
            prop_assert_eq!(response.node_id.0, -1);
            return Ok(());
        }
        let keys: Vec<_> = response.coordinators.iter().map(|c| c.key.clone()).collect();
        prop_assert_eq!(keys, request.coordinator_keys);
        prop_assert!(response.coordinators.iter().all(|c| c.error_code == 30 && c.port == -1));
    }

    #[test]
    fn sasl_handshake_is_understood(
        version in version_of(ApiKey::SaslHandshake, 0),
        error in any_error(),
        mechanisms in vec(".{0,200}", 0..4),
    ) {
        let names: Vec<&str> = mechanisms.iter().map(String::as_str).collect();
        let mut frame = Vec::new();
        SaslHandshakeResponse { error, mechanisms: &names }
            .encode(version, CORRELATION_ID, &mut frame);
        let response: theirs::SaslHandshakeResponse =
            decode_frame(ApiKey::SaslHandshake, version, frame);
        prop_assert_eq!(response.error_code, error.code());
        let understood: Vec<&str> = response.mechanisms.iter().map(StrBytes::as_str).collect();
        prop_assert_eq!(understood, names);
    }

    #[test]
    fn sasl_authenticate_is_understood(
        version in version_of(ApiKey::SaslAuthenticate, 0),
        error in any_error(),
        message in option::of(".{0,200}"),
        token in vec(any::<u8>(), 0..200),
        session_lifetime_ms: i64,
    ) {
        let mut frame = Vec::new();
        let ours = SaslAuthenticateResponse {
            error,
            error_message: message.as_deref(),
            auth_bytes: &token,
            session_lifetime_ms,
        };
        ours.encode(version, CORRELATION_ID, &mut frame);
        let response: theirs::SaslAuthenticateResponse =
            decode_frame(ApiKey::SaslAuthenticate, version, frame);
        let lifetime = if version >= 1 { session_lifetime_ms } else { 0 };
        prop_assert_eq!(response.error_code, error.code());
        prop_assert_eq!(response.error_message.as_ref().map(StrBytes::as_str), message.as_deref());
        prop_assert_eq!(&response.auth_bytes[..], token);
        prop_assert_eq!(response.session_lifetime_ms, lifetime);
    }

    #[test]
    fn init_producer_id_is_understood(
        version in version_of(ApiKey::InitProducerId, 0),
        error in any_error(),
        producer_id: i64,
        producer_epoch: i16,
    ) {
        let mut frame = Vec::new();
        InitProducerIdResponse { error, producer_id, producer_epoch }
            .encode(version, CORRELATION_ID, &mut frame);
        let response: theirs::InitProducerIdResponse =
            decode_frame(ApiKey::InitProducerId, version, frame);
        prop_assert_eq!(response.throttle_time_ms, 0);
        prop_assert_eq!(response.error_code, error.code());
        prop_assert_eq!(response.producer_id.0, producer_id);
        prop_assert_eq!(response.producer_epoch, producer_epoch);
    }
}

#[test]
fn error_codes_have_kafkas_numbers_and_names() {
    for error in EVERY_ERROR {
        let theirs = ResponseError::try_from_code(error.code());
        let theirs = theirs.map_or("None".to_owned(), |error| format!("{error:?}"));
        let mut name = String::new();
        for (at, letter) in theirs.char_indices() {
            let word_starts = at > 0 && letter.is_uppercase();
            name.extend(word_starts.then_some('_'));
            name.push(letter.to_ascii_uppercase());
        }
        assert_eq!(error.name(), name);
    }
    assert!(EVERY_ERROR.iter().all(|error| error.code() != 13), "clients do not retry it");
}

#[test]
fn api_versions_lists_what_is_implemented() {
    for version in 0..=4 {
        let mut frame = Vec::new();
        ApiVersionsResponse { error: ErrorCode::None }.encode(version, CORRELATION_ID, &mut frame);
        let response = decode_frame(ApiKey::ApiVersions, version, frame);
        assert_lists_every_api(&response, ErrorCode::None);
    }
}

#[test]
fn api_versions_of_the_future_is_answered_in_version_0_with_the_whole_list() {
    let mut frame = Vec::new();
    ApiVersionsResponse::unsupported(CORRELATION_ID, &mut frame);
    let response = decode_frame(ApiKey::ApiVersions, 0, frame);
    assert_lists_every_api(&response, ErrorCode::UnsupportedVersion);
}

#[test]
fn a_response_is_appended_behind_the_one_before() {
    let mut out = Vec::new();
    let response =
        InitProducerIdResponse { error: ErrorCode::None, producer_id: 1, producer_epoch: 0 };
    response.encode(4, 7, &mut out);
    let first = out.clone();
    response.encode(4, CORRELATION_ID, &mut out);
    assert_eq!(out[..first.len()], first);
    let second = out.split_off(first.len());
    let _: theirs::InitProducerIdResponse = decode_frame(ApiKey::InitProducerId, 4, second);
}

#[test]
fn a_host_name_too_long_for_the_wire_is_cut_between_two_characters() {
    let host = format!("x{}", "ä".repeat(20_000));
    let topics = Vec::new();
    let cluster = ClusterView { cluster_id: "c".into(), node_id: 0, host, port: 1, topics };
    let mut frame = Vec::new();
    cluster.encode(0, CORRELATION_ID, &mut frame);
    let response: theirs::MetadataResponse = decode_frame(ApiKey::Metadata, 0, frame);
    assert_eq!(response.brokers[0].host.len(), i16::MAX as usize);
}

fn assert_lists_every_api(response: &theirs::ApiVersionsResponse, error: ErrorCode) {
    let listed: Vec<_> = response
        .api_keys
        .iter()
        .map(|api| (api.api_key, (api.min_version, api.max_version)))
        .collect();
    let expected: Vec<_> = ApiKey::ALL.iter().map(|key| (key.id(), key.versions())).collect();
    assert_eq!(listed, expected);
    assert_eq!(response.error_code, error.code());
    assert_eq!(response.throttle_time_ms, 0);
}

fn assert_same_topic(
    version: i16,
    node_id: i32,
    theirs: &theirs::metadata_response::MetadataResponseTopic,
    ours: &TopicView,
) {
    let no_name = if version >= 12 { None } else { Some("") };
    assert_eq!(theirs.error_code, ours.error.code());
    assert_eq!(theirs.name.as_ref().map(|name| name.as_str()), ours.name.as_deref().or(no_name));
    if version >= 10 {
        assert_eq!(theirs.topic_id.as_bytes(), &ours.topic_id);
    }
    assert!(!theirs.is_internal);
    assert_eq!(theirs.topic_authorized_operations, i32::MIN);
    assert_eq!(theirs.partitions.len(), ours.partitions as usize);
    for (index, partition) in (0..).zip(&theirs.partitions) {
        let nodes = [theirs::BrokerId(node_id)];
        assert_eq!(partition.partition_index, index);
        assert_eq!(partition.error_code, 0);
        assert_eq!(partition.leader_id.0, node_id);
        assert_eq!(partition.leader_epoch, if version >= 7 { 0 } else { -1 });
        assert_eq!(partition.replica_nodes, nodes);
        assert_eq!(partition.isr_nodes, nodes);
        assert!(partition.offline_replicas.is_empty());
    }
}
