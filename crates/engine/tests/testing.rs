//! What the endpoint inside a test promises to those who test with it.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ProduceRequest, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslHandshakeRequest,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use logboom_conn::{AbortReason, CloseReason, Limits};
use logboom_engine::testing::{Endpoint, Pipe};
use logboom_store::{Crash, Fault, OperationKind};
use logboom_tests::batch;

const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 42, 0xff, 0xff];

fn send<R: Request>(pipe: &mut Pipe, version: i16, request: &R) {
    let mut frame = BytesMut::new();
    let header = RequestHeader::default().with_request_api_key(R::KEY);
    let header = header.with_request_api_version(version);
    header.encode(&mut frame, R::header_version(version)).expect("a header");
    request.encode(&mut frame, version).expect("fields that the version has");
    pipe.write_all(&(frame.len() as u32).to_be_bytes()).expect("the endpoint reads");
    pipe.write_all(&frame).expect("the endpoint reads");
}

fn receive<R: Request>(pipe: &mut Pipe, version: i16) -> R::Response {
    let mut length = [0; 4];
    pipe.read_exact(&mut length).expect("an answer");
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    pipe.read_exact(&mut frame).expect("an answer");
    let mut frame = Bytes::from(frame);
    let header_version = R::Response::header_version(version);
    ResponseHeader::decode(&mut frame, header_version).expect("a header");
    R::Response::decode(&mut frame, version).expect("a response of that version")
}

/// Logs in and returns the error code.
fn log_in(pipe: &mut Pipe, project: &str, password: &str) -> i16 {
    let handshake = SaslHandshakeRequest::default();
    send(pipe, 1, &handshake.with_mechanism(StrBytes::from_static_str("PLAIN")));
    receive::<SaslHandshakeRequest>(pipe, 1);
    let token = format!("\0{project}\0{password}");
    send(pipe, 2, &SaslAuthenticateRequest::default().with_auth_bytes(token.into()));
    receive::<SaslAuthenticateRequest>(pipe, 2).error_code
}

fn producer(endpoint: &Endpoint, project: &str) -> Pipe {
    let mut pipe = endpoint.connect();
    assert_eq!(log_in(&mut pipe, project, &Endpoint::password(project)), 0);
    pipe
}

fn send_values(pipe: &mut Pipe, topic: &'static str, shard: i32, acks: i16, values: &[&str]) {
    let records = Some(batch(values));
    let shard = PartitionProduceData::default().with_index(shard).with_records(records);
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_static_str(topic)))
        .with_partition_data(vec![shard]);
    let request = ProduceRequest::default().with_acks(acks).with_timeout_ms(30_000);
    send(pipe, 9, &request.with_topic_data(vec![topic]));
}

/// The first offset, or the error code.
fn receive_offset(pipe: &mut Pipe) -> Result<i64, i16> {
    let answer = receive::<ProduceRequest>(pipe, 9);
    let shard = &answer.responses[0].partition_responses[0];
    if shard.error_code == 0 { Ok(shard.base_offset) } else { Err(shard.error_code) }
}

fn contents(endpoint: &Endpoint, logstore: &str) -> Vec<String> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).expect("text");
    let logs = endpoint.logs(logstore);
    logs.iter().map(|log| text(log.field("content").expect("a value"))).collect()
}

#[test]
fn projects_and_their_logstores_are_as_they_were_asked_for() {
    let endpoint = Endpoint::builder().logstore("acme/nginx", 2).logstore("beta/nginx", 1).start();
    let mut acme = producer(&endpoint, "acme");
    send_values(&mut acme, "nginx", 1, -1, &["of shard 1"]);
    assert_eq!(receive_offset(&mut acme), Ok(0));
    send_values(&mut acme, "nginx", 0, -1, &["of shard 0"]);
    assert_eq!(receive_offset(&mut acme), Ok(0));
    const UNKNOWN_TOPIC: i16 = 3;
    send_values(&mut acme, "demo", 0, -1, &["nowhere"]);
    assert_eq!(receive_offset(&mut acme), Err(UNKNOWN_TOPIC));
    assert_eq!(contents(&endpoint, "acme/nginx"), ["of shard 0", "of shard 1"]);
    assert!(endpoint.logs("beta/nginx").is_empty());
}

#[test]
fn what_nobody_waits_for_is_in_the_log_all_the_same() {
    let endpoint = Endpoint::start();
    let mut pipe = producer(&endpoint, "demo");
    send_values(&mut pipe, "demo", 0, 0, &["one", "two"]);
    assert_eq!(contents(&endpoint, "demo/demo"), ["one", "two"]);
}

#[test]
fn a_group_tells_where_its_logs_come_from() {
    let endpoint = Endpoint::start();
    let mut pipe = producer(&endpoint, "demo");
    send_values(&mut pipe, "demo", 0, 0, &["one"]);
    send_values(&mut pipe, "demo", 0, 0, &["two"]);
    let groups = endpoint.groups("demo/demo");
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0].source.as_deref(), Some(&b"192.0.2.7"[..]));
    let offset = groups[1].log_tags.iter().find(|tag| tag.key == "__offset__");
    assert_eq!(offset.expect("a tag").value, "1");
}

#[test]
fn a_wrong_password_is_told_after_the_pause_that_it_costs() {
    let endpoint = Endpoint::start();
    let mut pipe = endpoint.connect();
    let connected_at = endpoint.now();
    assert_eq!(log_in(&mut pipe, "demo", "demo#wrong"), 58);
    assert_eq!(endpoint.now() - connected_at, Duration::from_millis(250));
    assert_eq!(pipe.read(&mut [0; 64]).expect("an end in order"), 0);
}

#[test]
fn a_crash_loses_what_was_not_acknowledged_and_nothing_else() {
    let endpoint = Endpoint::start();
    let mut pipe = producer(&endpoint, "demo");
    send_values(&mut pipe, "demo", 0, -1, &["acknowledged"]);
    assert_eq!(receive_offset(&mut pipe), Ok(0));
    endpoint.stall_disk(true);
    send_values(&mut pipe, "demo", 0, -1, &["on its way"]);
    let endpoint = endpoint.restart(Crash::LoseUnsynced);
    assert_eq!(pipe.read(&mut [0; 64]).expect("an end"), 0);
    assert_eq!(pipe.closed(), Some(&CloseReason::Aborted(AbortReason::Shutdown)));
    assert_eq!(contents(&endpoint, "demo/demo"), ["acknowledged"]);

    let mut pipe = producer(&endpoint, "demo");
    send_values(&mut pipe, "demo", 0, -1, &["the next one"]);
    assert_eq!(receive_offset(&mut pipe), Ok(1));
}

#[test]
fn a_disk_that_fails_is_an_error_of_the_server() {
    const KAFKA_STORAGE_ERROR: i16 = 56;
    let endpoint = Endpoint::start();
    let mut pipe = producer(&endpoint, "demo");
    endpoint.disk().set_hook(Box::new(|operation| {
        (operation.kind == OperationKind::Sync).then_some(Fault::Fail(ErrorKind::Other))
    }));
    send_values(&mut pipe, "demo", 0, -1, &["lost"]);
    assert_eq!(receive_offset(&mut pipe), Err(KAFKA_STORAGE_ERROR));
}

#[test]
fn a_read_that_must_not_wait_neither_commits_nor_lets_time_pass() {
    let endpoint = Endpoint::start();
    let mut pipe = producer(&endpoint, "demo");
    pipe.set_nonblocking(true);
    send_values(&mut pipe, "demo", 0, -1, &["hello"]);
    let before = endpoint.now();
    let refused = pipe.read(&mut [0; 64]).expect_err("nothing is committed");
    assert_eq!((refused.kind(), endpoint.now()), (ErrorKind::WouldBlock, before));
    pipe.set_nonblocking(false);
    assert_eq!(receive_offset(&mut pipe), Ok(0));
    assert_eq!(endpoint.now(), before);
}

#[test]
fn a_full_window_holds_writes_back_until_there_is_an_answer() {
    let limits = Limits { requests_in_flight_max: 1, ..Limits::default() };
    let endpoint = Endpoint::builder().limits(limits).start();
    let mut pipe = producer(&endpoint, "demo");
    send_values(&mut pipe, "demo", 0, -1, &["first"]);
    // Neither commits, so this one has to, to get through.
    send_values(&mut pipe, "demo", 0, -1, &["second"]);
    assert_eq!(receive_offset(&mut pipe), Ok(0));
    assert_eq!(receive_offset(&mut pipe), Ok(1));
}

#[test]
fn the_endpoint_sees_how_its_clients_leave() {
    let endpoint = Endpoint::start();
    drop(endpoint.connect());
    endpoint.connect().reset();
    let mut half = endpoint.connect();
    half.write_all(&API_VERSIONS[..9]).expect("the endpoint reads");
    half.shutdown_write();
    assert_eq!(half.write(&API_VERSIONS).expect_err("it is over").kind(), ErrorKind::BrokenPipe);
    let history = endpoint.engine().history().snapshot();
    let reasons: Vec<_> = history.into_iter().filter_map(|closed| closed.reason).collect();
    let reset = CloseReason::Transport(ErrorKind::ConnectionReset);
    assert_eq!(reasons, [CloseReason::PeerClosed, reset, CloseReason::PeerClosedInFrame]);
}

#[test]
fn two_runs_are_the_same_to_the_last_byte() {
    let run = || {
        let endpoint = Endpoint::start();
        let mut pipe = producer(&endpoint, "demo");
        send_values(&mut pipe, "demo", 0, -1, &["hello"]);
        pipe.shutdown_write();
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("an end in order");
        (bytes, endpoint.groups("demo/demo"))
    };
    assert_eq!(run(), run());
}

#[test]
#[should_panic(expected = "there is no Logstore demo/nginx")]
fn a_logstore_that_is_not_there_is_named() {
    let _none = Endpoint::start().logs("demo/nginx");
}
