//! Idempotent producers: what is sent twice is stored once.

use logboom_engine::Code;
use logboom_store::{Crash, Fault, OperationKind};

use crate::common::Endpoint;
use crate::common::batches::stamped;
use crate::common::client::{Client, Outcome};
use crate::common::requests::Produce;
use crate::common::setup::ACME;

/// Sends a batch of a producer and returns the error and the offset it is answered with.
fn send(endpoint: &Endpoint, client: &mut Client, batch: Vec<u8>) -> (i16, i64) {
    client.send(&Produce::one("nginx", 0, batch).request());
    endpoint.commit();
    let Outcome { error, base_offset, .. } = client.outcomes(9).remove(0);
    (error, base_offset)
}

#[test]
fn every_producer_gets_an_id_of_its_own() {
    let endpoint = Endpoint::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut client = endpoint.client(ACME);
        for _ in 0..3 {
            let answer = client.producer_id();
            assert_eq!((answer.error_code, answer.producer_epoch), (0, 0));
            ids.push(answer.producer_id.0);
        }
    }
    let endpoint = endpoint.restart(Crash::LoseUnsynced);
    ids.push(endpoint.client(ACME).producer_id().producer_id.0);
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    assert!(ids[0] > 0);
}

#[test]
fn a_batch_that_is_sent_again_has_the_first_offset_and_is_stored_once() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let id = client.producer_id().producer_id.0;
    let first = || stamped(&["one", "two"], id, 0, 0);
    let second = || stamped(&["three"], id, 0, 2);
    assert_eq!(send(&endpoint, &mut client, first()), (0, 0));
    assert_eq!(send(&endpoint, &mut client, second()), (0, 2));
    // Also over another connection, as after a network error.
    let mut again = endpoint.client(ACME);
    assert_eq!(send(&endpoint, &mut again, first()), (0, 0));
    assert_eq!(send(&endpoint, &mut again, second()), (0, 2));
    assert_eq!(endpoint.values("acme", "nginx", 0), ["one", "two", "three"]);

    let counters = endpoint.engine.counters();
    assert_eq!((counters.batches_stored.get(), counters.duplicates.get()), (2, 2));
    assert_eq!(counters.records_stored.get(), 3);
    assert_eq!(counters.bytes_stored.get(), (first().len() + second().len()) as u64);
    assert_eq!(endpoint.refusals(), [].into());
}

#[test]
fn two_copies_in_one_group_are_stored_once() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let produce = Produce::one("nginx", 0, stamped(&["once"], 5, 0, 0));
    client.send(&produce.request());
    client.send(&produce.request());
    endpoint.commit();
    for reply in client.replies() {
        assert_eq!(reply.outcomes(9)[0].base_offset, 0);
    }
    assert_eq!(endpoint.values("acme", "nginx", 0), ["once"]);
}

#[test]
fn the_memory_of_producers_survives_a_crash() {
    for crash in [Crash::Kill, Crash::LoseUnsynced, Crash::KeepUnsynced, Crash::Tear(7)] {
        let endpoint = Endpoint::new();
        let mut client = endpoint.client(ACME);
        let id = client.producer_id().producer_id.0;
        let batch = |sequence| stamped(&["x"], id, 1, sequence);
        for sequence in 0..3 {
            assert_eq!(send(&endpoint, &mut client, batch(sequence)), (0, i64::from(sequence)));
        }
        drop(client);

        let endpoint = endpoint.restart(crash);
        let mut client = endpoint.client(ACME);
        assert_eq!(send(&endpoint, &mut client, batch(2)), (0, 2), "{crash:?}");
        assert_eq!(send(&endpoint, &mut client, batch(4)), (45, -1));
        assert_eq!(send(&endpoint, &mut client, stamped(&["x"], id, 0, 3)), (47, -1));
        assert_eq!(send(&endpoint, &mut client, batch(3)), (0, 3));
        assert_eq!(endpoint.values("acme", "nginx", 0).len(), 4);
        assert_eq!(endpoint.refusals(), [(Code::Sequence, 2)].into());
    }
}

#[test]
fn a_batch_whose_fate_a_crash_left_open_is_stored_once_when_it_is_sent_again() {
    for crash in [Crash::LoseUnsynced, Crash::KeepUnsynced, Crash::Tear(1), Crash::Tear(2)] {
        let endpoint = Endpoint::new();
        let mut client = endpoint.client(ACME);
        let batch = |sequence| stamped(&["once"], 9, 0, sequence);
        assert_eq!(send(&endpoint, &mut client, batch(0)), (0, 0));
        // The power goes when the second one is written and not yet synced.
        endpoint.disk.set_hook(Box::new(|operation| {
            (operation.kind == OperationKind::Sync).then_some(Fault::Stop)
        }));
        assert_eq!(send(&endpoint, &mut client, batch(1)), (56, -1));

        let endpoint = endpoint.restart(crash);
        let mut client = endpoint.client(ACME);
        assert_eq!(send(&endpoint, &mut client, batch(1)), (0, 1), "{crash:?}");
        assert_eq!(endpoint.values("acme", "nginx", 0), ["once"; 2], "{crash:?}");
    }
}

/// Clients number their batches for each topic and partition, and `nginx.json` is another topic than
/// `nginx`, although it is the same shard.
#[test]
fn every_topic_and_shard_has_a_sequence_of_its_own() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let id = client.producer_id().producer_id.0;
    let partitions = [("nginx", 0), ("nginx.json", 0), ("nginx", 1), ("audit", 0)];
    let send = |client: &mut Client, base_sequence| {
        let batch = || stamped(&["x"], id, 0, base_sequence);
        let produce = partitions
            .iter()
            .fold(Produce::new(), |produce, (topic, index)| produce.with(topic, *index, batch()));
        client.send(&produce.request());
        endpoint.commit();
        let outcomes = client.outcomes(9);
        outcomes.iter().map(|outcome| (outcome.error, outcome.base_offset)).collect::<Vec<_>>()
    };
    let first = [(0, 0), (0, 1), (0, 0), (0, 0)];
    assert_eq!(send(&mut client, 0), first);
    assert_eq!(send(&mut client, 0), first, "again");
    assert_eq!(send(&mut client, 1), [(0, 2), (0, 3), (0, 1), (0, 1)]);
    assert_eq!(endpoint.all_values().len(), 8);
}

#[test]
fn a_producer_id_that_cannot_have_been_given_out_is_refused() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let produce = Produce::one("nginx", 0, stamped(&["x"], i64::MAX / 2 + 1, 0, 0));
    assert_eq!(client.refused(&produce)[0].error, 59);
    assert_eq!(endpoint.refusals(), [(Code::Sequence, 1)].into());
    assert_eq!(send(&endpoint, &mut client, stamped(&["x"], i64::MAX / 2, 0, 0)), (0, 0));
}
