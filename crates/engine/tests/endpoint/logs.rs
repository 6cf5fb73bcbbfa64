//! What the server remembers and says about its connections.

use std::time::Duration;

use logboom_conn::CloseReason;
use logboom_engine::{Code, FOLD};
use logboom_sans_io::Session as _;
use logboom_wire::records::Codec;

use crate::common::batches::{batch, damaged, zeros};
use crate::common::requests::{self, Produce, token};
use crate::common::setup::{ACME, NOBODY, SECRETS, WRONG_SECRET};
use crate::common::{Endpoint, PEER, START_MS};

#[test]
fn closed_connections_are_remembered_with_their_reason() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.send(&requests::api_versions(4));
    client.reply();
    client.log_in(ACME);
    endpoint.pass(Duration::from_millis(1_500));
    assert_eq!(client.close(), CloseReason::PeerClosed);
    endpoint.connect().try_log_in("beta", &format!("beta-full#{WRONG_SECRET}"));
    endpoint.connect().send_bytes(b"GET / HTTP/1.1\r\n\r\n");

    let closed = endpoint.engine.history().snapshot();
    let reasons: Vec<_> = closed.iter().map(|closed| closed.reason.clone()).collect();
    let expected =
        [CloseReason::PeerClosed, CloseReason::CredentialsRefused, CloseReason::HttpRequest];
    assert_eq!(reasons, expected.map(Some));
    let projects: Vec<_> = closed.iter().map(|closed| closed.project.as_deref()).collect();
    assert_eq!(projects, [Some("acme"), Some("beta"), None]);
    assert_eq!(closed[0].client.as_deref(), Some("librdkafka 2.11.1"));
    assert_eq!(closed[1].client.as_deref(), Some("test-client"));
    assert_eq!((closed[0].peer.ip(), closed[0].listener.as_str()), (PEER, "public"));
    assert_eq!(closed[0].opened_at_ms, START_MS);
    assert_eq!(closed[0].closed_at_ms, START_MS + 1_500);
    assert_eq!(endpoint.logs.lines(&["DEBUG", "connection closed"]).len(), 3);
}

#[test]
fn the_end_of_a_connection_tells_what_was_spoken_on_it() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.send(&requests::api_versions(3));
    client.reply();
    client.log_in(ACME);
    for codec in [Codec::None, Codec::Zstd, Codec::None] {
        client.send(&Produce::one("nginx", 0, zeros(10, codec)).request());
        endpoint.commit();
        client.reply();
    }
    client.close();
    let line = endpoint.logs.line(&["DEBUG", "connection closed"]);
    let told = [
        r#"project="acme""#,
        r#"client="librdkafka 2.11.1""#,
        r#"client_id="test-client""#,
        r#"apis="ApiVersions/3 SaslHandshake/1 SaslAuthenticate/2 Produce/9""#,
        r#"batches="v2/none v2/zstd""#,
    ];
    for told in told {
        assert!(line.contains(told), "{told}: {line}");
    }
}

#[test]
fn a_bug_costs_one_connection_and_is_counted() {
    let endpoint = Endpoint::new();
    let _other = endpoint.client(ACME);
    let mut client = endpoint.client(ACME);
    client.session_mut().on_panic();
    drop(client);
    assert_eq!(endpoint.engine.connections(), 1);
    assert_eq!(endpoint.refusals(), [(Code::Bug, 1)].into());
    let closed = endpoint.engine.history().snapshot();
    assert_eq!(closed.len(), 1, "once, although it was dropped as well");
    assert_eq!(closed[0].reason, None);
    assert_eq!(endpoint.engine.counters().connections_closed.get(), 1);
}

#[test]
fn the_same_refusal_from_the_same_address_makes_one_line_a_minute() {
    let endpoint = Endpoint::new();
    let mut clients = [endpoint.client(NOBODY), endpoint.client(NOBODY)];
    let mut refuse = |times: usize| {
        for number in 0..times {
            clients[number % 2].metadata_error("nginx");
        }
    };
    refuse(7);
    let line = endpoint.logs.line(&["LB0501"]);
    assert!(line.contains("similar_last_minute=0"), "{line}");
    endpoint.pass(FOLD - Duration::from_millis(1));
    refuse(1);
    endpoint.pass(Duration::from_millis(1));
    refuse(1);
    let lines = endpoint.logs.lines(&["LB0501"]);
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("similar_last_minute=7"), "{}", lines[1]);
    assert_eq!(endpoint.refusals(), [(Code::NoWriteRight, 9)].into());

    // Another address, and another refusal, have lines of their own.
    let mut elsewhere = endpoint.try_connect([192, 0, 2, 8].into()).expect("let in");
    elsewhere.log_in(NOBODY);
    elsewhere.metadata_error("nginx");
    elsewhere.metadata_error("-");
    assert_eq!(endpoint.logs.lines(&["LB0501"]).len(), 3);
    endpoint.logs.line(&["LB0522"]);
}

#[test]
fn a_refusal_says_who_was_refused_what_and_what_to_do() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    client.refused(&Produce::one("nginx", 1, damaged(batch(&["x"]))));
    let line = endpoint.logs.line(&["WARN", "logboom::refuse"]);
    let help = Code::CorruptBatch.help();
    for word in ["LB0531", "192.0.2.7", "public", "acme", "test-client", "nginx", help] {
        assert!(line.contains(word), "{word}: {line}");
    }
}

#[test]
fn names_of_peers_cannot_forge_lines() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.client_id = "x\n2026-01-01 INFO all is well".into();
    client.log_in(ACME);
    client.metadata_error("y\nINFO all is well\u{1b}[2J");
    client.send(&requests::handshake(1, "z\nINFO all is well"));
    for line in endpoint.logs.lines(&["all is well"]) {
        assert!(line.contains("WARN") || line.contains("DEBUG"), "{line}");
        assert!(!line.contains('\u{1b}'));
    }
    assert!(!endpoint.logs.lines(&["all is well"]).is_empty());
}

#[test]
fn no_secret_is_in_what_is_printed_for_debugging() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.send(&requests::handshake(1, "PLAIN"));
    client.reply();
    // A login that is still being delayed.
    client.send(&requests::authenticate(2, &token("acme", &format!("acme-full#{WRONG_SECRET}"))));
    let _logged_in = endpoint.client(ACME);
    let printed = format!("{:?} {:?}", client.machine, endpoint.engine)
        + &format!("{:?}", client.session_mut());
    for secret in SECRETS {
        assert!(!printed.contains(secret));
    }
    assert!(printed.contains("acme-full"), "so that this test can fail");
}
