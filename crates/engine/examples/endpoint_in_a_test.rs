//! A whole Kafka endpoint inside a unit test: no port, no thread, no file, no sleeping.
//!
//! The producer here encodes its requests with `kafka-protocol`, an implementation by others. Put
//! yours in its place: [`Pipe`] reads and writes like a `TcpStream`.
//!
//! `cargo run --release --example endpoint_in_a_test` says how long it takes to start one.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ProduceRequest, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslHandshakeRequest,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use logboom_engine::testing::{Endpoint, Pipe};
use logboom_engine::wire::records::{BatchBuilder, Codec};

/// The test: what a producer wrote is in the log, and nothing else.
fn what_a_producer_wrote_is_in_the_log() -> io::Result<()> {
    let endpoint = Endpoint::start();
    let mut producer = Producer::log_in(&endpoint, "demo")?;
    assert_eq!(producer.send("demo", &["hello", "world"])?, Ok(0));
    assert_eq!(producer.send("demo.json", &[r#"{"level":"info"}"#])?, Ok(2));

    let logs = endpoint.logs("demo/demo");
    let contents: Vec<_> = logs.iter().filter_map(|log| log.field("content")).collect();
    assert_eq!(contents, ["hello", "world"]);
    assert_eq!(logs[2].field("level").expect("a field of the JSON object"), "info");
    Ok(())
}

/// A test with a fault: the disk stalls, so nothing is acknowledged, and the server says so after 30
/// seconds. They take no time.
fn a_stalled_disk_is_a_timeout_and_no_loss() -> io::Result<()> {
    const REQUEST_TIMED_OUT: i16 = 7;
    let endpoint = Endpoint::start();
    let mut producer = Producer::log_in(&endpoint, "demo")?;
    endpoint.stall_disk(true);
    let asked_at = endpoint.now();
    assert_eq!(producer.send("demo", &["hello"])?, Err(REQUEST_TIMED_OUT));
    assert_eq!(endpoint.now() - asked_at, Duration::from_secs(30));
    endpoint.stall_disk(false);
    assert_eq!(endpoint.logs("demo/demo").len(), 1);
    Ok(())
}

/// The median time to start an endpoint.
pub(crate) fn start_time(rounds: usize) -> Duration {
    let mut times: Vec<_> = (0..rounds).map(|_| time(Endpoint::start)).collect();
    times.sort_unstable();
    times[rounds / 2]
}

#[expect(clippy::disallowed_methods, reason = "this time is the real one")]
fn time<T>(act: impl Fn() -> T) -> Duration {
    let started = Instant::now();
    let result = act();
    let taken = started.elapsed();
    drop(result);
    taken
}

/// A producer on any byte stream.
struct Producer<T> {
    stream: T,
    asked: i32,
}

impl Producer<Pipe> {
    fn log_in(endpoint: &Endpoint, project: &str) -> io::Result<Self> {
        let mut producer = Self { stream: endpoint.connect(), asked: 0 };
        let mechanism = StrBytes::from_static_str("PLAIN");
        producer.ask(1, &SaslHandshakeRequest::default().with_mechanism(mechanism))?;
        let token = format!("\0{project}\0{}", Endpoint::password(project));
        let request = SaslAuthenticateRequest::default().with_auth_bytes(token.into());
        let answer = producer.ask(2, &request)?;
        assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        Ok(producer)
    }
}

impl<T: Read + Write> Producer<T> {
    /// Sends values to shard 0 of a topic. Their first offset, or the error of Kafka.
    fn send(&mut self, topic: &str, values: &[&str]) -> io::Result<Result<i64, i16>> {
        let mut batch = BatchBuilder::new();
        for value in values {
            let timestamp_ms = -1; // none: the time of the server counts
            batch.append(timestamp_ms, None, Some(value.as_bytes()), &[]).expect("a small batch");
        }
        let records = Bytes::from(batch.build(Codec::Zstd));
        let shard = PartitionProduceData::default().with_index(0).with_records(Some(records));
        let topic = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
            .with_partition_data(vec![shard]);
        let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(30_000);
        let answer = self.ask(9, &request.with_topic_data(vec![topic]))?;
        let shard = &answer.responses[0].partition_responses[0];
        Ok(if shard.error_code == 0 { Ok(shard.base_offset) } else { Err(shard.error_code) })
    }

    fn ask<R: Request>(&mut self, version: i16, request: &R) -> io::Result<R::Response> {
        self.asked += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(StrBytes::from_static_str("example")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, R::header_version(version)).expect("a header");
        request.encode(&mut frame, version).expect("fields that the version has");
        self.stream.write_all(&(frame.len() as u32).to_be_bytes())?;
        self.stream.write_all(&frame)?;

        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame)?;
        let mut frame = Bytes::from(frame);
        let header_version = R::Response::header_version(version);
        let header = ResponseHeader::decode(&mut frame, header_version).expect("a header");
        assert_eq!(header.correlation_id, self.asked);
        Ok(R::Response::decode(&mut frame, version).expect("a response of that version"))
    }
}

fn main() -> io::Result<()> {
    what_a_producer_wrote_is_in_the_log()?;
    a_stalled_disk_is_a_timeout_and_no_loss()?;
    println!("an endpoint starts in {:?}, the median of 1,000", start_time(1_000));
    Ok(())
}

#[test]
fn the_log_has_what_a_producer_wrote() {
    what_a_producer_wrote_is_in_the_log().expect("the connection lives");
}

#[test]
fn a_stalled_disk_answers_with_a_timeout() {
    a_stalled_disk_is_a_timeout_and_no_loss().expect("the connection lives");
}
