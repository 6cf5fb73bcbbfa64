use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, InitProducerIdRequest, MetadataRequest,
    MetadataResponse, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader,
    SaslAuthenticateRequest, SaslHandshakeRequest, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use logboom_wire::api::ApiKey;
use logboom_wire::records::{BatchBuilder, Codec};

use super::Credentials;
use super::stream::Stream;

/// What tests call themselves.
const CLIENT_ID: &str = "logboom-tests";

/// A Kafka producer on one connection. It speaks the highest version of each API that is advertised.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    next_id: i32,
    /// The correlation ids of requests that are not answered yet, oldest first.
    asked: VecDeque<i32>,
}

/// A login that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginError {
    /// Kafka's error code.
    pub code: i16,
    /// What the server says about it.
    pub message: String,
}

/// A partition that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProduceError {
    /// Kafka's error code.
    pub code: i16,
    /// What the server says about it.
    pub message: String,
}

impl Client {
    pub(super) const fn new(stream: Stream) -> Self {
        Self { stream, next_id: 0, asked: VecDeque::new() }
    }

    /// Asks which APIs there are.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub fn api_versions(&mut self) -> io::Result<ApiVersionsResponse> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str(CLIENT_ID))
            .with_client_software_version(StrBytes::from_static_str("1"));
        self.ask(&request)
    }

    /// Logs in. The outer result is that of the connection.
    ///
    /// # Errors
    ///
    /// If the connection breaks; inside, if the login is refused.
    pub fn login(&mut self, credentials: &Credentials) -> io::Result<Result<(), LoginError>> {
        let refused = |code, message: Option<StrBytes>| {
            let message = message.map(|text| text.to_string()).unwrap_or_default();
            Ok(Err(LoginError { code, message }))
        };
        self.api_versions()?;
        let answer = self.ask(&handshake("PLAIN"))?;
        if answer.error_code != 0 {
            return refused(answer.error_code, None);
        }
        let Credentials { project, password } = credentials;
        let token = format!("\0{project}\0{password}");
        let answer = self.ask(&SaslAuthenticateRequest::default().with_auth_bytes(token.into()))?;
        match answer.error_code {
            0 => Ok(Ok(())),
            code => refused(code, answer.error_message),
        }
    }

    /// Asks for a SASL mechanism, and returns the error code and the mechanisms that there are.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub fn ask_mechanism(&mut self, mechanism: &'static str) -> io::Result<(i16, Vec<String>)> {
        let answer = self.ask(&handshake(mechanism))?;
        let mechanisms = answer.mechanisms.iter().map(ToString::to_string).collect();
        Ok((answer.error_code, mechanisms))
    }

    /// Asks about topics; about all of them without any.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub fn metadata(&mut self, topics: &[&str]) -> io::Result<MetadataResponse> {
        let named = |name: &&str| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
        let topics = (!topics.is_empty()).then(|| topics.iter().map(named).collect());
        self.ask(&MetadataRequest::default().with_topics(topics))
    }

    /// Gets an identity for an idempotent producer: a producer id, in epoch 0.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub fn producer_id(&mut self) -> io::Result<i64> {
        let answer = self.ask(&InitProducerIdRequest::default().with_transactional_id(None))?;
        assert_eq!((answer.error_code, answer.producer_epoch), (0, 0));
        Ok(answer.producer_id.0)
    }

    /// Sends a batch and waits for its offset. The outer result is that of the connection.
    ///
    /// # Errors
    ///
    /// If the connection breaks; inside, if the batch is refused.
    pub fn produce(
        &mut self,
        topic: &str,
        shard: i32,
        batch: Bytes,
    ) -> io::Result<Result<u64, ProduceError>> {
        self.send_batch(topic, shard, batch)?;
        self.receive_offset()
    }

    /// Sends a batch that wants to be durable, without waiting for its offset.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub fn send_batch(&mut self, topic: &str, shard: i32, batch: Bytes) -> io::Result<()> {
        let frame = self.encode(&produce_request(topic, shard, batch, -1));
        self.stream.write_all(&frame)
    }

    /// The bytes of a request to store a batch, for tests that send them in pieces or together. Each
    /// counts as sent.
    #[must_use]
    pub fn encode_batch(&mut self, topic: &str, shard: i32, batch: Bytes) -> Bytes {
        self.encode(&produce_request(topic, shard, batch, -1)).freeze()
    }

    /// Sends a batch that wants no answer.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub fn send_unanswered(&mut self, topic: &str, shard: i32, batch: Bytes) -> io::Result<()> {
        let frame = self.encode(&produce_request(topic, shard, batch, 0));
        self.asked.pop_back();
        self.stream.write_all(&frame)
    }

    /// Waits for the offset of the oldest batch that is not answered.
    ///
    /// # Errors
    ///
    /// If the connection breaks; inside, if the batch is refused.
    ///
    /// # Panics
    ///
    /// If the answer is not to one partition.
    pub fn receive_offset(&mut self) -> io::Result<Result<u64, ProduceError>> {
        Ok(offset(&self.receive::<ProduceRequest>()?))
    }

    /// The same, or nothing if the server has ended the connection instead: in order, and between two
    /// answers.
    ///
    /// # Errors
    ///
    /// If the connection breaks; inside, if the batch is refused.
    ///
    /// # Panics
    ///
    /// If the answer is not to one partition.
    pub fn receive_offset_or_end(&mut self) -> io::Result<Option<Result<u64, ProduceError>>> {
        let mut first = [0];
        match self.stream.read(&mut first)? {
            0 => Ok(None),
            _ => Ok(Some(offset(&self.receive_after::<ProduceRequest>(&first)?))),
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits until the server ends the connection: without a further byte, without a reset, and with
    /// TLS not without a close_notify.
    ///
    /// # Panics
    ///
    /// If it does not, or not in this way.
    pub fn expect_end(&mut self) {
        let mut bytes = Vec::new();
        let ended = self.stream.read_to_end(&mut bytes);
        ended.expect("the connection ends in order");
        assert!(bytes.is_empty(), "{} more", bytes.escape_ascii());
    }

    /// Waits until the connection ends in whatever way.
    pub fn wait_for_any_end(&mut self) {
        // The error of a broken connection is as good an end as any.
        let _ = self.stream.read_to_end(&mut Vec::new());
    }

    fn ask<R: Request>(&mut self, request: &R) -> io::Result<R::Response> {
        let frame = self.encode(request);
        self.stream.write_all(&frame)?;
        self.receive::<R>()
    }

    fn encode<R: Request>(&mut self, request: &R) -> BytesMut {
        let version = version::<R>();
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.next_id)
            .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
        self.asked.push_back(self.next_id);
        self.next_id += 1;
        let mut frame = BytesMut::zeroed(4);
        header.encode(&mut frame, R::header_version(version)).expect("a header");
        request.encode(&mut frame, version).expect("a request");
        let length = i32::try_from(frame.len() - 4).expect("a small frame");
        frame[..4].copy_from_slice(&length.to_be_bytes());
        frame
    }

    /// Reads the answer to the oldest request, which must be of type `R`.
    fn receive<R: Request>(&mut self) -> io::Result<R::Response> {
        self.receive_after::<R>(&[])
    }

    /// The same, when the first bytes of its length were read already.
    fn receive_after<R: Request>(&mut self, read: &[u8]) -> io::Result<R::Response> {
        let mut prefix = [0; 4];
        prefix[..read.len()].copy_from_slice(read);
        self.stream.read_exact(&mut prefix[read.len()..])?;
        let mut frame = vec![0; u32::from_be_bytes(prefix) as usize];
        self.stream.read_exact(&mut frame)?;
        let mut frame = Bytes::from(frame);
        let id = frame.slice(..).get_i32();
        assert_eq!(Some(id), self.asked.pop_front(), "answers come in the order of the requests");
        let version = version::<R>();
        let header_version = R::Response::header_version(version);
        let answer = ResponseHeader::decode(&mut frame, header_version)
            .and_then(|_| R::Response::decode(&mut frame, version));
        answer.map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))
    }
}

/// The offset in an answer about one partition.
fn offset(answer: &ProduceResponse) -> Result<u64, ProduceError> {
    let [topic] = &answer.responses[..] else { panic!("one topic: {answer:?}") };
    let [shard] = &topic.partition_responses[..] else { panic!("one shard: {answer:?}") };
    if shard.error_code == 0 {
        return Ok(shard.base_offset.try_into().expect("an offset"));
    }
    let message = shard.error_message.as_ref().map(ToString::to_string).unwrap_or_default();
    Err(ProduceError { code: shard.error_code, message })
}

/// The highest version that the server advertises.
fn version<R: Request>() -> i16 {
    ApiKey::from_i16(R::KEY).expect("an API that is served").versions().1
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

fn handshake(mechanism: &'static str) -> SaslHandshakeRequest {
    SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism))
}

fn produce_request(topic: &str, shard: i32, batch: Bytes, acks: i16) -> ProduceRequest {
    let shard = PartitionProduceData::default().with_index(shard).with_records(Some(batch));
    let topic =
        TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![shard]);
    let request = ProduceRequest::default().with_transactional_id(None).with_acks(acks);
    request.with_timeout_ms(30_000).with_topic_data(vec![topic])
}

/// A batch of these values, without keys, headers and compression.
///
/// # Panics
///
/// If it is too large for the format.
#[must_use]
pub fn batch<V: AsRef<str>>(values: impl IntoIterator<Item = V>) -> Bytes {
    let mut builder = BatchBuilder::new();
    for value in values {
        let value = value.as_ref().as_bytes();
        builder.append(1_700_000_000_000, None, Some(value), &[]).expect("a small batch");
    }
    builder.build(Codec::None).into()
}
