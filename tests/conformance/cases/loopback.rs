//! Connections that live, on real sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use logboom_sans_io::testing::{Closed, Frames, WINDOW_FRAMES};

use crate::host::toy::{Server, Setup, connect, exchange, expect, read_to_end};

#[test]
fn two_hundred_connections_are_served_at_once() {
    let mut server = Server::start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut streams: Vec<TcpStream> = (0..25).map(|_| server.connect()).collect();
                for round in 1..6 {
                    streams
                        .iter_mut()
                        .for_each(|stream| exchange(stream, &[7; 3_000][..600 * round]));
                }
            });
        }
    });
    drop(server.wait_for(|seen| seen.endings.len() == 200));
    server.drain();
    server.join();
    let seen = server.wait_for(|_| true);
    assert!(seen.endings.iter().all(|ending| *ending == Ok(Closed::PeerClosed)));
}

#[test]
fn a_thousand_connections_come_and_go_one_after_another() {
    let server = Server::start();
    for _ in 0..1_000 {
        exchange(&mut server.connect(), b"hello");
    }
    drop(server.wait_for(|seen| seen.endings.len() == 1_000));
}

#[test]
fn connections_that_end_at_once_are_ends_in_order() {
    let server = Server::start();
    (0..100).for_each(|_| drop(server.connect()));
    let seen = server.wait_for(|seen| seen.endings.len() == 100);
    assert!(seen.endings.iter().all(|ending| *ending == Ok(Closed::PeerClosed)));
}

#[test]
fn what_is_put_off_until_the_host_is_idle_is_not_put_off_for_ever() {
    let server = Server::start_with(Setup { answers_when_idle: true, ..Setup::default() });
    let mut streams: Vec<TcpStream> = (0..10).map(|_| server.connect()).collect();
    for round in 1..20 {
        streams.iter_mut().for_each(|stream| exchange(stream, &[7; 3_000][..100 * round]));
    }
    let frame = Frames::encode(b"the last words");
    for stream in &mut streams {
        stream.write_all(&frame).expect("the server reads");
        stream.shutdown(Shutdown::Write).expect("an open connection");
    }
    streams.iter_mut().for_each(|stream| assert!(read_to_end(stream) == frame));
}

#[test]
fn a_half_closed_connection_still_gets_its_answers() {
    let server = Server::start();
    let mut stream = server.connect();
    let frames = Frames::encode(&[1; 50_000]).repeat(20);
    let mut writer = stream.try_clone().expect("a second handle");
    thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&frames).expect("the server reads");
            writer.shutdown(Shutdown::Write).expect("an open connection");
        });
        assert!(read_to_end(&mut stream) == frames);
    });
    assert_eq!(server.ending(), Ok(Closed::PeerClosed));
}

#[test]
fn answers_that_come_after_the_peer_has_half_closed_are_sent() {
    let server = Server::start_with(Setup { holds: true, ..Setup::default() });
    let mut stream = server.connect();
    let frames = Frames::encode(b"late").repeat(5);
    stream.write_all(&frames).expect("the server reads");
    stream.shutdown(Shutdown::Write).expect("an open connection");
    drop(server.wait_for(|seen| seen.frames == 5));
    server.release();
    assert!(read_to_end(&mut stream) == frames);
}

#[test]
fn a_peer_that_sends_a_byte_at_a_time_is_served() {
    let server = Server::start();
    let mut stream = server.connect();
    for byte in Frames::encode(&[3; 300]) {
        stream.write_all(&[byte]).expect("the server reads");
    }
    stream.shutdown(Shutdown::Write).expect("an open connection");
    assert_eq!(read_to_end(&mut stream), Frames::encode(&[3; 300]));
}

#[test]
fn a_peer_that_reads_a_byte_at_a_time_is_served() {
    let server = Server::start();
    let mut stream = server.connect();
    let frames = Frames::encode(&[4; 900]).repeat(30);
    stream.write_all(&frames).expect("the server reads");
    let mut byte = [0];
    for expected in &frames {
        stream.read_exact(&mut byte).expect("the server answers");
        assert_eq!(byte[0], *expected);
    }
}

#[test]
fn a_peer_that_never_reads_is_not_read_either_and_loses_nothing() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.set_write_timeout(Some(Duration::from_millis(300))).expect("a valid timeout");
    let frame = Frames::encode(&[5; 60_000]);
    let mut sent = 0;
    let blocked = loop {
        match stream.write(&frame[sent % frame.len()..]) {
            Ok(n) => sent += n,
            Err(error) => break error.kind(),
        }
        let window_bytes = WINDOW_FRAMES * frame.len();
        let kernel_bytes = 64 << 20;
        assert!(sent < window_bytes + kernel_bytes, "nothing holds this peer back");
    };
    assert!(matches!(blocked, ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(sent > WINDOW_FRAMES * frame.len());
    // Others are served meanwhile.
    exchange(&mut server.connect(), b"hello");
    let rest = frame[sent % frame.len()..].to_vec();
    let mut writer = stream.try_clone().expect("a second handle");
    writer.set_write_timeout(None).expect("a valid timeout");
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(&rest).expect("the server reads again");
            writer.shutdown(Shutdown::Write).expect("an open connection");
        });
        assert!(read_to_end(&mut stream) == frame.repeat(sent.div_ceil(frame.len())));
    });
}

#[test]
fn requests_are_read_while_earlier_ones_wait_for_their_answers() {
    let server = Server::start_with(Setup { holds: true, ..Setup::default() });
    let mut stream = server.connect();
    let frames: Vec<_> = (0..20_u8).map(|number| Frames::encode(&[number; 40])).collect();
    for (sent, frame) in frames.iter().enumerate() {
        stream.write_all(frame).expect("the server reads");
        // Each reaches the application although not one is answered.
        drop(server.wait_for(|seen| seen.frames == sent + 1));
    }
    server.release();
    expect(&mut stream, &frames.concat());
}

#[test]
fn a_full_window_stops_reading_and_answers_open_it_again() {
    let server = Server::start_with(Setup { holds: true, ..Setup::default() });
    let mut stream = server.connect();
    let frames = Frames::encode(b"one of many").repeat(3 * WINDOW_FRAMES);
    stream.write_all(&frames).expect("it fits into the kernel");
    for round in 1..=3 {
        drop(server.wait_for(|seen| seen.frames == round * WINDOW_FRAMES));
        server.release();
        expect(&mut stream, &frames[..frames.len() / 3]);
    }
}

#[test]
fn a_thousand_requests_in_one_piece_are_answered_in_their_order() {
    let server = Server::start();
    let mut stream = server.connect();
    let frames: Vec<u8> =
        (0..1_000_u32).flat_map(|number| Frames::encode(&number.to_be_bytes())).collect();
    stream.write_all(&frames).expect("the server reads");
    expect(&mut stream, &frames);
}

#[test]
fn large_and_small_frames_in_turn_are_answered() {
    let server = Server::start();
    let mut stream = server.connect();
    for payload_bytes in [0, 1_000_000, 1, 500_000, 2, 65_536, 3, 65_535] {
        exchange(&mut stream, &vec![8; payload_bytes]);
    }
}

#[test]
fn a_silent_connection_ends_at_its_deadline() {
    let idle_after = Duration::from_millis(30);
    let server = Server::start_with(Setup { idle_after, ..Setup::default() });
    let mut stream = server.connect();
    exchange(&mut stream, b"hello");
    assert_eq!(read_to_end(&mut stream), b"");
    assert_eq!(server.ending(), Ok(Closed::TimedOut));
}

#[test]
fn each_listener_has_its_number() {
    let any = ([127, 0, 0, 1], 0).into();
    let server = Server::start_with(Setup { addresses: vec![any; 3], ..Setup::default() });
    for (index, address) in server.addresses.iter().enumerate() {
        let mut stream = connect(*address);
        exchange(&mut stream, b"hello");
        let seen = server.wait_for(|seen| seen.accepted.len() == index + 1);
        let peer = stream.local_addr().expect("a connected socket");
        assert_eq!(seen.accepted[index], (index, peer));
    }
}

#[test]
fn a_listener_of_ip_version_6_is_served() {
    let address = "[::1]:0".parse().expect("an address");
    if TcpListener::bind(address).is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let server = Server::start_with(Setup { addresses: vec![address], ..Setup::default() });
    exchange(&mut server.connect(), b"hello");
}

#[test]
fn a_connection_that_the_service_refuses_is_closed_without_a_word() {
    let server = Server::start_with(Setup { admits: 1, ..Setup::default() });
    let mut first = server.connect();
    exchange(&mut first, b"hello");
    assert_eq!(read_to_end(&mut server.connect()), b"");
    exchange(&mut first, b"still here");
}

#[test]
fn connections_of_several_threads_do_not_mix() {
    let server = Arc::new(Server::start());
    thread::scope(|scope| {
        for number in 0..16_u8 {
            let server = Arc::clone(&server);
            scope.spawn(move || {
                let mut stream = server.connect();
                for round in 1..40 {
                    exchange(&mut stream, &vec![number; round * 100]);
                }
            });
        }
    });
}
