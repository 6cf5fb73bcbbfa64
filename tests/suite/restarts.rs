//! A crash loses nothing that was acknowledged.

use std::thread;

use super::load::{Board, Producer, TARGET};
use super::{acme, site};

/// Crashes under load.
const CRASHES: usize = 10;
/// Acknowledged values between two of them.
const VALUES: usize = 300;

#[test]
fn what_was_acknowledged_survives_ten_crashes_and_retries_make_no_duplicates() {
    let site = site();
    let board = Board::default();
    let mut server = site.serve();
    let mut producers = {
        let mut client = server.public(&site).login(&acme());
        let mut id = || client.producer_id().expect("the connection lives");
        [
            Producer::idempotent("first", 0, id()),
            Producer::idempotent("second", 1, id()),
            Producer::plain("third", 1),
            Producer::plain("fourth", 2),
        ]
    };
    for _crash in 0..CRASHES {
        let mut clients = producers.each_ref().map(|_| server.public(&site).login(&acme()));
        thread::scope(|scope| {
            for (producer, client) in producers.iter_mut().zip(&mut clients) {
                scope.spawn(|| producer.run(client, &board));
            }
            board.wait_for_more(VALUES);
            server.kill();
        });
        server = site.serve();
        board.check(&site.read(TARGET));
    }

    let [first, second, ..] = &mut producers;
    let mut client = server.public(&site).login(&acme());
    for producer in [&mut *first, &mut *second] {
        producer.finish(&mut client, &board).expect("the connection lives");
    }
    let _events = server.stop();
    let logs = site.read(TARGET);
    board.check(&logs);
    first.check(&logs);
    second.check(&logs);
}

#[test]
fn a_producer_id_is_never_given_twice() {
    let site = site();
    let mut ids = Vec::new();
    for _start in 0..3 {
        let server = site.serve();
        let mut client = server.public(&site).login(&acme());
        for _ in 0..3 {
            ids.push(client.producer_id().expect("the connection lives"));
        }
        server.kill();
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 9, "{ids:?}");
}
