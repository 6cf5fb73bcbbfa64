use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, MetadataResponse, ProduceRequest,
    ProduceResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use logboom_wire::api::ApiKey;
use logboom_wire::records::{BatchBuilder, Codec};

use crate::server::Config;
use crate::{Failure, Result};

/// What the connections call themselves.
const CLIENT_ID: &str = "logboom-bench";

/// What every connection says, encoded once: what a producer says until it is idle, and one batch.
///
/// All connections use the same correlation ids, the number of the step.
#[derive(Debug)]
pub struct Script {
    /// The requests of the login, in their order.
    pub(super) login: [Bytes; LOGIN_STEPS],
    /// One Produce request for each shard.
    pub(super) produce: Vec<Bytes>,
}

/// ApiVersions, SaslHandshake, SaslAuthenticate, Metadata.
pub(super) const LOGIN_STEPS: usize = 4;

impl Script {
    /// A login of the only key of [`Config`], and batches of `records` records of `record_bytes`.
    ///
    /// # Errors
    ///
    /// If such a batch is too large for the format.
    pub fn new(shards: u32, records: usize, record_bytes: usize) -> Result<Self> {
        let versions = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str(CLIENT_ID))
            .with_client_software_version(StrBytes::from_static_str("1"));
        let handshake =
            SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
        let token = format!("\0{}\0{}", Config::PROJECT, Config::password());
        let authenticate = SaslAuthenticateRequest::default().with_auth_bytes(token.into());
        let named = MetadataRequestTopic::default().with_name(Some(topic()));
        let metadata = MetadataRequest::default().with_topics(Some(vec![named]));
        let batch = batch(records, record_bytes)?;
        let produce =
            (0..shards as i32).map(|shard| frame(4, ApiKey::Produce, &produce(shard, &batch)));
        Ok(Self {
            login: [
                frame(0, ApiKey::ApiVersions, &versions)?,
                frame(1, ApiKey::SaslHandshake, &handshake)?,
                frame(2, ApiKey::SaslAuthenticate, &authenticate)?,
                frame(3, ApiKey::Metadata, &metadata)?,
            ],
            produce: produce.collect::<Result<_>>()?,
        })
    }
}

/// Whether `answer`, without its length, is the answer to this step, and one without an error.
///
/// # Errors
///
/// If it is not.
pub(super) fn check(step: usize, answer: Bytes) -> Result<()> {
    match step {
        0 => read::<ApiVersionsResponse>(step, ApiKey::ApiVersions, answer)
            .and_then(|answer| none(ApiKey::ApiVersions, answer.error_code)),
        1 => read::<SaslHandshakeResponse>(step, ApiKey::SaslHandshake, answer)
            .and_then(|answer| none(ApiKey::SaslHandshake, answer.error_code)),
        2 => read::<SaslAuthenticateResponse>(step, ApiKey::SaslAuthenticate, answer)
            .and_then(|answer| none(ApiKey::SaslAuthenticate, answer.error_code)),
        3 => read::<MetadataResponse>(step, ApiKey::Metadata, answer)?
            .topics
            .iter()
            .try_for_each(|topic| none(ApiKey::Metadata, topic.error_code)),
        _ => read::<ProduceResponse>(step, ApiKey::Produce, answer)?
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses)
            .try_for_each(|shard| none(ApiKey::Produce, shard.error_code)),
    }
}

fn none(api: ApiKey, error_code: i16) -> Result<()> {
    match error_code {
        0 => Ok(()),
        code => Err(Failure::new(format!("{} was answered with error {code}", api.name()))),
    }
}

fn read<R: Decodable + HeaderVersion>(step: usize, api: ApiKey, mut answer: Bytes) -> Result<R> {
    let version = api.versions().1;
    let header = ResponseHeader::decode(&mut answer, R::header_version(version));
    let header = header.map_err(|error| not_understood(api, &error))?;
    if usize::try_from(header.correlation_id) != Ok(step) {
        return Err(Failure::new(format!("{} has the answer to something else", api.name())));
    }
    R::decode(&mut answer, version).map_err(|error| not_understood(api, &error))
}

fn not_understood(api: ApiKey, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("cannot understand the answer to {}: {error}", api.name()))
}

/// A request in the highest version that is served, with its length in front.
fn frame<R: Encodable + HeaderVersion>(step: i32, api: ApiKey, request: &R) -> Result<Bytes> {
    let version = api.versions().1;
    let header = RequestHeader::default()
        .with_request_api_key(api.id())
        .with_request_api_version(version)
        .with_correlation_id(step)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
    let mut body = BytesMut::new();
    header
        .encode(&mut body, R::header_version(version))
        .and_then(|()| request.encode(&mut body, version))
        .map_err(Failure::while_doing(format_args!("encode {}", api.name())))?;
    let length =
        u32::try_from(body.len()).map_err(Failure::while_doing("send so large a batch"))?;
    let mut frame = BytesMut::with_capacity(4 + body.len());
    frame.put_u32(length);
    frame.extend_from_slice(&body);
    Ok(frame.freeze())
}

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str(Config::LOGSTORE))
}

fn produce(shard: i32, batch: &Bytes) -> ProduceRequest {
    let shard = PartitionProduceData::default().with_index(shard).with_records(Some(batch.clone()));
    let topic = TopicProduceData::default().with_name(topic()).with_partition_data(vec![shard]);
    ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(-1)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![topic])
}

fn batch(records: usize, record_bytes: usize) -> Result<Bytes> {
    let mut builder = BatchBuilder::new();
    for number in 0..records {
        let mut value = format!("record {number} ").into_bytes();
        value.resize(record_bytes, b'.');
        builder
            .append(1_700_000_000_000, None, Some(&value), &[])
            .map_err(Failure::while_doing("build such a batch"))?;
    }
    Ok(builder.build(Codec::None).into())
}
