//! The memory that the requests of all connections share.

use std::time::Duration;

use logboom_conn::{CloseReason, Limits};
use logboom_engine::Code;
use logboom_store::Crash;
use proptest::prelude::*;

use crate::common::Endpoint;
use crate::common::batches::batch;
use crate::common::client::Client;
use crate::common::requests::Produce;
use crate::common::setup::{ACME, Setup};

const KIB: usize = 1024;

/// A server whose requests may take so much memory together, and 100 KiB each.
fn endpoint(bytes_max: usize) -> Endpoint {
    let mut setup = Setup {
        connection: Limits {
            frame_bytes_max: 100 * KIB,
            bytes_in_flight_max: 100 * KIB,
            ..Limits::default()
        },
        ..Setup::default()
    };
    setup.engine.request_bytes_in_flight_max = bytes_max;
    Endpoint::with(setup)
}

/// A Produce request of about so many bytes, as it goes over the wire.
fn frame(bytes: usize) -> Vec<u8> {
    let value = "x".repeat(bytes - 200);
    Produce::one("nginx", 0, batch(&[&value])).request().frame(1, "test-client")
}

/// A client that has sent the beginning of a large request.
fn began(endpoint: &Endpoint, bytes: usize) -> Client {
    let mut client = endpoint.client(ACME);
    client.send_bytes(&frame(bytes)[..8 * KIB]);
    client
}

fn used(endpoint: &Endpoint) -> usize {
    endpoint.engine.budget().used_bytes()
}

fn waiting(endpoint: &Endpoint) -> usize {
    endpoint.engine.budget().waiting()
}

#[test]
fn memory_is_taken_before_a_body_is_read_and_given_back_with_the_answer() {
    let endpoint = endpoint(300 * KIB);
    let mut client = began(&endpoint, 90 * KIB);
    let sent = frame(90 * KIB);
    assert_eq!(used(&endpoint), sent.len() - 4);
    client.send_bytes(&sent[8 * KIB..]);
    assert_eq!(used(&endpoint), sent.len() - 4);
    endpoint.commit();
    assert_eq!(client.outcomes(9)[0].error, 0);
    assert_eq!(used(&endpoint), 0);
}

#[test]
fn without_memory_nothing_is_read_until_there_is() {
    let endpoint = endpoint(200 * KIB);
    let mut holders = [began(&endpoint, 80 * KIB), began(&endpoint, 80 * KIB)];
    let mut client = endpoint.client(ACME);
    client.send_bytes(&frame(80 * KIB));
    assert_eq!(waiting(&endpoint), 1);
    assert!(client.unsent() > 50 * KIB, "only the staging buffer was filled");
    assert_eq!(endpoint.refusals(), [].into());

    holders[0].send_bytes(&frame(80 * KIB)[8 * KIB..]);
    endpoint.commit();
    holders[0].replies();
    client.run();
    assert_eq!((waiting(&endpoint), client.unsent()), (0, 0));
    endpoint.commit();
    assert_eq!(client.outcomes(9)[0].error, 0);
}

#[test]
fn a_small_request_does_not_overtake_a_large_one_that_waits() {
    let endpoint = endpoint(200 * KIB);
    let holder = began(&endpoint, 90 * KIB);
    let other = began(&endpoint, 90 * KIB);
    let mut large = endpoint.client(ACME);
    large.send_bytes(&frame(95 * KIB));
    let mut small: Vec<Client> = (0..10).map(|_| endpoint.client(ACME)).collect();
    for client in &mut small {
        client.send_bytes(&frame(KIB));
    }
    assert_eq!(waiting(&endpoint), 11);
    endpoint.commit();
    assert!(small.iter_mut().all(|client| client.replies().is_empty()));

    drop(holder);
    large.run();
    assert_eq!(large.unsent(), 0, "the large one was first");
    small.iter_mut().for_each(Client::run);
    endpoint.commit();
    assert_eq!(large.outcomes(9)[0].error, 0);
    for client in &mut small {
        assert_eq!(client.outcomes(9)[0].error, 0);
    }
    assert_eq!(waiting(&endpoint), 0);
    drop(other);
    assert_eq!(used(&endpoint), 0);
}

#[test]
fn who_leaves_the_line_lets_those_behind_move_up() {
    let endpoint = endpoint(200 * KIB);
    let _holders = [began(&endpoint, 90 * KIB), began(&endpoint, 90 * KIB)];
    for leave in [|client: Client| drop(client), |client: Client| drop(client.close())] {
        let mut large = endpoint.client(ACME);
        large.send_bytes(&frame(95 * KIB)[..8 * KIB]);
        let mut small = endpoint.client(ACME);
        small.send_bytes(&frame(2 * KIB));
        assert_eq!(waiting(&endpoint), 2);
        leave(large);
        // Nobody has given anything back, and there is room for the small one.
        assert_eq!(waiting(&endpoint), 0);
        small.run();
        endpoint.commit();
        assert_eq!(small.outcomes(9)[0].error, 0);
    }
}

#[test]
fn a_request_above_the_whole_budget_blocks_nobody_and_times_out() {
    let endpoint = endpoint(50 * KIB);
    let mut large = endpoint.client(ACME);
    large.send_bytes(&frame(90 * KIB));
    let mut small = endpoint.client(ACME);
    small.send_bytes(&frame(2 * KIB));
    endpoint.commit();
    assert_eq!(small.outcomes(9)[0].error, 0);
    assert_eq!((waiting(&endpoint), large.closed()), (0, None));
    endpoint.pass(Limits::default().memory_timeout);
    large.run();
    assert_eq!(large.closed(), Some(&CloseReason::MemoryTimeout));
    assert_eq!(endpoint.refusals(), [(Code::MemoryTimeout, 1)].into());
}

#[test]
fn who_waits_too_long_is_closed_counted_and_forgotten() {
    let endpoint = endpoint(100 * KIB);
    let _holder = began(&endpoint, 90 * KIB);
    let mut client = endpoint.client(ACME);
    client.send_bytes(&frame(90 * KIB));
    endpoint.pass(Limits::default().memory_timeout - Duration::from_millis(1));
    client.run();
    assert_eq!(client.closed(), None);
    endpoint.pass(Duration::from_millis(1));
    client.run();
    assert_eq!(client.closed(), Some(&CloseReason::MemoryTimeout));
    assert_eq!(endpoint.refusals(), [(Code::MemoryTimeout, 1)].into());
    assert_eq!(waiting(&endpoint), 0);
}

#[test]
fn an_abort_gives_everything_back() {
    let endpoint = endpoint(200 * KIB);
    let mut clients: Vec<Client> = (0..5).map(|_| began(&endpoint, 90 * KIB)).collect();
    assert!(used(&endpoint) > 0 && waiting(&endpoint) == 3);
    endpoint.engine.abort();
    for client in &mut clients {
        client.run();
    }
    assert_eq!((used(&endpoint), waiting(&endpoint)), (0, 0));
}

#[test]
fn memory_that_was_granted_and_not_fetched_is_given_back_with_the_connection() {
    let endpoint = endpoint(100 * KIB);
    let mut client = endpoint.client(ACME);
    let small = frame(KIB);
    client.send_bytes(&small);
    let holder = began(&endpoint, 90 * KIB);
    client.send_bytes(&frame(90 * KIB));
    drop(holder);
    assert!(used(&endpoint) > 90_000, "it lies in the inbox of the client");
    drop(client);
    assert_eq!(used(&endpoint), small.len() - 4, "the store still has the small one");
}

#[test]
fn requests_that_the_store_holds_count_although_their_connection_is_gone() {
    let endpoint = endpoint(100 * KIB);
    let mut client = endpoint.client(ACME);
    client.send_bytes(&frame(90 * KIB));
    drop(client);
    assert!(used(&endpoint) > 90_000);
    endpoint.commit();
    assert_eq!(used(&endpoint), 0);
    assert_eq!(endpoint.restart(Crash::LoseUnsynced).all_values().len(), 1);
}

/// What one of many clients does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Send { client: usize, bytes: usize },
    Run { client: usize },
    Leave { client: usize },
    Commit,
}

fn any_step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        6 => (client.clone(), 300..99 * KIB)
            .prop_map(|(client, bytes)| Step::Send { client, bytes }),
        3 => client.clone().prop_map(|client| Step::Run { client }),
        1 => client.prop_map(|client| Step::Leave { client }),
        3 => Just(Step::Commit),
    ]
}

const CLIENTS: usize = 12;
const BYTES_MAX: usize = 250 * KIB;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn many_connections_with_large_requests_never_exceed_it_and_all_are_answered(
        steps in prop::collection::vec(any_step(), 1..80),
    ) {
        let mut setup = Setup { disk_bytes: 1 << 30, ..Setup::default() };
        setup.connection.frame_bytes_max = 100 * KIB;
        setup.connection.bytes_in_flight_max = 200 * KIB;
        setup.engine.request_bytes_in_flight_max = BYTES_MAX;
        let endpoint = Endpoint::with(setup);
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| endpoint.client(ACME)).collect();
        let mut unanswered = [0; CLIENTS];
        for step in steps {
            match step {
                Step::Send { client, bytes } => {
                    clients[client].send_bytes(&frame(bytes));
                    unanswered[client] += 1;
                }
                Step::Run { client } => unanswered[client] -= clients[client].replies().len(),
                Step::Leave { client } => {
                    clients[client] = endpoint.client(ACME);
                    unanswered[client] = 0;
                }
                Step::Commit => endpoint.commit(),
            }
            prop_assert!(used(&endpoint) <= BYTES_MAX);
        }
        // Whoever is first in line is served: every round brings somebody forward.
        let mut rounds = 0;
        while unanswered.iter().sum::<usize>() > 0 {
            endpoint.commit();
            for (client, unanswered) in clients.iter_mut().zip(&mut unanswered) {
                *unanswered -= client.replies().len();
                prop_assert!(used(&endpoint) <= BYTES_MAX);
            }
            rounds += 1;
            prop_assert!(rounds <= 200, "{unanswered:?}, {} wait", waiting(&endpoint));
        }
        // What those who left had sent.
        endpoint.commit();
        prop_assert_eq!((used(&endpoint), waiting(&endpoint)), (0, 0));
    }
}
