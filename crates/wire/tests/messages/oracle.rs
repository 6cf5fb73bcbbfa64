//! Requests as `kafka-protocol` has them, with every field varied that the version has.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::messages::api_versions_request::ApiVersionsRequest;
use kafka_protocol::messages::fetch_request::{
    FetchPartition, FetchRequest, FetchTopic, ForgottenTopic,
};
use kafka_protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use kafka_protocol::messages::init_producer_id_request::InitProducerIdRequest;
use kafka_protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use kafka_protocol::messages::produce_request::{
    PartitionProduceData, ProduceRequest, TopicProduceData,
};
use kafka_protocol::messages::sasl_authenticate_request::SaslAuthenticateRequest;
use kafka_protocol::messages::sasl_handshake_request::SaslHandshakeRequest;
use kafka_protocol::messages::{BrokerId, ProducerId, TopicName, TransactionalId};
use kafka_protocol::protocol::{Encodable, StrBytes};
use logboom_wire::api::ApiKey;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::every_version;

/// The lowest Produce version the oracle has.
pub(crate) const PRODUCE_VERSION_MIN: i16 = 3;

/// What the oracle makes of a message.
pub(crate) fn encode(message: &impl Encodable, version: i16) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes, version).expect("the strategy sets only what the version has");
    bytes
}

/// Any API in any version the oracle has, with the body of a valid request.
pub(crate) fn any_request() -> impl Strategy<Value = (ApiKey, i16, Vec<u8>)> {
    let versions: Vec<_> = every_version()
        .filter(|&(key, version)| key != ApiKey::Produce || version >= PRODUCE_VERSION_MIN)
        .collect();
    proptest::sample::select(versions).prop_flat_map(|(key, version)| {
        any_body(key, version).prop_map(move |body| (key, version, body))
    })
}

fn any_body(key: ApiKey, version: i16) -> BoxedStrategy<Vec<u8>> {
    match key {
        ApiKey::Produce => produce(version).prop_map(move |r| encode(&r, version)).boxed(),
        ApiKey::Fetch => fetch(version).prop_map(move |r| encode(&r, version)).boxed(),
        ApiKey::Metadata => metadata(version).prop_map(move |r| encode(&r, version)).boxed(),
        ApiKey::FindCoordinator => {
            find_coordinator(version).prop_map(move |r| encode(&r, version)).boxed()
        }
        ApiKey::SaslHandshake => sasl_handshake().prop_map(move |r| encode(&r, version)).boxed(),
        ApiKey::ApiVersions => api_versions(version).prop_map(move |r| encode(&r, version)).boxed(),
        ApiKey::InitProducerId => {
            init_producer_id(version).prop_map(move |r| encode(&r, version)).boxed()
        }
        ApiKey::SaslAuthenticate => {
            sasl_authenticate(version).prop_map(move |r| encode(&r, version)).boxed()
        }
    }
}

/// A version of an API from `version_min` on.
pub(crate) fn version_of(key: ApiKey, version_min: i16) -> impl Strategy<Value = i16> {
    let (min, max) = key.versions();
    min.max(version_min)..=max
}

pub(crate) fn produce(version: i16) -> impl Strategy<Value = ProduceRequest> {
    let key = ApiKey::Produce;
    let partition = (any::<i32>(), option::of(blob()), tagged_fields(key, version)).prop_map(
        |(index, records, tagged)| {
            PartitionProduceData::default()
                .with_index(index)
                .with_records(records)
                .with_unknown_tagged_fields(tagged)
        },
    );
    let topic = (text(), vec(partition, 0..4), tagged_fields(key, version)).prop_map(
        |(name, partitions, tagged)| {
            TopicProduceData::default()
                .with_name(TopicName(name))
                .with_partition_data(partitions)
                .with_unknown_tagged_fields(tagged)
        },
    );
    let fields = (
        option::of(text()),
        any::<i16>(),
        any::<i32>(),
        vec(topic, 0..4),
        tagged_fields(key, version),
    );
    fields.prop_map(|(transactional_id, acks, timeout_ms, topics, tagged)| {
        ProduceRequest::default()
            .with_transactional_id(transactional_id.map(TransactionalId))
            .with_acks(acks)
            .with_timeout_ms(timeout_ms)
            .with_topic_data(topics)
            .with_unknown_tagged_fields(tagged)
    })
}

pub(crate) fn fetch(version: i16) -> impl Strategy<Value = FetchRequest> {
    let partition = any::<(i32, i32, i64, i64, i32)>().prop_map(move |fields| {
        let (index, leader_epoch, fetch_offset, log_start_offset, bytes_max) = fields;
        FetchPartition::default()
            .with_partition(index)
            .with_current_leader_epoch(if version >= 9 { leader_epoch } else { -1 })
            .with_fetch_offset(fetch_offset)
            .with_log_start_offset(if version >= 5 { log_start_offset } else { -1 })
            .with_partition_max_bytes(bytes_max)
    });
    let topic = (text(), vec(partition, 0..4)).prop_map(|(name, partitions)| {
        FetchTopic::default().with_topic(TopicName(name)).with_partitions(partitions)
    });
    let forgotten = (text(), vec(any::<i32>(), 0..4)).prop_map(|(name, partitions)| {
        ForgottenTopic::default().with_topic(TopicName(name)).with_partitions(partitions)
    });
    let forgotten_max = if version >= 7 { 3 } else { 0 };
    (
        any::<(i32, i32, i32, i32, i8, i32, i32)>(),
        vec(topic, 0..4),
        vec(forgotten, 0..=forgotten_max),
        text(),
    )
        .prop_map(move |(numbers, topics, forgotten, rack)| {
            let (replica, wait_ms, bytes_min, bytes_max, isolation, session, epoch) = numbers;
            FetchRequest::default()
                .with_replica_id(BrokerId(replica))
                .with_max_wait_ms(wait_ms)
                .with_min_bytes(bytes_min)
                .with_max_bytes(bytes_max)
                .with_isolation_level(isolation)
                .with_session_id(if version >= 7 { session } else { 0 })
                .with_session_epoch(if version >= 7 { epoch } else { -1 })
                .with_topics(topics)
                .with_forgotten_topics_data(forgotten)
                .with_rack_id(if version >= 11 { rack } else { StrBytes::default() })
        })
}

pub(crate) fn metadata(version: i16) -> impl Strategy<Value = MetadataRequest> {
    let key = ApiKey::Metadata;
    let topic = (any::<u128>(), option::of(text()), text(), tagged_fields(key, version)).prop_map(
        move |(id, nullable_name, name, tagged)| {
            let by_id = version >= 10;
            let name = if by_id { nullable_name } else { Some(name) };
            MetadataRequestTopic::default()
                .with_topic_id(format!("{:032x}", if by_id { id } else { 0 }).parse().unwrap())
                .with_name(name.map(TopicName))
                .with_unknown_tagged_fields(tagged)
        },
    );
    (vec(topic, 0..4), any::<(bool, bool, bool, bool)>(), tagged_fields(key, version)).prop_map(
        move |(topics, (null, auto_create, cluster, topic), tagged)| {
            MetadataRequest::default()
                .with_topics(if null && version >= 1 { None } else { Some(topics) })
                .with_allow_auto_topic_creation(version < 4 || auto_create)
                .with_include_cluster_authorized_operations((8..=10).contains(&version) && cluster)
                .with_include_topic_authorized_operations(version >= 8 && topic)
                .with_unknown_tagged_fields(tagged)
        },
    )
}

pub(crate) fn find_coordinator(version: i16) -> impl Strategy<Value = FindCoordinatorRequest> {
    let tagged = tagged_fields(ApiKey::FindCoordinator, version);
    (text(), any::<i8>(), vec(text(), 0..5), tagged).prop_map(
        move |(key, key_type, keys, tagged)| {
            FindCoordinatorRequest::default()
                .with_key(if version < 4 { key } else { StrBytes::default() })
                .with_key_type(if version >= 1 { key_type } else { 0 })
                .with_coordinator_keys(if version >= 4 { keys } else { Vec::new() })
                .with_unknown_tagged_fields(tagged)
        },
    )
}

pub(crate) fn sasl_handshake() -> impl Strategy<Value = SaslHandshakeRequest> {
    text().prop_map(|mechanism| SaslHandshakeRequest::default().with_mechanism(mechanism))
}

pub(crate) fn sasl_authenticate(version: i16) -> impl Strategy<Value = SaslAuthenticateRequest> {
    let tagged = tagged_fields(ApiKey::SaslAuthenticate, version);
    (blob(), tagged).prop_map(|(token, tagged)| {
        SaslAuthenticateRequest::default().with_auth_bytes(token).with_unknown_tagged_fields(tagged)
    })
}

pub(crate) fn api_versions(version: i16) -> impl Strategy<Value = ApiVersionsRequest> {
    let tagged = tagged_fields(ApiKey::ApiVersions, version);
    (text(), text(), tagged).prop_map(move |(name, software_version, tagged)| {
        let request = ApiVersionsRequest::default().with_unknown_tagged_fields(tagged);
        if version < 3 {
            return request;
        }
        request.with_client_software_name(name).with_client_software_version(software_version)
    })
}

pub(crate) fn init_producer_id(version: i16) -> impl Strategy<Value = InitProducerIdRequest> {
    let tagged = tagged_fields(ApiKey::InitProducerId, version);
    (option::of(text()), any::<(i32, i64, i16)>(), tagged).prop_map(
        move |(transactional_id, (timeout_ms, id, epoch), tagged)| {
            InitProducerIdRequest::default()
                .with_transactional_id(transactional_id.map(TransactionalId))
                .with_transaction_timeout_ms(timeout_ms)
                .with_producer_id(ProducerId(if version >= 3 { id } else { -1 }))
                .with_producer_epoch(if version >= 3 { epoch } else { -1 })
                .with_unknown_tagged_fields(tagged)
        },
    )
}

/// A string of zero to 300 bytes: long enough for a compact length of two bytes.
pub(crate) fn text() -> impl Strategy<Value = StrBytes> {
    prop_oneof![4 => ".{0,20}", 1 => "[a-z]{100,300}"].prop_map(StrBytes::from_string)
}

/// Zero to 300 bytes.
pub(crate) fn blob() -> impl Strategy<Value = Bytes> {
    prop_oneof![4 => vec(any::<u8>(), 0..20), 1 => vec(any::<u8>(), 100..300)].prop_map(Bytes::from)
}

/// Tagged fields that nobody knows, in flexible versions.
pub(crate) fn tagged_fields(
    key: ApiKey,
    version: i16,
) -> impl Strategy<Value = BTreeMap<i32, Bytes>> {
    let count_max = if key.is_flexible(version) { 3 } else { 0 };
    btree_map(0..i32::MAX, blob(), 0..=count_max)
}
