use std::io::ErrorKind;
use std::sync::Arc;

use logboom_sans_io::testing::{Closed, Command, Event, FRAME_BYTES_MAX, WINDOW_FRAMES};
use logboom_sans_io::{Machine, Stale, TlsFailure};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedCipherSuite, Tls12CipherSuite};

use super::harness::{BOTH_VERSIONS, IDLE_AFTER, Pair, certificate, client_config};
use crate::{CertificateResolver, LINGER};

#[test]
fn a_stream_that_just_ends_is_an_ordinary_end_of_file() {
    for version in BOTH_VERSIONS {
        let mut pair = Pair::open(version);
        pair.send_frame(b"last", 100);
        pair.end_of_client();
        assert_eq!(pair.closed, Some(Closed::PeerClosed));
        assert_eq!(pair.received, b"\0\0\0\x04last", "the answer still left");
    }
}

#[test]
fn a_stream_cut_inside_a_frame_is_left_to_the_machine_to_notice() {
    let mut pair = Pair::open(&TLS13);
    pair.send_frame(b"never complete", 5);
    pair.to_server.truncate(pair.to_server.len() - 1);
    pair.end_of_client();
    assert_eq!(pair.closed, Some(Closed::Truncated));
}

#[test]
fn a_close_notify_is_answered_behind_the_last_answer() {
    for version in BOTH_VERSIONS {
        let mut pair = Pair::open(version);
        pair.echo = false;
        pair.send_frame(b"last", 100);
        pair.client.send_close_notify();
        pair.settle();
        assert!(pair.closed.is_none(), "the frame has yet to be answered");
        assert!(!pair.wait.expect("the server waits").read, "nothing more can come");
        pair.answer(0, b"bye");
        pair.settle();
        assert_eq!(pair.received, b"\0\0\0\x03bye");
        assert_eq!(pair.ended_cleanly, Some(true));
        pair.end_of_client();
        assert_eq!(pair.closed, Some(Closed::PeerClosed));
    }
}

#[test]
fn what_follows_a_close_notify_is_ignored() {
    let mut pair = Pair::open(&TLS13);
    pair.client.send_close_notify();
    pair.collect_from_client();
    pair.to_server.extend(b"no TLS record at all");
    pair.end_of_client();
    assert_eq!(pair.closed, Some(Closed::PeerClosed));
}

#[test]
fn a_drain_sends_close_notify_before_the_end_of_the_stream_and_discards_the_rest() {
    for version in BOTH_VERSIONS {
        let mut pair = Pair::open(version);
        pair.cuts = vec![1];
        pair.server.apply(Command::Drain).expect("an open machine drains");
        pair.send_frame(b"too late", 3);
        pair.settle();
        assert_eq!(pair.ended_cleanly, Some(true));
        assert_eq!(pair.take_events(), []);
        pair.end_of_client();
        assert_eq!(pair.closed, Some(Closed::Drained));
    }
}

#[test]
fn a_drain_inside_the_handshake_ends_the_stream_without_a_byte() {
    let mut pair = Pair::new(&TLS13);
    pair.server.apply(Command::Drain).expect("an open machine drains");
    pair.settle();
    assert_eq!(pair.ended_cleanly, Some(false));
    assert_eq!(pair.from_server, []);
    pair.end_of_client();
    assert_eq!(pair.closed, Some(Closed::Drained));
}

#[test]
fn a_machine_that_closes_by_itself_says_so_to_the_peer() {
    let mut pair = Pair::open(&TLS13);
    pair.now += IDLE_AFTER;
    pair.settle();
    assert_eq!(pair.ended_cleanly, Some(true));
    assert!(pair.closed.is_none());
    assert_eq!(pair.server.apply(Command::Drain), Err(Stale));
    pair.now += LINGER;
    pair.poll();
    assert_eq!(pair.closed, Some(Closed::TimedOut));
    pair.poll();
    assert_eq!(pair.closed, Some(Closed::TimedOut), "and stays closed");
}

#[test]
fn a_peer_that_does_not_take_the_last_words_is_not_waited_for_longer_than_the_linger() {
    let mut pair = Pair::open(&TLS13);
    pair.now += IDLE_AFTER;
    pair.poll();
    let wait = pair.wait.expect("the server waits");
    assert!(wait.write && !wait.fin && wait.deadline == Some(pair.now + LINGER));
    pair.now += LINGER;
    pair.poll();
    assert_eq!(pair.closed, Some(Closed::TimedOut));
}

#[test]
fn what_came_intact_before_a_bad_record_is_delivered_in_any_chunking() {
    for (version, cut) in [(&TLS12, 1), (&TLS12, 9_999), (&TLS13, 1), (&TLS13, 9_999)] {
        let mut pair = Pair::open(version);
        pair.cuts = vec![cut];
        pair.send_frame(b"good", 100);
        pair.send_frame(b"damaged", 100);
        let last = pair.to_server.len() - 1;
        pair.to_server[last] ^= 1;
        pair.settle();
        assert_eq!(pair.take_events(), [Event::Frame { number: 0, payload: b"good".to_vec() }]);
        assert!(pair.client_error.is_some(), "the peer is told with an alert");
        pair.end_of_client();
        assert!(matches!(pair.closed, Some(Closed::Tls(TlsFailure::Corrupt { .. }))));
    }
}

#[test]
fn a_bad_record_waits_until_a_paused_machine_has_taken_what_came_before() {
    let mut pair = Pair::open(&TLS13);
    pair.echo = false;
    // More than the window and the buffer of the machine hold together.
    let frames = WINDOW_FRAMES + 20;
    (0..frames).for_each(|_| pair.send_frame(&[1; FRAME_BYTES_MAX / 10], 1 << 14));
    pair.to_server.extend(b"\x17\x03\x03\0\x20 a record that nobody can decrypt");
    pair.settle();
    for number in 0..frames {
        assert_eq!(pair.events.len(), frames.min(WINDOW_FRAMES + number));
        assert!(pair.client_error.is_none(), "the bad record came too early");
        pair.answer(number as u64, b"fine");
        pair.settle();
        if pair.client_error.is_some() {
            break;
        }
    }
    assert_eq!(pair.events.len(), frames);
    pair.end_of_client();
    assert!(matches!(pair.closed, Some(Closed::Tls(TlsFailure::Corrupt { .. }))));
}

#[test]
fn garbage_behind_the_handshake_ends_the_connection() {
    for version in BOTH_VERSIONS {
        let mut pair = Pair::open(version);
        pair.to_server = b"GET / HTTP/1.1\r\n\r\n".to_vec();
        pair.settle();
        assert_eq!(pair.server.apply(Command::Drain), Err(Stale));
        pair.end_of_client();
        assert!(matches!(pair.closed, Some(Closed::Tls(TlsFailure::Corrupt { .. }))));
    }
}

#[test]
fn a_flood_of_key_updates_ends_the_connection() {
    let mut pair = Pair::open(&TLS13);
    for _ in 0..40 {
        pair.client.refresh_traffic_keys().expect("TLS 1.3 can renew its keys");
        pair.collect_from_client();
    }
    pair.end_of_client();
    assert!(matches!(pair.closed, Some(Closed::Tls(TlsFailure::Corrupt { .. }))));
}

#[test]
fn a_broken_transport_ends_the_connection_at_once() {
    let mut pair = Pair::open(&TLS13);
    pair.server.handle_transport_error(ErrorKind::ConnectionReset);
    pair.poll();
    assert_eq!(pair.closed, Some(Closed::Transport(ErrorKind::ConnectionReset)));
}

#[test]
fn a_transport_that_breaks_while_leaving_ends_the_wait_but_not_the_reason() {
    let mut pair = Pair::open(&TLS13);
    pair.to_server = vec![0; 100];
    pair.settle();
    pair.server.handle_transport_error(ErrorKind::ConnectionReset);
    pair.poll();
    assert!(matches!(pair.closed, Some(Closed::Tls(TlsFailure::Corrupt { .. }))));
}

#[test]
fn worn_out_keys_of_tls12_end_the_connection_instead_of_losing_answers() {
    const RECORDS_MAX: u64 = 20;
    let certificate = certificate(&["localhost"]);
    let server = ServerConfig::builder_with_provider(Arc::new(short_lived_keys(RECORDS_MAX)))
        .with_protocol_versions(&[&TLS12])
        .expect("a supported version")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(CertificateResolver::new(Arc::clone(&certificate.key))));
    let client = client_config(&certificate, &[&TLS12]);
    let mut pair = Pair::with(Arc::new(server), client, "localhost");
    for _ in 0..2 * RECORDS_MAX {
        pair.send_frame(&[3; 100], 1 << 14);
        pair.settle();
    }
    assert_eq!(pair.ended_cleanly, Some(true));
    assert!(pair.received.len() <= 104 * RECORDS_MAX as usize);
    pair.end_of_client();
    assert_eq!(pair.closed, Some(Closed::Tls(TlsFailure::KeysExhausted)));
}

/// A provider whose TLS 1.2 keys protect only so many records.
fn short_lived_keys(records_max: u64) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| suite.tls13().is_none());
    for suite in &mut provider.cipher_suites {
        let SupportedCipherSuite::Tls12(tls12) = *suite else { continue };
        let common = CipherSuiteCommon {
            suite: tls12.common.suite,
            hash_provider: tls12.common.hash_provider,
            confidentiality_limit: records_max,
        };
        let short_lived = Tls12CipherSuite {
            common,
            prf_provider: tls12.prf_provider,
            kx: tls12.kx,
            sign: tls12.sign,
            aead_alg: tls12.aead_alg,
        };
        *suite = SupportedCipherSuite::Tls12(Box::leak(Box::new(short_lived)));
    }
    provider
}
