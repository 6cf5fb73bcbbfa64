//! Requests as clients send them. What `kafka-protocol` has is encoded by it, Produce by hand, since
//! it has no Produce before version 3.

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiVersionsRequest, FetchRequest, FindCoordinatorRequest, InitProducerIdRequest,
    MetadataRequest, SaslAuthenticateRequest, SaslHandshakeRequest, TopicName, TransactionalId,
};
use kafka_protocol::protocol::{Request as Oracle, StrBytes};
use logboom_wire::api::ApiKey;
use logboom_wire::primitive::Writer;

/// A request without its header.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) key: i16,
    pub(crate) version: i16,
    body: Vec<u8>,
}

impl Request {
    fn new<R: Oracle>(version: i16, request: &R) -> Self {
        let mut body = Vec::new();
        request.encode(&mut body, version).expect("fields that the version has");
        Self { key: R::KEY, version, body }
    }

    /// Bytes that claim to be a request.
    pub(crate) fn raw(key: i16, version: i16, body: Vec<u8>) -> Self {
        Self { key, version, body }
    }

    /// The request as it goes over the wire.
    pub(crate) fn frame(&self, correlation_id: i32, client_id: &str) -> Vec<u8> {
        let mut frame = Vec::new();
        let mut header = Writer::new(&mut frame);
        header.i16(self.key);
        header.i16(self.version);
        header.i32(correlation_id);
        header.string(client_id);
        let api = ApiKey::from_i16(self.key);
        if api.is_some_and(|api| api.request_header_version(self.version) == 2) {
            frame.push(0); // no tagged fields
        }
        frame.extend_from_slice(&self.body);
        framed(&frame)
    }
}

pub(crate) fn framed(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as i32).to_be_bytes(), bytes].concat()
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(crate) fn api_versions(version: i16) -> Request {
    let mut request = ApiVersionsRequest::default();
    if version >= 3 {
        request.client_software_name = text("librdkafka");
        request.client_software_version = text("2.11.1");
    }
    Request::new(version, &request)
}

pub(crate) fn handshake(version: i16, mechanism: &str) -> Request {
    Request::new(version, &SaslHandshakeRequest::default().with_mechanism(text(mechanism)))
}

/// What SASL/PLAIN sends.
pub(crate) fn token(user: &str, password: &str) -> Vec<u8> {
    [b"\0", user.as_bytes(), b"\0", password.as_bytes()].concat()
}

pub(crate) fn authenticate(version: i16, token: &[u8]) -> Request {
    let token = Bytes::copy_from_slice(token);
    Request::new(version, &SaslAuthenticateRequest::default().with_auth_bytes(token))
}

/// A Metadata request for topics with these names.
pub(crate) fn metadata(version: i16, topics: &[&str]) -> Request {
    let topic =
        |name: &&str| MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
    let topics = topics.iter().map(topic).collect();
    Request::new(version, &MetadataRequest::default().with_topics(Some(topics)))
}

pub(crate) fn all_metadata(version: i16) -> Request {
    let topics = (version == 0).then(Vec::new);
    Request::new(version, &MetadataRequest::default().with_topics(topics))
}

/// A Metadata request for topics with these ids, from version 10.
pub(crate) fn metadata_by_id(version: i16, ids: &[[u8; 16]]) -> Request {
    let mut body = Vec::new();
    let mut writer = Writer::flexible(&mut body);
    writer.array_count(ids.len());
    for id in ids {
        writer.raw(id);
        writer.nullable_string(None);
        writer.no_tagged_fields();
    }
    writer.bool(false);
    if version <= 10 {
        writer.bool(false);
    }
    writer.bool(false);
    writer.no_tagged_fields();
    Request::raw(ApiKey::Metadata.id(), version, body)
}

pub(crate) fn init_producer_id(version: i16, transactional_id: Option<&str>) -> Request {
    let id = transactional_id.map(|id| TransactionalId(text(id)));
    Request::new(version, &InitProducerIdRequest::default().with_transactional_id(id))
}

/// A Fetch request for shard 0 of each of these topics.
pub(crate) fn fetch(version: i16, topics: &[&str]) -> Request {
    let topic = |name: &&str| {
        let partitions = vec![FetchPartition::default()];
        FetchTopic::default().with_topic(TopicName(text(name))).with_partitions(partitions)
    };
    Request::new(version, &FetchRequest::default().with_topics(topics.iter().map(topic).collect()))
}

pub(crate) fn find_coordinator(version: i16, group: &str) -> Request {
    let request = match version {
        4.. => FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)]),
        _ => FindCoordinatorRequest::default().with_key(text(group)),
    };
    Request::new(version, &request)
}

/// A Produce request in the making.
#[derive(Debug, Clone)]
pub(crate) struct Produce {
    pub(crate) version: i16,
    pub(crate) acks: i16,
    pub(crate) timeout_ms: i32,
    pub(crate) transactional_id: Option<&'static str>,
    pub(crate) partitions: Vec<(String, i32, Option<Vec<u8>>)>,
}

impl Produce {
    /// A request of version 9 with acks=all that holds nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            version: 9,
            acks: -1,
            timeout_ms: 30_000,
            transactional_id: None,
            partitions: Vec::new(),
        }
    }

    /// Records for one partition.
    pub(crate) fn one(topic: &str, index: i32, records: Vec<u8>) -> Self {
        Self::new().with(topic, index, records)
    }

    pub(crate) fn with(mut self, topic: &str, index: i32, records: Vec<u8>) -> Self {
        self.partitions.push((topic.to_owned(), index, Some(records)));
        self
    }

    /// A partition whose records are null.
    pub(crate) fn with_null(mut self, topic: &str, index: i32) -> Self {
        self.partitions.push((topic.to_owned(), index, None));
        self
    }

    pub(crate) fn request(&self) -> Request {
        let Self { version, partitions, .. } = self;
        let mut body = Vec::new();
        let mut writer = match ApiKey::Produce.is_flexible(*version) {
            true => Writer::flexible(&mut body),
            false => Writer::new(&mut body),
        };
        if *version >= 3 {
            writer.nullable_string(self.transactional_id);
        }
        writer.i16(self.acks);
        writer.i32(self.timeout_ms);
        writer.array_count(partitions.len());
        for (topic, index, records) in partitions {
            writer.string(topic);
            writer.array_count(1);
            writer.i32(*index);
            match records {
                Some(records) => writer.bytes(records),
                None => writer.null(),
            }
            writer.no_tagged_fields();
            writer.no_tagged_fields();
        }
        writer.no_tagged_fields();
        Request::raw(ApiKey::Produce.id(), *version, body)
    }
}
