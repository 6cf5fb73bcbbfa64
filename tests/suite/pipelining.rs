//! A client that pipelines without pause sees a clean end when the server stops, and never a reset.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use logboom_tests::{Client, Config, Site, batch, eventually};
use rustix::process::Signal;

use super::acme;
use super::load::TARGET;

/// A plain close would have reset each of so many connections, as was measured.
const STOPS: usize = 20;
/// Requests of one client that are always on their way: more than the server reads at once.
const IN_FLIGHT: usize = 100;
/// Answers that every client has before the server stops.
const ANSWERS: usize = 150;
/// Requests that a client sends after it was told that the connection is over.
const LATE: usize = 50;

#[test]
fn clients_that_pipeline_without_pause_see_a_clean_end_in_every_stop() {
    let site = Site::new(crate::PROGRAM, &Config { limits: Vec::new(), ..Config::default() });
    let mut answered = BTreeSet::new();
    for stop in 0..STOPS {
        let server = site.serve();
        let clients = [
            (0, server.public(&site).login(&acme())),
            (1, server.public(&site).login(&acme())),
            (2, server.internal().login(&acme())),
            (3, server.internal().login(&acme())),
        ];
        let counts = [const { AtomicUsize::new(0) }; 4];
        thread::scope(|scope| {
            let running = clients.map(|(shard, mut client)| {
                let count = &counts[shard];
                scope.spawn(move || pipeline(&mut client, shard, count))
            });
            for (count, client) in counts.iter().zip(&running) {
                eventually("answers", || {
                    let enough = count.load(Ordering::Relaxed) >= ANSWERS;
                    (enough || client.is_finished()).then_some(())
                });
            }
            server.signal(Signal::TERM);
            for (shard, client) in running.into_iter().enumerate() {
                let offsets = client.join().unwrap_or_else(|_| panic!("shard {shard}, {stop}"));
                let shard = u64::try_from(shard).expect("a few shards");
                answered.extend(offsets.into_iter().map(|offset| (shard, offset)));
            }
        });
        assert_eq!(server.wait().code(), Some(0));
    }
    // What was received was answered, and what was not answered is not there.
    let stored: BTreeSet<_> = site.read(TARGET).iter().map(|log| (log.shard, log.offset)).collect();
    assert!(stored == answered, "{} stored, {} answered", stored.len(), answered.len());
}

/// Sends until the server ends the connection, and a little longer. Returns the offsets.
fn pipeline(client: &mut Client, shard: usize, count: &AtomicUsize) -> Vec<u64> {
    let shard = i32::try_from(shard).expect("a few shards");
    let send = |client: &mut Client| client.send_batch("web", shard, batch(["pipelined"]));
    let mut offsets = Vec::new();
    for _ in 0..IN_FLIGHT {
        send(client).expect("the connection lives");
    }
    while let Some(answer) = client.receive_offset_or_end().expect("an answer or a clean end") {
        offsets.push(answer.expect("it is stored"));
        count.fetch_add(1, Ordering::Relaxed);
        send(client).expect("nobody resets the connection");
    }
    for _ in 0..LATE {
        send(client).expect("nobody resets the connection within the linger");
    }
    client.expect_end();
    offsets
}
