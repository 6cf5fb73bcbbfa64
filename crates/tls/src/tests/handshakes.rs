use std::sync::Arc;

use logboom_sans_io::testing::{Closed, Command, Event, Frames};
use logboom_sans_io::{Machine, TlsFailure};
use proptest::prelude::*;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, ServerConfig};

use super::harness::{
    BOTH_VERSIONS, IDLE_AFTER, Pair, certificate, client_config, client_config_with,
};
use crate::{CertificateResolver, LINGER, server_config};

/// What a server does with a peer that begins with `bytes` and then reads to the end.
fn stranger(bytes: &[u8]) -> Pair {
    let mut pair = Pair::new(&TLS13);
    pair.poll();
    pair.collect_from_client();
    pair.to_server = bytes.to_vec();
    while pair.move_inwards() {
        pair.poll();
    }
    pair
}

#[test]
fn plaintext_is_recognised_and_gets_no_byte() {
    let kafka = b"\0\0\0\x20\0\x12\0\x03\0\0\0\0\0\x07rdkafka";
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x80\x2e\x01\x03\x01\0\0\0\0", kafka] {
        let mut pair = stranger(bytes);
        let wait = pair.wait.expect("the server lingers");
        assert!(wait.fin && wait.read && !wait.write);
        assert_eq!(wait.deadline, Some(pair.now + LINGER));
        pair.end_of_client();
        let first_bytes = bytes[..8].try_into().expect("eight bytes");
        assert_eq!(pair.closed, Some(Closed::Tls(TlsFailure::NotTls { first_bytes })));
        assert_eq!(pair.from_server, []);
    }
}

#[test]
fn a_machine_that_has_something_to_say_to_plaintext_says_it_in_clear() {
    let spoken: Vec<u8> =
        (0..40_u8).flat_map(|number| Frames::encode(&vec![number; 900])).collect();
    for cut in [1, 7, usize::MAX] {
        let mut pair = Pair::in_clear();
        pair.cuts = vec![cut];
        pair.to_server.clone_from(&spoken);
        pair.settle_in_clear();
        assert!(pair.from_server == spoken, "every frame is answered, in clear");
        pair.server.apply(Command::Drain).expect("an open machine drains");
        pair.settle_in_clear();
        let wait = pair.wait.expect("the server lingers");
        assert!(wait.fin && wait.read && !wait.write);
        assert!(pair.from_server == spoken, "no close_notify");
        pair.server.handle_eof();
        pair.settle_in_clear();
        assert_eq!(pair.closed, Some(Closed::Drained));
    }
}

#[test]
fn a_few_bytes_that_are_not_tls_are_judged_at_the_end_of_the_stream() {
    let mut pair = stranger(b"\n");
    let wait = pair.wait.expect("the server waits for more");
    assert!(wait.read && !wait.fin && wait.want == 1);
    pair.server.handle_eof();
    pair.poll();
    let first_bytes = [b'\n', 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(pair.closed, Some(Closed::Tls(TlsFailure::NotTls { first_bytes })));
}

#[test]
fn a_peer_that_says_nothing_ends_inside_the_handshake() {
    let mut pair = stranger(b"");
    pair.server.handle_eof();
    pair.poll();
    assert_eq!(pair.closed, Some(Closed::Tls(TlsFailure::EndedInHandshake)));
}

proptest! {
    #[test]
    fn strangers_never_get_an_alert_and_never_cause_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 1..200),
        cut in 1_usize..50,
    ) {
        let mut pair = stranger(&[]);
        pair.cuts = vec![cut];
        pair.to_server = bytes.clone();
        pair.end_of_client();
        if bytes[0] == 0x16 {
            let failure = pair.closed.expect("closed at the end of the stream");
            let expected = matches!(
                failure,
                Closed::Tls(TlsFailure::Handshake { .. } | TlsFailure::EndedInHandshake)
            );
            prop_assert!(expected, "closed with {:?}", failure);
        } else {
            prop_assert_eq!(pair.from_server, []);
            let not_tls = matches!(pair.closed, Some(Closed::Tls(TlsFailure::NotTls { .. })));
            prop_assert!(not_tls);
        }
    }
}

#[test]
fn a_malformed_hello_gets_an_alert_before_the_end_of_the_stream() {
    let mut pair = stranger(b"\x16\x03\x01\0\x04\x01\0\0\0");
    pair.settle();
    assert_eq!(pair.from_server[0], 0x15, "an alert record");
    assert!(pair.wait.expect("the server lingers").fin);
    pair.now += LINGER;
    pair.poll();
    assert!(matches!(pair.closed, Some(Closed::Tls(TlsFailure::Handshake { .. }))));
}

#[test]
fn a_client_without_a_common_version_is_told() {
    let certificate = certificate(&["localhost"]);
    let only_new = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .expect("a supported version")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(CertificateResolver::new(Arc::clone(&certificate.key))));
    let client = client_config(&certificate, &[&TLS12]);
    let mut pair = Pair::with(Arc::new(only_new), client, "localhost");
    pair.end_of_client();
    assert!(matches!(pair.closed, Some(Closed::Tls(TlsFailure::Handshake { .. }))));
    let protocol_version = rustls::AlertDescription::ProtocolVersion;
    assert_eq!(pair.client_error, Some(rustls::Error::AlertReceived(protocol_version)));
}

#[test]
fn a_client_that_does_not_trust_the_certificate_is_reported_with_its_alert() {
    for version in BOTH_VERSIONS {
        let (ours, theirs) = (certificate(&["localhost"]), certificate(&["elsewhere"]));
        let server = server_config(CertificateResolver::new(ours.key));
        let mut pair = Pair::with(server, client_config(&theirs, &[version]), "localhost");
        pair.end_of_client();
        let unknown_ca = TlsFailure::PeerAlert { description: 48 };
        assert_eq!(pair.closed, Some(Closed::Tls(unknown_ca)));
        assert_eq!(pair.take_events(), []);
    }
}

#[test]
fn the_server_name_chooses_the_certificate_and_reaches_the_machine_in_lower_case() {
    let [default, exact, wildcard] = [["localhost"], ["logs.example.com"], ["*.logs.example.com"]]
        .map(|name| certificate(&name));
    let resolver = CertificateResolver::new(Arc::clone(&default.key))
        .with_certificate(["logs.example.com"], &exact.key)
        .with_certificate(["*.logs.example.com"], &wildcard.key);
    let server = server_config(resolver);
    for (name, chosen, expected) in [
        ("Logs.Example.com", &exact, Some("logs.example.com")),
        ("demo.logs.example.com", &wildcard, Some("demo.logs.example.com")),
        ("localhost", &default, Some("localhost")),
        ("127.0.0.1", &default, None),
    ] {
        for version in BOTH_VERSIONS {
            let client = client_config(chosen, &[version]);
            let mut pair = Pair::with(Arc::clone(&server), client, name);
            pair.settle();
            let presented: Option<&[CertificateDer<'_>]> = pair.client.peer_certificates();
            if expected.is_some() {
                assert_eq!(presented, Some(&[chosen.der.clone()][..]));
                assert_eq!(pair.events, [Event::Secured(expected.map(str::to_owned))]);
            } else {
                // The certificate names no address, which the client is right to refuse.
                assert!(pair.client_error.is_some());
            }
        }
    }
}

#[test]
fn the_server_prefers_aes_even_for_a_client_that_does_not() {
    for version in BOTH_VERSIONS {
        let certificate = certificate(&["localhost"]);
        let server = server_config(CertificateResolver::new(Arc::clone(&certificate.key)));
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.reverse();
        let client = client_config_with(provider, &certificate, &[version]);
        let mut pair = Pair::with(server, client, "localhost");
        pair.settle();
        let suite = pair.client.negotiated_cipher_suite().expect("negotiated").suite();
        assert!(matches!(
            suite,
            CipherSuite::TLS13_AES_256_GCM_SHA384
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        ));
    }
}

#[test]
fn a_client_gets_nothing_to_resume_with_and_does_not_resume() {
    for version in BOTH_VERSIONS {
        let certificate = certificate(&["localhost"]);
        let server = server_config(CertificateResolver::new(Arc::clone(&certificate.key)));
        let client = client_config(&certificate, &[version]);
        for _ in 0..2 {
            let mut pair = Pair::with(Arc::clone(&server), client.clone(), "localhost");
            pair.settle();
            assert_ne!(pair.client.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
            assert_eq!(pair.client.tls13_tickets_received(), 0);
        }
    }
}

#[test]
fn the_timer_of_the_machine_bounds_the_handshake() {
    let mut pair = stranger(b"\x16\x03\x01");
    assert_eq!(pair.wait.expect("the server waits").deadline, Some(pair.now + IDLE_AFTER));
    pair.now += IDLE_AFTER;
    pair.poll();
    assert_eq!(pair.closed, Some(Closed::TimedOut));
    assert_eq!(pair.from_server, []);
}
