//! Every row of the table of errors in docs/protocol.md: what the client is told, what is counted,
//! and that nothing is stored.

use logboom_conn::CloseReason;
use logboom_engine::{BATCHES_PER_REQUEST_MAX, Code};
use logboom_wire::records::Codec;

use crate::common::Endpoint;
use crate::common::batches::{batch, damaged, stamped, with_attributes, with_record_count, zeros};
use crate::common::client::Client;
use crate::common::requests::{self, Produce, Request};
use crate::common::setup::{ACME, Credentials, NOBODY, Setup, WRITER};

/// What is wrong with a Produce request, the error in Metadata if it is the topic, the error in
/// Produce, and the code.
struct Row {
    credentials: Credentials,
    produce: Produce,
    in_metadata: Option<i16>,
    in_produce: i16,
    code: Code,
}

fn row(produce: Produce, in_produce: i16, code: Code) -> Row {
    Row { credentials: ACME, produce, in_metadata: None, in_produce, code }
}

fn topic_row(credentials: Credentials, topic: &str, error: i16, code: Code) -> Row {
    let produce = Produce::one(topic, 0, batch(&["lost"]));
    Row { credentials, produce, in_metadata: Some(error), in_produce: error, code }
}

fn of_batch(records: Vec<u8>, error: i16, code: Code) -> Row {
    row(Produce::one("nginx", 0, records), error, code)
}

fn rows() -> Vec<Row> {
    let shard = |index| Produce::one("nginx", index, batch(&["lost"]));
    let good = || batch(&["lost", "too"]);
    let transactional = Produce { transactional_id: Some("payments"), ..shard(0) };
    vec![
        topic_row(NOBODY, "nginx", 29, Code::NoWriteRight),
        topic_row(NOBODY, "absent", 29, Code::NoWriteRight),
        topic_row(WRITER, "audit.json", 29, Code::NoWriteRight),
        topic_row(ACME, "absent", 3, Code::UnknownLogstore),
        topic_row(ACME, "payroll", 3, Code::UnknownLogstore),
        topic_row(ACME, "Nginx", 17, Code::InvalidLogstoreName),
        topic_row(NOBODY, "a/../b", 17, Code::InvalidLogstoreName),
        row(shard(2), 3, Code::UnknownShard),
        row(shard(-1), 3, Code::UnknownShard),
        of_batch(damaged(good()), 2, Code::CorruptBatch),
        of_batch(with_record_count(good(), 3), 87, Code::UndecodableBatch),
        of_batch(with_attributes(good(), 1 << 5), 87, Code::UndecodableBatch),
        of_batch(with_attributes(good(), 1), 87, Code::UndecodableBatch),
        of_batch(good()[..70].to_vec(), 87, Code::UndecodableBatch),
        of_batch(vec![], 87, Code::UndecodableBatch),
        row(Produce::new().with_null("nginx", 0), 87, Code::UndecodableBatch),
        of_batch(batch(&["x".repeat(5_000).as_str()]), 10, Code::BatchTooLarge),
        of_batch(zeros(20_001, Codec::Gzip), 10, Code::BatchTooLarge),
        of_batch(with_attributes(good(), 5), 76, Code::UnknownCodec),
        row(transactional, 53, Code::Transactional),
        of_batch(with_attributes(good(), 1 << 4), 53, Code::Transactional),
    ]
}

/// A server that takes batches of 4,000 bytes and 20,000 bytes decompressed.
fn endpoint() -> Endpoint {
    let mut setup = Setup::default();
    setup.engine.batches.batch_bytes_max = 4_000;
    setup.engine.batches.decompressed_bytes_max = 20_000;
    Endpoint::with(setup)
}

#[test]
fn a_refused_topic_or_batch_is_answered_and_counted_once_and_nothing_is_stored() {
    for Row { credentials, produce, in_metadata, in_produce, code } in rows() {
        for version in [0, 2, 3, 7, 9, 11] {
            if version < 3 && produce.transactional_id.is_some() {
                continue;
            }
            let endpoint = endpoint();
            let mut client = endpoint.client(credentials);
            let answer = client.refused(&Produce { version, ..produce.clone() });
            endpoint.commit();
            let case = format!("{produce:?} in version {version}");
            assert_eq!((answer.len(), answer[0].error), (1, in_produce), "{case}");
            assert_eq!(answer[0].base_offset, -1);
            let message = answer[0].message.as_deref();
            assert_eq!(message.is_some(), version >= 8, "{case}");
            assert!(message.is_none_or(|text| text.contains(code.as_str())), "{message:?}");
            assert_eq!(endpoint.refusals(), [(code, 1)].into(), "{case}");
            assert_eq!(endpoint.all_values(), [""; 0], "{case}");
            endpoint.logs.line(&["WARN", code.as_str(), code.title(), credentials.project]);

            if let Some(in_metadata) = in_metadata {
                assert_eq!(client.metadata_error(&answer[0].topic), in_metadata, "{case}");
                assert_eq!(endpoint.refusals(), [(code, 2)].into(), "{case}");
            }
        }
    }
}

#[test]
fn the_same_batches_in_order_are_stored() {
    let endpoint = endpoint();
    let mut client = endpoint.client(ACME);
    for version in 0..=11 {
        let produce = Produce { version, ..Produce::one("nginx", 1, batch(&["kept", "too"])) };
        client.send(&produce.request());
        endpoint.commit();
        let [outcome] = &client.outcomes(version)[..] else { panic!("one partition") };
        assert_eq!((outcome.error, outcome.base_offset), (0, 2 * i64::from(version)));
    }
    assert_eq!(endpoint.values("acme", "nginx", 1).len(), 24);
    assert_eq!(endpoint.refusals(), [].into());
}

#[test]
fn other_acks_are_answered_21_and_nothing_is_stored() {
    let endpoint = endpoint();
    let mut client = endpoint.client(ACME);
    let produce = Produce { acks: 2, ..Produce::one("nginx", 0, batch(&["lost"])) };
    assert_eq!(client.refused(&produce)[0].error, 21);
    assert_eq!(endpoint.refusals(), [(Code::Acks, 1)].into());
    endpoint.commit();
    assert_eq!(endpoint.all_values(), [""; 0]);
}

#[test]
fn a_gap_or_an_old_epoch_is_answered_45_or_47() {
    let endpoint = endpoint();
    let mut client = endpoint.client(ACME);
    let mut errors = Vec::new();
    for (epoch, base_sequence) in [(1, 0), (1, 7), (0, 1)] {
        let produce = Produce::one("nginx", 0, stamped(&["x"], 5, epoch, base_sequence));
        client.send(&produce.request());
        endpoint.commit();
        errors.push(client.outcomes(produce.version)[0].error);
    }
    assert_eq!(errors, [0, 45, 47]);
    assert_eq!(endpoint.refusals(), [(Code::Sequence, 2)].into());
    assert_eq!(endpoint.values("acme", "nginx", 0), ["x"]);
}

#[test]
fn a_producer_with_transactions_gets_no_producer_id() {
    let endpoint = endpoint();
    let mut client = endpoint.client(ACME);
    for (count, version) in (0..=4).enumerate() {
        let request = requests::init_producer_id(version, Some("payments"));
        let answer: kafka_protocol::messages::InitProducerIdResponse = client.ask(&request);
        assert_eq!((answer.error_code, answer.producer_id.0), (53, -1));
        assert_eq!(endpoint.refusals(), [(Code::Transactional, count as u64 + 1)].into());
    }
}

#[test]
fn consumers_are_told_that_nothing_is_served_to_them() {
    let endpoint = endpoint();
    let mut client = endpoint.client(ACME);
    let fetched: kafka_protocol::messages::FetchResponse =
        client.ask(&requests::fetch(11, &["nginx", "absent"]));
    let errors: Vec<i16> = fetched.responses.iter().map(|t| t.partitions[0].error_code).collect();
    assert_eq!(errors, [29, 29]);
    let found: kafka_protocol::messages::FindCoordinatorResponse =
        client.ask(&requests::find_coordinator(3, "group"));
    assert_eq!(found.error_code, 30);
    assert_eq!(endpoint.refusals(), [(Code::UnsupportedApi, 2)].into());
}

/// Sends something that ends the connection, and returns why it ended.
#[track_caller]
fn ended_by(mut client: Client, request: &Request) -> CloseReason {
    client.send(request);
    client.closed().expect("refused").clone()
}

#[test]
fn what_is_no_request_closes_the_connection_and_is_counted() {
    let endpoint = endpoint();
    let mut expected = std::collections::BTreeMap::new();
    let mut counted_as = |code: Code| {
        *expected.entry(code).or_insert(0) += 1;
        assert_eq!(endpoint.refusals(), expected);
    };
    let mut client = endpoint.client(ACME);
    client.send_bytes(&(101_i32 << 20).to_be_bytes());
    assert!(matches!(client.closed(), Some(CloseReason::FrameTooLarge { .. })));
    counted_as(Code::FrameTooLarge);

    let truncated = Request::raw(3, 9, vec![9]);
    assert!(matches!(ended_by(endpoint.client(ACME), &truncated), CloseReason::BadRequest { .. }));
    counted_as(Code::MalformedFrame);

    for (key, version) in [(0, 12), (2, 0), (3, 13), (71, 0), (-1, 0)] {
        let unknown = Request::raw(key, version, vec![]);
        let reason = ended_by(endpoint.client(ACME), &unknown);
        assert_eq!(reason, CloseReason::UnsupportedApi { key, version });
        counted_as(Code::UnsupportedApi);
    }

    let early = requests::metadata(9, &["nginx"]);
    assert!(matches!(ended_by(endpoint.connect(), &early), CloseReason::ApiNotAllowed { .. }));
    counted_as(Code::LoginFirst);
}

#[test]
fn a_request_with_too_many_batches_loses_only_those_beyond_the_limit() {
    let endpoint = endpoint();
    let mut client = endpoint.client(ACME);
    let half = batch(&["x"]).repeat(BATCHES_PER_REQUEST_MAX / 2);
    let produce = Produce::one("nginx", 0, half.clone())
        .with("audit", 0, [half.clone(), batch(&["x"])].concat())
        .with("nginx", 1, half)
        .with("mysql", 0, batch(&["x"]));
    client.send(&produce.request());
    endpoint.commit();
    let errors: Vec<i16> = client.outcomes(produce.version).iter().map(|o| o.error).collect();
    assert_eq!(errors, [0, 10, 0, 10]);
    assert_eq!(endpoint.refusals(), [(Code::BatchTooLarge, 2)].into());
    assert_eq!(endpoint.all_values().len(), BATCHES_PER_REQUEST_MAX);
}
