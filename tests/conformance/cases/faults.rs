//! Connections that break, on real sockets.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use logboom_sans_io::testing::{Closed, FRAME_BYTES_MAX, Frames, PANIC, WINDOW_FRAMES};

use crate::host::toy::{
    SESSION_PANIC, Server, Setup, exchange, read_to_any_end, read_to_end, reset,
};

#[test]
fn a_panic_of_a_machine_ends_its_own_connection_and_no_other() {
    let server = Server::start();
    let mut good = server.connect();
    exchange(&mut good, b"before");
    // More panics than threads.
    for _ in 0..5 {
        let mut bad = server.connect();
        bad.write_all(&Frames::encode(PANIC)).expect("the server reads");
        assert_eq!(read_to_any_end(&mut bad), b"");
    }
    exchange(&mut good, b"after");
    exchange(&mut server.connect(), b"new");
    drop(good);
    let seen = server.wait_for(|seen| seen.endings.len() == 7);
    assert_eq!(seen.endings.iter().filter(|ending| ending.is_err()).count(), 5);
}

#[test]
fn a_panic_of_a_session_ends_its_own_connection_and_no_other() {
    let server = Server::start();
    let mut good = server.connect();
    exchange(&mut good, b"before");
    for _ in 0..5 {
        let mut bad = server.connect();
        bad.write_all(&Frames::encode(SESSION_PANIC)).expect("the server reads");
        assert_eq!(read_to_any_end(&mut bad), b"");
    }
    exchange(&mut good, b"after");
    let seen = server.wait_for(|seen| seen.endings.len() == 5);
    assert!(seen.endings.iter().all(Result::is_err));
}

#[test]
fn a_panic_of_the_service_refuses_one_connection_and_not_the_next() {
    let first = AtomicBool::new(true);
    let server = Server::start_with(Setup {
        wrap: Box::new(move |frames| {
            assert!(!first.swap(false, Ordering::SeqCst), "the first connection is one too many");
            Box::new(frames)
        }),
        ..Setup::default()
    });
    assert_eq!(read_to_any_end(&mut server.connect()), b"");
    exchange(&mut server.connect(), b"hello");
}

#[test]
fn a_reset_inside_a_frame_ends_the_connection() {
    let server = Server::start();
    let mut stream = server.connect();
    exchange(&mut stream, b"hello");
    stream.write_all(&Frames::encode(&[1; 1_000])[..500]).expect("the server reads");
    reset(stream);
    assert!(matches!(server.ending(), Ok(Closed::Transport(_))));
}

#[test]
fn a_reset_while_requests_wait_ends_the_connection_and_late_answers_do_no_harm() {
    let server = Server::start_with(Setup { holds: true, ..Setup::default() });
    let mut stream = server.connect();
    stream.write_all(&Frames::encode(b"hello").repeat(5)).expect("the server reads");
    drop(server.wait_for(|seen| seen.frames == 5));
    reset(stream);
    assert!(matches!(server.ending(), Ok(Closed::Transport(_))));
    server.release();
    assert_eq!(server.wait_for(|_| true).endings.len(), 1);
}

#[test]
fn a_reset_while_reading_is_paused_is_noticed_with_the_next_answer() {
    let server = Server::start_with(Setup { holds: true, ..Setup::default() });
    let mut stream = server.connect();
    stream.write_all(&Frames::encode(b"hello").repeat(WINDOW_FRAMES)).expect("the server reads");
    drop(server.wait_for(|seen| seen.frames == WINDOW_FRAMES));
    reset(stream);
    server.release();
    assert!(matches!(server.ending(), Ok(Closed::Transport(_))));
}

#[test]
fn a_peer_that_breaks_off_before_it_is_accepted_does_not_stop_the_listener() {
    let server = Server::start();
    (0..200).for_each(|_| reset(server.connect()));
    exchange(&mut server.connect(), b"hello");
}

#[test]
fn a_frame_that_is_too_large_is_closed_without_reading_it() {
    let server = Server::start();
    let mut stream = server.connect();
    let length = u32::try_from(FRAME_BYTES_MAX + 1).expect("it fits").to_be_bytes();
    stream.write_all(&length).expect("the server reads");
    assert_eq!(read_to_end(&mut stream), b"");
    assert_eq!(server.ending(), Ok(Closed::FrameTooLarge));
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_told_so() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(&Frames::encode(&[1; 100])[..50]).expect("the server reads");
    stream.shutdown(std::net::Shutdown::Write).expect("an open connection");
    assert_eq!(read_to_end(&mut stream), b"");
    assert_eq!(server.ending(), Ok(Closed::Truncated));
}

#[test]
fn broken_connections_in_great_number_leave_nothing_behind() {
    let server = Server::start();
    for round in 0..100 {
        let mut stream = server.connect();
        stream.write_all(&Frames::encode(&[1; 2_000])[..round * 20]).expect("the server reads");
        reset(stream);
    }
    let mut stream = server.connect();
    exchange(&mut stream, b"hello");
    drop(server.wait_for(|seen| seen.endings.len() == 100));
}
