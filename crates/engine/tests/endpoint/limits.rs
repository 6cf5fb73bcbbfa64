//! What one client can make the server do, at most.

use std::net::{IpAddr, Ipv4Addr};

use logboom_conn::{AbortReason, CloseReason};
use logboom_engine::{
    Code, ConnectionLimits, DECOMPRESSION_PER_REQUEST_MAX, REFUSALS_EXPLAINED_MAX,
};
use logboom_wire::records::Codec;

use crate::common::batches::{batch, zeros};
use crate::common::requests::Produce;
use crate::common::setup::{ACME, Setup};
use crate::common::{Endpoint, PEER};

fn endpoint(all: usize, per_address: usize, before_login: usize) -> Endpoint {
    let mut setup = Setup::default();
    setup.engine.connections = ConnectionLimits {
        connections_max: all,
        connections_per_address_max: per_address,
        connections_before_login_max: before_login,
    };
    Endpoint::with(setup)
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(198, 51, 100, last).into()
}

#[test]
fn beyond_a_limit_connections_are_refused_and_counted() {
    let endpoint = endpoint(3, 2, 100);
    let first = endpoint.connect();
    let _second = endpoint.connect();
    assert!(endpoint.try_connect(PEER).is_none());
    assert_eq!(endpoint.refusals(), [(Code::AddressLimit, 1)].into());
    let _third = endpoint.try_connect(address(1)).expect("another address");
    assert!(endpoint.try_connect(address(2)).is_none());
    assert_eq!(endpoint.refusals()[&Code::ConnectionLimit], 1);
    assert_eq!(endpoint.engine.connections(), 3);

    assert_eq!(first.close(), CloseReason::PeerClosed);
    assert!(endpoint.try_connect(address(2)).is_some(), "its place is free");
    let counters = endpoint.engine.counters();
    assert_eq!(counters.connections_accepted.get(), 4);
}

#[test]
fn strangers_do_not_take_the_places_of_those_who_log_in() {
    let endpoint = endpoint(100, 100, 2);
    let mut clients: Vec<_> = (0..5).map(|_| endpoint.client(ACME)).collect();
    let _strangers = [endpoint.connect(), endpoint.connect()];
    assert!(endpoint.try_connect(PEER).is_none());
    for client in &mut clients {
        assert_eq!(client.metadata_error("nginx"), 0);
    }
    // Neither the end of a client nor that of a stranger is counted for the other.
    clients.pop();
    assert!(endpoint.try_connect(PEER).is_none());
    drop(_strangers);
    assert!(endpoint.try_connect(PEER).is_some());
}

#[test]
fn a_connection_that_its_host_drops_leaves_no_trace_but_in_the_history() {
    let endpoint = endpoint(1, 1, 1);
    for logged_in in [false, true] {
        let mut client = endpoint.connect();
        if logged_in {
            client.log_in(ACME);
            client.send(&Produce::one("nginx", 0, batch(&["x"])).request());
        }
        drop(client);
        assert_eq!(endpoint.engine.connections(), 0);
    }
    let counters = endpoint.engine.counters();
    assert_eq!(counters.connections_accepted.get(), 2);
    assert_eq!(counters.connections_closed.get(), 2);
    for closed in endpoint.engine.history().snapshot() {
        let reason = CloseReason::Aborted(AbortReason::Other("dropped by its host".into()));
        assert_eq!(closed.reason, Some(reason));
    }
    assert_eq!(endpoint.refusals(), [].into());
}

/// A request of so many equal batches in partitions of their own.
fn bombs(count: usize, bytes: usize) -> Produce {
    let bomb = zeros(bytes, Codec::Zstd);
    (0..count).fold(Produce::new(), |produce, _| produce.with("nginx", 0, bomb.clone()))
}

#[test]
fn a_small_request_decompresses_to_no_more_than_one_batch_may() {
    const BYTES: usize = 100_000;
    let mut setup = Setup::default();
    setup.engine.batches.decompressed_bytes_max = 3 * BYTES + 1_000;
    let endpoint = Endpoint::with(setup);
    let mut client = endpoint.client(ACME);
    let produce = bombs(5, BYTES);
    client.send(&produce.request());
    endpoint.commit();
    let outcomes = client.outcomes(produce.version);
    let errors: Vec<i16> = outcomes.iter().map(|outcome| outcome.error).collect();
    assert_eq!(errors, [0, 0, 0, 10, 10]);
    let words = outcomes[3].message.as_deref().expect("words");
    assert!(words.contains("the request has more than 301000 bytes"), "{words}");
    assert_eq!(endpoint.refusals(), [(Code::BatchTooLarge, 2)].into());
    // The next request has an allowance of its own.
    client.send(&bombs(2, BYTES).request());
    endpoint.commit();
    assert!(client.outcomes(9).iter().all(|outcome| outcome.error == 0));
}

#[test]
fn a_large_request_decompresses_to_a_multiple_of_its_size() {
    const BYTES: usize = 100_000;
    let mut setup = Setup::default();
    setup.engine.batches.decompressed_bytes_max = 2 * BYTES;
    let endpoint = Endpoint::with(setup);
    let mut client = endpoint.client(ACME);
    let ballast = "x".repeat(60_000);
    let allowed = 60_000 * DECOMPRESSION_PER_REQUEST_MAX / BYTES;
    let produce = bombs(allowed + 1, BYTES).with("audit", 0, batch(&[&ballast]));
    client.send(&produce.request());
    endpoint.commit();
    let errors: Vec<i16> = client.outcomes(9).iter().map(|outcome| outcome.error).collect();
    assert_eq!(errors, [vec![0; allowed], vec![10, 0]].concat());
}

#[test]
fn of_many_refused_partitions_the_first_ones_are_explained() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let count = 3 * REFUSALS_EXPLAINED_MAX;
    let produce = (0..count).fold(Produce::new(), |produce, _| produce.with_null("ngnix", 0));
    let outcomes = client.refused(&produce);
    let explained = |message: &Option<String>| {
        message.as_deref().is_some_and(|message| message.contains("did you mean nginx?"))
    };
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.error, 3);
        assert_eq!(explained(&outcome.message), number < REFUSALS_EXPLAINED_MAX);
        let title = Code::UnknownLogstore.title();
        assert!(outcome.message.as_deref().is_some_and(|text| text.starts_with(title)));
    }
    assert_eq!(endpoint.refusals(), [(Code::UnknownLogstore, count as u64)].into());
    endpoint.logs.line(&["LB0521"]);
}
