//! When and how Produce is answered.

use std::time::Duration;

use logboom_conn::CloseReason;
use logboom_engine::{CLIENT_ID_BYTES_MAX, Code};
use logboom_wire::error::ErrorCode;
use proptest::prelude::*;

use crate::common::batches::{batch, damaged, stamped};
use crate::common::client::Client;
use crate::common::requests::{self, Produce};
use crate::common::setup::{ACME, WRITER};
use crate::common::{Endpoint, PEER, START_MS};

fn errors(client: &mut Client) -> Vec<(i16, i64)> {
    client.outcomes(9).iter().map(|outcome| (outcome.error, outcome.base_offset)).collect()
}

#[test]
fn nothing_is_answered_before_it_is_durable() {
    for acks in [1, -1] {
        let endpoint = Endpoint::new();
        let mut client = endpoint.client(ACME);
        let produce = Produce { acks, ..Produce::one("nginx", 0, batch(&["x"])) };
        client.send(&produce.request());
        assert_eq!(client.replies(), []);
        assert_eq!(endpoint.all_values(), [""; 0], "nor can it be read");
        endpoint.commit();
        assert_eq!(errors(&mut client), [(0, 0)]);
        assert_eq!(endpoint.all_values(), ["x"]);
    }
}

#[test]
fn what_is_answered_at_once_waits_for_what_was_asked_before() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let produce = client.send(&Produce::one("nginx", 0, batch(&["x"])).request());
    let metadata = client.send(&requests::metadata(9, &["nginx"]));
    let refused = client.send(&Produce::one("absent", 0, batch(&["x"])).request());
    assert_eq!(client.replies(), []);
    endpoint.commit();
    let ids: Vec<i32> = client.replies().iter().map(|reply| reply.correlation_id).collect();
    assert_eq!(ids, [produce, metadata, refused]);
}

#[test]
fn several_batches_of_a_partition_are_stored_in_order_and_answered_with_the_first_offset() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let batches = [batch(&["a", "b"]), batch(&["c"]), batch(&["d", "e", "f"])].concat();
    for expected in [0, 6] {
        client.send(&Produce::one("nginx", 0, batches.clone()).request());
        endpoint.commit();
        assert_eq!(errors(&mut client), [(0, expected)]);
    }
    let values = endpoint.values("acme", "nginx", 0);
    assert_eq!(values.concat(), "abcdefabcdef");
    let offsets: Vec<i64> =
        endpoint.stored("acme", "nginx", 0).iter().map(|stored| stored.base_offset).collect();
    assert_eq!(offsets, [0, 2, 3, 6, 8, 9]);
}

#[test]
fn a_partition_with_one_bad_batch_is_refused_as_a_whole() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let batches = [batch(&["a"]), damaged(batch(&["b"])), batch(&["c"])].concat();
    client.send(&Produce::one("nginx", 0, batches).request());
    endpoint.commit();
    assert_eq!(errors(&mut client), [(2, -1)]);
    assert_eq!(endpoint.all_values(), [""; 0]);
}

#[test]
fn a_partition_whose_second_batch_the_store_refuses_fails() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let batches = [stamped(&["a"], 5, 0, 0), stamped(&["c"], 5, 0, 2)].concat();
    client.send(&Produce::one("nginx", 0, batches).request());
    endpoint.commit();
    assert_eq!(errors(&mut client), [(45, -1)]);
    assert_eq!(endpoint.values("acme", "nginx", 0), ["a"]);
    // Sent again with the gap closed, what is stored already is found.
    let batches = [stamped(&["a"], 5, 0, 0), stamped(&["b"], 5, 0, 1)].concat();
    client.send(&Produce::one("nginx", 0, batches).request());
    endpoint.commit();
    assert_eq!(errors(&mut client), [(0, 0)]);
    assert_eq!(endpoint.values("acme", "nginx", 0), ["a", "b"]);
}

/// What may be sent for a partition, and the error for it.
#[derive(Debug, Clone, Copy)]
enum Part {
    Good(i32),
    Damaged,
    Forbidden,
    Absent,
    NoSuchShard,
    Empty,
}

fn any_part() -> impl Strategy<Value = Part> {
    prop_oneof![
        (0..2).prop_map(Part::Good),
        Just(Part::Damaged),
        Just(Part::Forbidden),
        Just(Part::Absent),
        Just(Part::NoSuchShard),
        Just(Part::Empty),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_partition_has_its_own_outcome_in_the_order_of_the_request(
        parts in prop::collection::vec(any_part(), 1..20),
        version in 0..=11_i16,
    ) {
        let endpoint = Endpoint::new();
        let mut client = endpoint.client(WRITER);
        let mut produce = Produce { version, ..Produce::new() };
        let mut expected = Vec::new();
        let mut stored = [Vec::new(), Vec::new()];
        for (number, part) in parts.iter().enumerate() {
            let value = number.to_string();
            let records = batch(&[&value]);
            let (topic, index, records, error) = match part {
                Part::Good(shard) => ("nginx", *shard, records, 0),
                Part::Damaged => ("nginx", 0, damaged(records), 2),
                Part::Forbidden => ("audit", 0, records, 29),
                Part::Absent => ("absent", 0, records, 29),
                Part::NoSuchShard => ("nginx.json", 2, records, 3),
                Part::Empty => ("nginx", 1, vec![], 87),
            };
            let mut base_offset = -1;
            if let Part::Good(shard) = part {
                let shard = &mut stored[*shard as usize];
                base_offset = shard.len() as i64;
                shard.push(value);
            }
            expected.push((topic.to_owned(), index, error, base_offset));
            produce = produce.with(topic, index, records);
        }
        client.send(&produce.request());
        endpoint.commit();
        let outcomes = client.outcomes(version).into_iter();
        let got: Vec<_> = outcomes.map(|o| (o.topic, o.index, o.error, o.base_offset)).collect();
        prop_assert_eq!(got, expected);
        for (index, values) in (0..).zip(stored) {
            prop_assert_eq!(endpoint.values("acme", "nginx", index), values);
        }
    }
}

#[test]
fn acks_0_is_stored_in_order_and_never_answered() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let silent = |value| Produce { acks: 0, ..Produce::one("nginx", 0, batch(&[value])) };
    client.send(&silent("a").request());
    let second = client.send(&Produce::one("nginx", 0, batch(&["b"])).request());
    client.send(&silent("c").request());
    endpoint.commit();
    assert_eq!(client.reply().correlation_id, second);
    assert_eq!(endpoint.values("acme", "nginx", 0), ["a", "b", "c"]);
    assert_eq!(client.closed(), None);
}

#[test]
fn acks_0_that_fails_closes_the_connection_and_what_came_before_is_still_answered() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(WRITER);
    let before = client.send(&Produce::one("nginx", 0, batch(&["a"])).request());
    let mixed = Produce::one("nginx", 0, batch(&["b"])).with("audit", 0, batch(&["c"]));
    client.send(&Produce { acks: 0, ..mixed }.request());
    client.send(&requests::metadata(9, &["nginx"]));
    endpoint.commit();
    assert_eq!(client.reply().correlation_id, before);
    let reason = CloseReason::AcksZeroFailed(ErrorCode::TopicAuthorizationFailed);
    assert_eq!(client.closed(), Some(&reason));
    assert_eq!(endpoint.refusals(), [(Code::NoWriteRight, 1)].into());
    assert_eq!(endpoint.values("acme", "nginx", 0), ["a", "b"]);
}

#[test]
fn a_request_that_is_not_durable_in_time_is_answered_7_and_may_be_stored_later() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let produce = Produce { timeout_ms: 500, ..Produce::one("nginx", 0, batch(&["late"])) };
    client.send(&produce.request());
    endpoint.pass(Duration::from_millis(499));
    assert_eq!(client.replies(), []);
    endpoint.pass(Duration::from_millis(1));
    assert_eq!(errors(&mut client), [(7, -1)]);

    endpoint.commit();
    assert_eq!(client.replies(), [], "it has been answered");
    assert_eq!(endpoint.values("acme", "nginx", 0), ["late"]);
    assert_eq!(endpoint.refusals(), [(Code::ProduceTimeout, 1)].into());
    // The connection goes on as if nothing had been.
    client.send(&Produce::one("nginx", 0, batch(&["next"])).request());
    endpoint.commit();
    assert_eq!(errors(&mut client), [(0, 1)]);
    assert_eq!(endpoint.refusals(), [(Code::ProduceTimeout, 1)].into());
}

#[test]
fn a_completion_for_a_connection_that_is_gone_is_harmless() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    client.send(&Produce::one("nginx", 0, batch(&["x"])).request());
    drop(client);
    assert_eq!(endpoint.engine.connections(), 0);
    endpoint.commit();
    assert_eq!(endpoint.all_values(), ["x"]);
    assert_eq!(endpoint.engine.budget().used_bytes(), 0);
}

#[test]
fn with_a_batch_is_stored_who_sent_it_when_and_in_which_form() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    endpoint.pass(Duration::from_millis(1_234));
    let sent = batch(&["{}"]);
    let produce = Produce::one("nginx", 0, sent.clone()).with("nginx.json", 0, sent.clone());
    client.send(&produce.request());
    endpoint.commit();
    let stored = endpoint.stored("acme", "nginx", 0);
    for stored in &stored {
        assert_eq!((stored.peer, &stored.client_id[..]), (PEER, &b"test-client"[..]));
        assert_eq!(stored.append_time_ms, START_MS + 1_234);
        assert_eq!(stored.batch, sent, "byte for byte");
    }
    assert_eq!(stored.iter().map(|stored| stored.form).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_client_of_ipv4_is_stored_as_such_on_a_listener_for_both() {
    let endpoint = Endpoint::new();
    let mapped = "::ffff:192.0.2.7".parse().expect("an address");
    let mut client = endpoint.try_connect(mapped).expect("let in");
    client.log_in(ACME);
    client.send(&Produce::one("nginx", 0, batch(&["x"])).request());
    endpoint.commit();
    assert_eq!(endpoint.stored("acme", "nginx", 0)[0].peer, PEER);
}

#[test]
fn a_long_client_id_is_cut_before_it_is_stored_with_every_batch() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    client.client_id = "c".repeat(30_000);
    client.send(&Produce::one("nginx", 0, batch(&["x"]).repeat(3)).request());
    endpoint.commit();
    for stored in endpoint.stored("acme", "nginx", 0) {
        assert_eq!(stored.client_id, "c".repeat(CLIENT_ID_BYTES_MAX));
    }
}
