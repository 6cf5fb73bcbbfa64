//! A server that is told to stop finishes what it began.

use std::io::Read as _;
use std::net::TcpStream;
use std::thread;

use bytes::Bytes;
use logboom_tests::{Client, Config, Server, Site, batch, eventually};
use rustix::process::Signal;

use super::acme;
use super::load::{Board, Producer, TARGET};

/// What the log says when a stop begins.
const STOPPING: &str = "stopping after finishing what was accepted";

#[test]
fn a_stop_under_load_answers_everything_that_is_stored_and_resets_no_connection() {
    let site = site();
    let server = site.serve();
    let board = Board::default();
    let producers = [("first", 0), ("second", 1), ("third", 1)]
        .map(|(name, shard)| (Producer::plain(name, shard), server.public(&site).login(&acme())));
    thread::scope(|scope| {
        for (mut producer, mut client) in producers {
            let board = &board;
            scope.spawn(move || {
                let _error = producer.run(&mut client, board);
                client.expect_end();
            });
        }
        board.wait_for_more(200);
        let _events = server.stop();
    });
    let logs = site.read(TARGET);
    board.check(&logs);
    board.check_nothing_else(&logs);
}

#[test]
fn requests_that_were_sent_before_the_stop_are_answered() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    let requests: Vec<_> =
        (0..20).map(|number| client.encode_batch("web", 0, batch([number.to_string()]))).collect();
    // Together they are one TLS record: with the first answer the server has all of them.
    client.send_bytes(&requests.concat()).expect("the connection lives");
    assert_eq!(client.receive_offset().expect("an answer"), Ok(0));
    server.signal(Signal::INT);
    for offset in 1..20 {
        assert_eq!(client.receive_offset().expect("an answer"), Ok(offset));
    }
    client.expect_end();
    drop(client);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_request_that_has_begun_to_arrive_is_waited_for_and_nobody_new_is_let_in() {
    let site = site();
    let server = site.serve();
    let (mut client, rest) = begin(&server, &site);
    server.signal(Signal::TERM);
    let _event = server.wait_for_message(STOPPING);
    // The listener goes a moment after the event.
    let connect = || TcpStream::connect(server.addresses()[0]);
    let _refused = eventually("a closed listener", || connect().err());
    client.send_bytes(&rest).expect("the connection lives");
    assert_eq!(client.receive_offset().expect("an answer"), Ok(1));
    client.expect_end();
    drop(client);
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(site.read(TARGET).len(), 2);
}

#[test]
fn a_stop_ends_connections_in_every_phase_in_order() {
    let site = site();
    let server = site.serve();
    let mut silent = server.public(&site).tcp();
    let mut secured = server.public(&site).connect();
    let mut begun = server.public(&site).connect();
    begun.api_versions().expect("an answer");
    let mut idle = server.public(&site).login(&acme());
    server.signal(Signal::TERM);
    assert_eq!(silent.read(&mut [0; 100]).expect("an end in order"), 0);
    drop(silent);
    for client in [&mut secured, &mut begun, &mut idle] {
        client.expect_end();
    }
    drop((secured, begun, idle));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_stops_at_once() {
    let site = site();
    let server = site.serve();
    let _begun = begin(&server, &site);
    server.signal(Signal::TERM);
    let _event = server.wait_for_message(STOPPING);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(site.read(TARGET).len(), 1);
}

#[test]
fn what_takes_longer_than_the_drain_timeout_is_closed() {
    let site = Site::new(crate::PROGRAM, &Config::with_limit("drain_timeout", "\"100ms\""));
    let server = site.serve();
    let (mut client, _rest) = begin(&server, &site);
    server.signal(Signal::TERM);
    client.wait_for_any_end();
    drop(client);
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(site.read(TARGET).len(), 1);
}

#[test]
fn quit_stops_at_once_and_a_terminal_that_goes_away_stops_a_demo() {
    let site = site();
    let server = site.serve();
    server.signal(Signal::QUIT);
    assert_eq!(server.wait().signal(), Some(Signal::QUIT.as_raw()));

    let demo = Site::empty(crate::PROGRAM);
    let server = demo.serve_demo();
    server.signal(Signal::HUP);
    assert_eq!(server.wait().code(), Some(0));
}

/// A directory with a configuration in which time is as it comes.
fn site() -> Site {
    Site::new(crate::PROGRAM, &Config { limits: Vec::new(), ..Config::default() })
}

/// A client of which the server has got one request and half of another one, and the rest of that.
fn begin(server: &Server, site: &Site) -> (Client, Bytes) {
    let mut client = server.public(site).login(&acme());
    let whole = client.encode_batch("web", 0, batch(["whole"]));
    let mut half = client.encode_batch("web", 0, batch(["begun"]));
    let rest = half.split_off(half.len() / 2);
    // Together they are one TLS record: with the answer to the first the server has all of it.
    client.send_bytes(&[whole, half].concat()).expect("the connection lives");
    assert_eq!(client.receive_offset().expect("an answer"), Ok(0));
    (client, rest)
}
