//! How connections and servers end, on real sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use logboom_sans_io::testing::{Closed, Frames};

use crate::Adapter;
use crate::host::Host as _;
use crate::host::toy::{Server, Setup, exchange, expect, read_to_end};

#[test]
fn a_shutdown_ends_with_the_last_connection() {
    let mut server = Server::start();
    let mut stream = server.connect();
    exchange(&mut stream, b"hello");
    server.shutdown.trigger();
    // The listener is gone as soon as a connection is refused; the open one is served on.
    while TcpStream::connect(server.addresses[0]).is_ok() {}
    exchange(&mut stream, b"still here");
    server.drain();
    assert_eq!(read_to_end(&mut stream), b"");
    drop(stream);
    server.join();
    assert!(server.wait_for(|_| true).endings.contains(&Ok(Closed::Drained)));
}

#[test]
fn a_server_without_connections_shuts_down_at_once() {
    let mut server = Server::start();
    server.shutdown.trigger();
    server.join();
}

#[test]
fn a_server_that_is_shut_down_before_it_starts_ends_at_once() {
    struct Nobody;
    impl logboom_sans_io::Service for Nobody {
        type Machine = crate::host::toy::Boxed;
        type Session = crate::host::toy::ToySession;
        fn accept(
            &self,
            _: usize,
            _: std::net::SocketAddr,
            _: std::time::Instant,
        ) -> Option<logboom_sans_io::Accepted<Self::Machine, Self::Session>> {
            None
        }
        fn accept_failed(&self, _: usize, _: &std::io::Error) {}
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let shutdown = logboom_sans_io::Shutdown::new();
    shutdown.trigger();
    Adapter::serve(vec![listener], Arc::new(Nobody), shutdown.clone()).expect("nothing to serve");
    Adapter::serve(Vec::new(), Arc::new(Nobody), shutdown).expect("nothing to serve");
}

#[test]
fn a_drained_server_answers_what_it_has_read_and_ends_in_order() {
    let mut server = Server::start_with(Setup { holds: true, ..Setup::default() });
    let mut streams: Vec<_> = (0..50).map(|_| server.connect()).collect();
    let frames = Frames::encode(b"hello").repeat(4);
    streams.iter_mut().for_each(|stream| stream.write_all(&frames).expect("the server reads"));
    drop(server.wait_for(|seen| seen.frames == 200));
    server.drain();
    server.release();
    for stream in &mut streams {
        assert!(read_to_end(stream) == frames);
    }
    drop(streams);
    server.join();
    let seen = server.wait_for(|_| true);
    assert_eq!(seen.endings, vec![Ok(Closed::Drained); 50]);
}

#[test]
fn a_peer_that_pipelines_without_pause_sees_an_end_and_no_reset() {
    for _ in 0..20 {
        let server = Server::start();
        let mut stream = server.connect();
        exchange(&mut stream, b"hello");
        let mut writer = stream.try_clone().expect("a second handle");
        let writing = thread::Builder::new();
        let writing = writing.spawn(move || {
            let frames = Frames::encode(&[6; 1_000]).repeat(50);
            // Until the other side is gone for good, long after its end was seen.
            while writer.write_all(&frames).is_ok() {}
        });
        let writing = writing.expect("a thread");
        expect(&mut stream, &Frames::encode(&[6; 1_000]));
        server.drain();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("an end in order");
        stream.shutdown(Shutdown::Both).expect("an open connection");
        writing.join().expect("the writer ends");
        assert!(rest.chunks(1_004).all(|frame| frame == Frames::encode(&[6; 1_000])));
    }
}

#[test]
fn a_frame_that_is_cut_by_a_drain_is_no_reset_either() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(&Frames::encode(b"whole")).expect("the server reads");
    expect(&mut stream, &Frames::encode(b"whole"));
    stream.write_all(&Frames::encode(&[1; 5_000])[..2_000]).expect("the server reads");
    server.drain();
    assert_eq!(read_to_end(&mut stream), b"");
    drop(stream);
    assert_eq!(server.ending(), Ok(Closed::Drained));
}

#[test]
fn what_is_sent_after_the_end_is_read_and_thrown_away() {
    let server = Server::start();
    let mut stream = server.connect();
    exchange(&mut stream, b"hello");
    server.drain();
    assert_eq!(read_to_end(&mut stream), b"");
    // The server lingers, so these arrive at a socket that is open.
    for _ in 0..50 {
        stream.write_all(&[7; 1_000]).expect("the server still reads");
    }
    assert_eq!(stream.read(&mut [0]).expect("no reset"), 0);
    stream.shutdown(Shutdown::Write).expect("an open connection");
    assert_eq!(server.ending(), Ok(Closed::Drained));
}

#[test]
fn a_listener_is_closed_when_its_server_has_ended() {
    let mut server = Server::start();
    let address = server.addresses[0];
    exchange(&mut server.connect(), b"hello");
    server.drain();
    server.join();
    let refused = TcpStream::connect(address).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    drop(TcpListener::bind(address).expect("the address is free"));
}
