//! Drain, half-close, abort, reset, and other protocols on the port.

use std::io::{ErrorKind, IoSlice};
use std::time::Duration;

use logboom_conn::{AbortReason, AuthVerdict, CloseReason, Command, Event, Limits, Phase, Timer};
use logboom_sans_io::{Machine, OnSecured, Stale, TlsFailure};
use proptest::prelude::*;

use crate::client::{self, TOKEN};
use crate::host::Host;

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn draining_an_idle_connection_shuts_down_and_waits_for_the_peer() {
    let mut host = Host::ready(Limits::default());
    host.drain(PATIENCE);
    let wait = host.wait();
    assert!(wait.fin && wait.read && !wait.write);
    assert_eq!(host.connection.phase(), Phase::Lingering);
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::Drained);
}

#[test]
fn a_drain_answers_what_is_in_flight() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::metadata(1, 1, None).repeat(3));
    host.drain(PATIENCE);
    assert!(!host.wait().fin);
    host.answer_all();
    assert_eq!(host.correlation_ids(), [1, 1, 1]);
    assert!(host.wait().fin);
    host.ring(Timer::Linger);
    assert_eq!(host.closed(), CloseReason::Drained);
}

#[test]
fn a_drain_reads_a_frame_to_its_end_and_not_a_byte_further() {
    let mut host = Host::ready(Limits::default());
    let request = client::metadata(1, 1, None);
    host.send(&request[..3]);
    host.drain(PATIENCE);
    let lent = |host: &mut Host| {
        let space = host.connection.recv_space().map(|space| space.len());
        host.connection.handle_received(0);
        space
    };
    assert!(host.wait().read);
    assert_eq!(lent(&mut host), Some(1));
    assert_eq!(host.fill(&request[3..]), 1);
    host.wait();
    assert_eq!(lent(&mut host), Some(request.len() - 4));
    host.fill(&request[4..]);
    host.wait();
    assert!(matches!(host.events[..], [Event::Metadata(_)]));
    host.answer();
    assert_eq!(host.correlation_ids(), [1]);
    assert!(host.wait().fin);
}

#[test]
fn a_drain_that_runs_out_of_time_closes() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::metadata(1, 1, None));
    host.drain(PATIENCE);
    host.drain(2 * PATIENCE);
    host.ring(Timer::Drain);
    assert_eq!(host.now, host.start + PATIENCE, "the earlier drain counts");
    assert_eq!(host.closed(), CloseReason::DrainTimeout);
}

#[test]
fn a_drain_waits_for_a_verdict_and_for_what_came_with_the_token() {
    let mut host = Host::new(Limits::default());
    host.send(&client::handshake(1, 1, "PLAIN"));
    host.send(&[client::authenticate(0, 2, TOKEN), client::metadata(1, 3, None)].concat());
    host.drain(PATIENCE);
    assert!(!host.wait().fin);
    host.judge(AuthVerdict::Accepted);
    host.wait();
    assert!(matches!(host.events.remove(0), Event::Ready(_)));
    host.answer();
    assert_eq!(host.correlation_ids(), [1, 2, 3]);
    assert!(host.wait().fin);
}

#[test]
fn a_half_closed_peer_gets_its_answers() {
    let mut host = Host::ready(Limits { requests_in_flight_max: 2, ..Limits::default() });
    let request = client::metadata(1, 1, None);
    assert_eq!(host.send(&request.repeat(5)), 5 * request.len());
    host.connection.handle_eof();
    for _ in 0..5 {
        host.wait();
        host.answer();
    }
    assert_eq!(host.correlation_ids().len(), 5);
    assert_eq!(host.closed(), CloseReason::PeerClosed);
}

#[test]
fn the_end_of_the_stream_inside_a_frame_is_told_apart() {
    let request = client::metadata(1, 1, None);
    for cut in 1..request.len() {
        let mut host = Host::ready(Limits::default());
        host.send(&request[..cut]);
        host.connection.handle_eof();
        assert_eq!(host.closed(), CloseReason::PeerClosedInFrame, "after {cut} bytes");
    }
}

#[test]
fn an_abort_closes_at_once_and_for_good() {
    let mut host = Host::ready(Limits::default());
    host.send(&[client::api_versions(0, 1), client::metadata(1, 2, None)].concat());
    host.apply(Command::Abort(AbortReason::KeyRevoked));
    host.apply(Command::Abort(AbortReason::Shutdown));
    assert_eq!(host.closed(), CloseReason::Aborted(AbortReason::KeyRevoked));
    assert_eq!(host.connection.recv_space(), None);
    assert_eq!(host.connection.transmit(&mut [IoSlice::new(&[]); 2]), 0);
    let late = crate::host::success(host.events.pop().unwrap()).unwrap();
    assert_eq!(host.connection.apply(late), Err(Stale));
    assert_eq!(host.connection.apply(Command::Drain { until: host.now }), Err(Stale));
    host.connection.handle_transport_error(ErrorKind::ConnectionReset);
    assert_eq!(host.closed(), CloseReason::Aborted(AbortReason::KeyRevoked));
}

#[test]
fn a_reset_is_the_reason_unless_the_peer_was_being_refused() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::metadata(1, 1, None));
    host.drain(PATIENCE);
    host.wait();
    host.connection.handle_transport_error(ErrorKind::ConnectionReset);
    assert_eq!(host.closed(), CloseReason::Transport(ErrorKind::ConnectionReset));

    let mut host = Host::ready(Limits::default());
    host.send(&client::request(99, 0, 1, |_| {}));
    host.connection.handle_transport_error(ErrorKind::BrokenPipe);
    assert_eq!(host.closed(), CloseReason::UnsupportedApi { key: 99, version: 0 });
}

#[test]
fn a_reset_after_everything_was_sent_does_not_spoil_a_drain() {
    let mut host = Host::ready(Limits::default());
    host.drain(PATIENCE);
    assert!(host.wait().fin);
    host.connection.handle_transport_error(ErrorKind::ConnectionReset);
    assert_eq!(host.closed(), CloseReason::Drained);
}

#[test]
fn a_peer_that_is_refused_may_finish_writing() {
    let mut host = Host::new(Limits::default());
    host.send(&client::handshake(1, 1, "GSSAPI"));
    let wait = host.wait();
    assert!(wait.write && wait.read, "the response is not sent yet");
    assert_eq!(host.send(&[0xff; 100_000]), 100_000);
    assert_eq!(host.responses().len(), 1);
    assert_eq!(host.send(&[0xff; 100_000]), 100_000);
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::MechanismRefused("GSSAPI".to_owned()));
}

#[test]
fn tls_on_a_plaintext_port_is_told_so() {
    let mut host = Host::new(Limits::default());
    host.send(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]);
    host.read_all();
    let words = String::from_utf8(host.received.clone()).unwrap();
    assert!(words.contains("SASL_PLAINTEXT") && words.contains("[LB0312]"), "{words}");
    assert!(host.wait().fin);
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::TlsOnPlaintextPort);
}

#[test]
fn http_is_told_so_in_http_inside_tls_too() {
    for secured in [false, true] {
        let mut host = Host::new(Limits::default());
        if secured {
            host.connection.handle_secured(None);
        }
        host.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        host.read_all();
        let words = String::from_utf8(host.received.clone()).unwrap();
        assert!(words.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{words}");
        assert!(words.contains("[LB0313]"), "{words}");
        host.connection.handle_eof();
        assert_eq!(host.closed(), CloseReason::HttpRequest);
    }
}

#[test]
fn a_client_without_tls_learns_what_to_change_and_keeps_its_password() {
    for version in [0, 1] {
        let mut host = Host::new(Limits::default());
        let hello = client::api_versions(3, 1);
        assert!(host.connection.handle_unsecured(*hello.first_chunk().unwrap()));
        assert_eq!(host.connection.phase(), Phase::Unsecured);
        host.send(&hello);
        host.read_all();
        assert_eq!(host.responses().len(), 1);
        host.send(&client::handshake(version, 2, "PLAIN"));
        // A token that was sent without waiting is thrown away.
        host.send(&client::authenticate(0, 3, TOKEN));
        host.read_all();
        let told = b"\x00\x21\0\0\0\x01\0\x18PLAIN over SASL_SSL only";
        assert!(host.received.ends_with(told), "{}", host.received.escape_ascii());
        assert!(host.wait().fin);
        assert!(host.events.is_empty(), "{:?}", host.events);
        host.connection.handle_eof();
        assert!(matches!(host.closed(), CloseReason::PlaintextOnTlsPort { .. }));
    }
}

#[test]
fn a_client_without_tls_is_served_nothing_and_not_for_long() {
    let refused = |frames: &[Vec<u8>]| {
        let mut host = Host::new(Limits::default());
        assert!(host.connection.handle_unsecured(*frames[0].first_chunk().unwrap()));
        for frame in frames {
            host.send(frame);
        }
        host.read_all();
        host.connection.handle_eof();
        host.closed()
    };
    let hello = client::api_versions(0, 1);
    let metadata = client::metadata(1, 2, Some(&["nginx"]));
    let gone = refused(std::slice::from_ref(&hello));
    assert!(matches!(gone, CloseReason::PlaintextOnTlsPort { .. }), "{gone}");
    let impatient = refused(&[hello.clone(), metadata]);
    assert!(matches!(impatient, CloseReason::PlaintextOnTlsPort { .. }), "{impatient}");
    let expected = CloseReason::TooManyFramesBeforeAuth { frames_max: 4 };
    assert_eq!(refused(&vec![hello; 5]), expected);
}

#[test]
fn only_the_beginning_of_a_login_is_answered_in_clear() {
    for first in [
        *b"\0\0\0\x20\0\x03\0\x01",
        *b"\0\0\0\x20\0\0\0\x03",
        *b"\0\0\0\x01\0\x12\0\x03",
        *b"\0\x01\0\0\0\x12\0\x03",
        *b"SSH-2.0-",
    ] {
        let mut host = Host::new(Limits::default());
        assert!(!host.connection.handle_unsecured(first), "{}", first.escape_ascii());
        assert_eq!(host.connection.phase(), Phase::Handshake);
    }
    assert!(Host::new(Limits::default()).connection.handle_unsecured(*b"GET / HT"));
}

#[test]
fn other_protocols_are_recognised_only_at_the_very_beginning() {
    let mut host = Host::ready(Limits::default());
    host.send(b"GET / HTTP/1.1\r\n");
    host.read_all();
    assert!(host.received.is_empty());
    host.connection.handle_eof();
    assert!(matches!(host.closed(), CloseReason::FrameTooLarge { .. }));

    let mut host = Host::new(Limits::default());
    host.connection.handle_secured(None);
    host.send(&[0x16, 0x03, 0x01, 0x02]);
    host.connection.handle_eof();
    assert!(matches!(host.closed(), CloseReason::FrameTooLarge { .. }));
}

#[test]
fn a_failed_tls_handshake_is_a_reason_to_close() {
    let reason = CloseReason::from(TlsFailure::EndedInHandshake);
    assert_eq!(reason, CloseReason::Tls(TlsFailure::EndedInHandshake));
}

proptest! {
    #[test]
    fn a_drain_at_any_moment_answers_every_request_that_has_begun(
        requests in 1..8usize,
        cut in any::<prop::sample::Index>(),
        requests_in_flight_max in 1..4usize,
    ) {
        let mut host = Host::ready(Limits { requests_in_flight_max, ..Limits::default() });
        let request = client::metadata(4, 1, Some(&["logs"]));
        let stream = request.repeat(requests);
        let cut = cut.index(stream.len());
        let mut taken = 0;
        while taken < cut {
            taken += host.send(&stream[taken..cut]);
            if taken < cut {
                host.answer();
            }
        }
        host.drain(PATIENCE);
        while !host.wait().fin {
            // The peer goes on sending as long as it may; what comes too late is discarded.
            taken += host.send(&stream[taken..]);
            host.answer_all();
            host.read_all();
        }
        prop_assert_eq!(host.responses().len(), cut.div_ceil(request.len()));
        host.connection.handle_eof();
        prop_assert_eq!(host.closed(), CloseReason::Drained);
    }
}
