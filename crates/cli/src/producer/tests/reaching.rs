//! The way to a server: addresses, TLS, login, and everything that may be wrong with them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use logboom_access::Secret;
use logboom_wire::error::ErrorCode;
use logboom_wire::records::Codec;
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::fake::{Behaviour, Fake, WRONG_PASSWORD};
use super::{assert_has_numbers, deliver, deliver_text, destination, numbers, one_shard, settings};
use crate::producer::{Address, Destination, Error, Login, Settings, tls_config};

/// Why nothing could be sent to a server with this behaviour.
fn refusal(behaviour: Behaviour) -> Error {
    let fake = Fake::start(behaviour);
    deliver(&destination(&fake.address), &settings(), std::io::empty()).0.unwrap_err()
}

#[test]
fn a_refused_login_repeats_the_words_of_the_server() {
    let fake = Fake::start(Behaviour::default());
    let mut destination = destination(&fake.address);
    destination.login = Some(Login { username: "demo".into(), password: Secret::new("key#wrong") });
    let error = deliver(&destination, &settings(), std::io::empty()).0.unwrap_err();
    assert_eq!(error.message, format!("login refused: {WRONG_PASSWORD}"));
}

#[test]
fn a_server_without_plain_says_what_it_has() {
    let mechanisms = Some("PLAIN over SASL_SSL only");
    let error = refusal(Behaviour { mechanisms, ..Behaviour::default() });
    assert!(error.message.ends_with("it says: PLAIN over SASL_SSL only"), "{error}");
}

#[test]
fn a_topic_that_cannot_be_written_to_is_refused_before_anything_is_sent() {
    for (error, code) in [
        (ErrorCode::TopicAuthorizationFailed, "LB0501"),
        (ErrorCode::UnknownTopicOrPartition, "LB0521"),
        (ErrorCode::InvalidTopic, "LB0522"),
    ] {
        let refusal = refusal(Behaviour { topic_error: Some(error), ..Behaviour::default() });
        assert_eq!(refusal.code, Some(code));
    }
}

#[test]
fn an_old_server_is_asked_again_in_its_own_version() {
    let fake = Fake::start(Behaviour { is_old: true, shards: Some(1), ..Behaviour::default() });
    deliver_text(&destination(&fake.address), &settings(), numbers(3));
    assert_has_numbers(&fake, 3);
}

#[test]
fn records_go_where_the_server_tells_its_clients_to_go() {
    let leader = one_shard(&[]);
    let advertise = Some(leader.address.clone());
    let first = Fake::start(Behaviour { advertise, shards: Some(1), ..Behaviour::default() });
    deliver_text(&destination(&first.address), &settings(), numbers(3));
    assert_has_numbers(&leader, 3);
}

#[test]
fn an_advertised_address_that_nobody_reaches_is_named_with_who_told_it() {
    let unreachable = unused_address();
    let advertise = Some(unreachable.clone());
    let error = refusal(Behaviour { advertise, ..Behaviour::default() });
    assert!(error.message.contains(&unreachable.to_string()), "{error}");
    assert!(error.help.iter().any(|help| help.contains("`advertise`")), "{error:?}");
}

/// An address that was free a moment ago.
fn unused_address() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Address { host: "127.0.0.1".to_owned(), port: listener.local_addr().unwrap().port() }
}

#[test]
fn of_several_servers_the_first_one_that_can_be_reached_is_taken() {
    let fake = one_shard(&[]);
    let mut destination = destination(&fake.address);
    destination.servers.insert(0, unused_address());
    deliver_text(&destination, &settings(), numbers(3));
    assert_has_numbers(&fake, 3);
}

#[test]
fn a_server_that_is_not_there_is_asked_for() {
    let error = deliver(&destination(&unused_address()), &settings(), std::io::empty());
    let error = error.0.unwrap_err();
    assert!(error.message.ends_with(": connection refused"), "{error}");
    assert!(error.help.iter().any(|help| help.contains("`{program} serve`")), "{error:?}");
}

#[test]
fn something_else_than_kafka_is_recognised() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let web = std::thread::Builder::new().spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // Until the client has seen enough.
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let address = Address { host: "127.0.0.1".to_owned(), port };
    let error = deliver(&destination(&address), &settings(), std::io::empty()).0.unwrap_err();
    assert!(error.message.starts_with("cannot understand the answer"), "{error}");
    web.unwrap().join().unwrap();
}

#[test]
fn a_server_that_wants_tls_is_guessed_from_its_silence() {
    let (server, _) = tls();
    let error = refusal(Behaviour { tls: Some(server), ..Behaviour::default() });
    assert!(error.help.iter().any(|help| help.ends_with("=SASL_SSL")), "{error:?}");
}

/// TLS for a server at localhost, and for clients that trust it.
fn tls() -> (Arc<rustls::ServerConfig>, Arc<rustls::ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), made.cert.pem()).unwrap();
    (Arc::new(server), tls_config(Some(ca.path())).unwrap())
}

#[test]
fn lines_arrive_through_tls_and_so_do_large_batches() {
    let (server, client) = tls();
    let fake =
        Fake::start(Behaviour { tls: Some(server), shards: Some(1), ..Behaviour::default() });
    let destination = Destination { tls: Some(client), ..destination(&fake.address) };
    let settings = Settings { codec: Codec::None, batch_lines_max: 100_000, ..settings() };
    let outcome = deliver_text(&destination, &settings, numbers(500_000));
    outcome.result.unwrap();
    assert_has_numbers(&fake, 500_000);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let ((server, _), (_, stranger)) = (tls(), tls());
    let fake = Fake::start(Behaviour { tls: Some(server), ..Behaviour::default() });
    let destination = Destination { tls: Some(stranger), ..destination(&fake.address) };
    let error = deliver(&destination, &settings(), std::io::empty()).0.unwrap_err();
    assert!(error.message.ends_with("is not trusted: its authority is unknown here"), "{error}");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let (server, client) = tls();
    let fake = Fake::start(Behaviour { tls: Some(server), ..Behaviour::default() });
    let other = Address { host: "127.0.0.1".to_owned(), ..fake.address };
    let destination = Destination { tls: Some(client), ..destination(&other) };
    let error = deliver(&destination, &settings(), std::io::empty()).0.unwrap_err();
    assert!(error.message.contains("is not trusted: certificate not valid for name"), "{error}");
}

#[test]
fn tls_where_there_is_none_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let plaintext = std::thread::Builder::new().spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"logboom: this port speaks plaintext Kafka, not TLS.\n").unwrap();
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let (_, client) = tls();
    let address = Address { host: "localhost".to_owned(), port };
    let destination = Destination { tls: Some(client), ..destination(&address) };
    let error = deliver(&destination, &settings(), std::io::empty()).0.unwrap_err();
    assert!(error.message.ends_with("does not speak TLS"), "{error}");
    plaintext.unwrap().join().unwrap();
}
