//! Pipelined requests: order of responses, acks, timeouts, refusals.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use logboom_conn::{Acks, CloseReason, Command, Event, Limits, Produce, Timer};
use logboom_sans_io::{Machine, Stale};
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;
use logboom_wire::response::PartitionOutcome;
use proptest::prelude::*;

use crate::client::{self, Production, Response};
use crate::host::{Host, cluster, stored, success};

fn acks(acks: i16) -> Production {
    Production { acks, ..Production::default() }
}

fn produces(host: &mut Host) -> Vec<Produce> {
    let events = std::mem::take(&mut host.events).into_iter();
    events
        .map(|event| match event {
            Event::Produce(produce) => produce,
            event => panic!("{event:?}"),
        })
        .collect()
}

fn failed(error: ErrorCode) -> Vec<PartitionOutcome> {
    vec![PartitionOutcome::failed(error, None)]
}

proptest! {
    #[test]
    fn responses_leave_in_request_order_whatever_is_answered_first(
        kinds in prop::collection::vec(0..5u8, 1..40),
        order in any::<prop::sample::Index>(),
    ) {
        let mut host = Host::ready(Limits::default());
        let mut expected = Vec::new();
        for (index, kind) in kinds.iter().enumerate() {
            let correlation_id = index as i32;
            host.send(&match kind {
                0 => client::api_versions(3, correlation_id),
                1 => client::metadata(9, correlation_id, Some(&["logs"])),
                2 => client::init_producer_id(4, correlation_id),
                3 => client::produce(correlation_id, &acks(1)),
                _ => client::produce(correlation_id, &acks(0)),
            });
            if *kind < 4 {
                expected.push(correlation_id);
            }
        }
        let mut left = Vec::new();
        while !host.events.is_empty() {
            let event = host.events.swap_remove(order.index(host.events.len()));
            host.apply(success(event).unwrap());
            left.extend(host.correlation_ids());
        }
        left.extend(host.correlation_ids());
        prop_assert_eq!(left, expected);
        prop_assert_eq!(host.connection.requests_in_flight(), 0);
    }
}

#[test]
fn events_come_out_in_arrival_order() {
    let mut host = Host::ready(Limits::default());
    let requests: Vec<Vec<u8>> = (0..20)
        .map(|n| client::produce(n, &Production { timeout_ms: 100 + n, ..acks(1) }))
        .collect();
    host.send(&requests.concat());
    let timeouts: Vec<u128> =
        produces(&mut host).iter().map(|produce| produce.timeout.as_millis()).collect();
    assert_eq!(timeouts, (100..120).collect::<Vec<_>>());
}

#[test]
fn a_produce_event_shows_what_was_sent_and_shares_only_its_own_frame() {
    let mut host = Host::ready(Limits::default());
    let production = Production { partitions: 2, records_bytes: 500, ..acks(-1) };
    host.send(&client::produce(1, &production));
    let [produce] = &produces(&mut host)[..] else { panic!("one event") };
    assert_eq!((produce.acks, produce.version()), (Acks::All, 7));
    assert_eq!(produce.timeout, Duration::from_millis(1_500));
    assert_eq!(produce.client_id, Some(Bytes::from_static(client::CLIENT_ID.as_bytes())));
    let request = produce.request();
    assert_eq!((request.acks, request.partition_count()), (-1, 2));
    for topic in request.topics() {
        for partition in topic.partitions() {
            let records = produce.slice(partition.records.unwrap());
            assert_eq!(records, vec![client::RECORDS_BYTE; 500]);
            assert_eq!(records.as_ptr(), partition.records.unwrap().as_ptr(), "not a copy");
        }
    }
}

#[test]
fn acks_0_holds_its_place_and_sends_nothing() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::produce(1, &acks(0)));
    host.send(&client::api_versions(3, 2));
    assert_eq!(host.responses(), []);
    assert_eq!(host.connection.requests_in_flight(), 2);
    host.answer_all();
    assert_eq!(host.correlation_ids(), [2]);
}

#[test]
fn a_failed_acks_0_closes_after_earlier_responses() {
    let mut host = Host::ready(Limits::default());
    for (correlation_id, wanted) in [(1, 1), (2, 0), (3, 1)] {
        host.send(&client::produce(correlation_id, &acks(wanted)));
    }
    let mut produces = produces(&mut host).into_iter();
    let (before, failing, behind) =
        (produces.next().unwrap(), produces.next().unwrap(), produces.next().unwrap());
    host.apply(Command::Produced(failing.ticket, failed(ErrorCode::TopicAuthorizationFailed)));
    let late = Command::Produced(behind.ticket, vec![stored()]);
    assert_eq!(host.connection.apply(late), Err(Stale));
    assert!(!host.wait().fin, "the first request is unanswered");
    host.apply(Command::Produced(before.ticket, vec![stored()]));
    assert_eq!(host.correlation_ids(), [1]);
    assert!(host.wait().fin);
    host.connection.handle_eof();
    let expected = CloseReason::AcksZeroFailed(ErrorCode::TopicAuthorizationFailed);
    assert_eq!(host.closed(), expected);
}

#[test]
fn other_acks_are_refused_for_every_partition() {
    for (number, wanted) in [2, -2, i16::MAX, i16::MIN].into_iter().enumerate() {
        let mut host = Host::ready(Limits::default());
        let production = Production { partitions: 3, ..acks(wanted) };
        host.send(&client::produce(number as i32, &production));
        assert_eq!(refused(&host), [(ApiKey::Produce, ErrorCode::InvalidRequiredAcks)]);
        let [answer] = &host.responses()[..] else { panic!("one response") };
        assert_eq!(produce_errors(answer), [21, 21, 21]);
    }
}

#[test]
fn a_slow_answer_is_replaced_by_a_timeout_and_then_stale() {
    let mut host = Host::ready(Limits::default());
    let production = Production { timeout_ms: 900, partitions: 2, ..acks(1) };
    host.send(&client::produce(1, &production));
    host.send(&client::produce(2, &Production { timeout_ms: i32::MAX, ..acks(1) }));
    let sent_at = host.now;
    host.ring(Timer::Produce);
    assert_eq!(host.now, sent_at + Duration::from_millis(900));
    let [answer] = &host.responses()[..] else { panic!("one response") };
    assert_eq!(produce_errors(answer), [7, 7]);
    host.ring(Timer::Produce);
    assert_eq!(host.now, sent_at + Limits::default().produce_timeout_max);
    assert_eq!(host.responses()[0].produce_error(), 7);
    for produce in produces(&mut host) {
        let late = Command::Produced(produce.ticket, vec![stored(); 2]);
        assert_eq!(host.connection.apply(late), Err(Stale));
    }
    assert!(host.responses().is_empty());
}

#[test]
fn no_time_allowed_means_as_long_as_the_server_likes() {
    for timeout_ms in [0, -1, i32::MIN] {
        let mut host = Host::ready(Limits::default());
        host.send(&client::produce(1, &Production { timeout_ms, ..acks(1) }));
        assert_eq!(produces(&mut host)[0].timeout, Limits::default().produce_timeout_max);
    }
}

#[test]
fn an_acks_0_that_takes_too_long_closes() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::produce(1, &Production { timeout_ms: 1, ..acks(0) }));
    host.ring(Timer::Produce);
    host.wait();
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::AcksZeroFailed(ErrorCode::RequestTimedOut));
}

#[test]
fn consumers_are_refused_in_words_they_know() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::fetch(1, 2));
    host.send(&client::find_coordinator(2));
    let [fetched, coordinator] = &host.responses()[..] else { panic!("two responses") };
    let mut reader = fetched.reader();
    assert_eq!(reader.i32(), Ok(0));
    assert_eq!((reader.i32(), reader.string(), reader.i32()), (Ok(1), Ok("logs"), Ok(2)));
    assert_eq!((reader.i32(), reader.i16()), (Ok(0), Ok(29)));
    assert_eq!(coordinator.error(), 30);
    let told = [
        (ApiKey::Fetch, ErrorCode::TopicAuthorizationFailed),
        (ApiKey::FindCoordinator, ErrorCode::GroupAuthorizationFailed),
    ];
    assert_eq!(refused(&host), told);
}

/// What the application heard of, which must be refusals only.
fn refused(host: &Host) -> Vec<(ApiKey, ErrorCode)> {
    let refused = host.events.iter().map(|event| match event {
        Event::Refused(refused) => (refused.api, refused.error),
        event => panic!("{event:?} is no refusal"),
    });
    refused.collect()
}

#[test]
fn a_producer_id_or_its_refusal_reaches_the_client() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::init_producer_id(3, 1));
    host.send(&client::init_producer_id(0, 2));
    host.answer();
    let Some(Event::InitProducerId(asked)) = host.events.pop() else { panic!("one event") };
    assert!(!asked.transactional && asked.current.is_none());
    let refusal = Err(ErrorCode::TransactionalIdAuthorizationFailed);
    host.apply(Command::ProducerId(asked.ticket, refusal));
    let [granted, refused] = &host.responses()[..] else { panic!("two responses") };
    let mut reader = granted.reader();
    let _tags_and_throttle = (reader.i8(), reader.i32());
    assert_eq!((reader.i16(), reader.i64(), reader.i16()), (Ok(0), Ok(4_711), Ok(0)));
    let mut reader = refused.reader();
    let _throttle = reader.i32();
    assert_eq!((reader.i16(), reader.i64(), reader.i16()), (Ok(53), Ok(-1), Ok(-1)));
}

#[test]
fn a_malformed_body_closes_after_earlier_requests_are_answered() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::metadata(1, 1, None));
    host.send(&client::request(0, 7, 2, |body| body.i32(i32::MAX)));
    host.send(&client::metadata(1, 3, None));
    let [Event::Metadata(_)] = host.events[..] else { panic!("{:?}", host.events) };
    host.answer();
    assert_eq!(host.correlation_ids(), [1]);
    host.connection.handle_eof();
    assert!(matches!(host.closed(), CloseReason::BadRequest { version: 7, .. }));
}

#[test]
fn missing_outcomes_are_errors() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::produce(1, &Production { partitions: 3, ..acks(1) }));
    let produce = produces(&mut host).remove(0);
    host.apply(Command::Produced(produce.ticket, vec![stored()]));
    assert_eq!(produce_errors(&host.responses()[0]), [0, -1, -1]);
}

#[test]
fn a_response_above_the_limit_closes() {
    let limits = Limits { response_bytes_max: 1_000, ..Limits::default() };
    let mut host = Host::ready(limits);
    host.send(&client::metadata(1, 1, None));
    let Some(Event::Metadata(query)) = host.events.pop() else { panic!("one event") };
    let mut view = cluster();
    view.topics = vec![view.topics[0].clone(); 1_000];
    host.apply(Command::Metadata(query.ticket, Arc::new(view)));
    let reason = host.closed();
    assert!(matches!(reason, CloseReason::ResponseTooLarge { bytes_max: 1_000, .. }), "{reason}");
}

fn produce_errors(response: &Response) -> Vec<i16> {
    let mut reader = response.reader();
    let _topics = reader.i32();
    let _name = reader.string();
    let partitions = reader.i32().unwrap();
    let errors = (0..partitions).map(|_| {
        let _index = reader.i32();
        let error = reader.i16().unwrap();
        let _offsets_and_time = [reader.i64(), reader.i64(), reader.i64()];
        error
    });
    errors.collect()
}
