//! A delivery from its first byte to its last, against a server that does what it is told.

mod fake;

use std::io::{PipeWriter, Read, Write, pipe};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use logboom_access::Secret;
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;
use logboom_wire::records::Codec;
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::*;
use fake::{Behaviour, Fake, Mishap, WRONG_PASSWORD};

/// Notes every trouble that is tried again.
#[derive(Debug, Default)]
struct Notes(Vec<String>);

impl Watcher for Notes {
    fn progress(&mut self, _: &Tally) {}

    fn trouble(&mut self, error: &Error) {
        self.0.push(error.message.clone());
    }
}

fn destination(server: &Address) -> Destination {
    Destination {
        servers: vec![server.clone()],
        tls: None,
        login: Some(Login { username: "demo".into(), password: Secret::new("key#secret") }),
        client_id: "test".into(),
        topic: "demo".into(),
    }
}

fn settings() -> Settings {
    Settings {
        acks: Acks::All,
        codec: Codec::Zstd,
        key: None,
        headers: Vec::new(),
        batch_lines_max: 3,
        linger: Duration::from_millis(5),
        timeout: Duration::from_secs(20),
    }
}

/// The numbers from 0 on, one a line.
fn numbers(count: usize) -> String {
    (0..count).map(|number| format!("{number}\n")).collect()
}

/// Sends everything there is.
fn deliver(
    destination: &Destination,
    settings: &Settings,
    input: impl Read + Send + 'static,
) -> (Result<Outcome, Error>, Vec<String>) {
    let mut notes = Notes::default();
    let outcome = Delivery::connect(destination, settings)
        .map(|delivery| delivery.run(Box::new(input), &mut notes));
    (outcome, notes.0)
}

fn deliver_text(destination: &Destination, settings: &Settings, text: String) -> Outcome {
    deliver(destination, settings, std::io::Cursor::new(text)).0.unwrap()
}

/// Why nothing could be sent to a server with this behaviour.
fn refusal(behaviour: Behaviour) -> Error {
    let fake = Fake::start(behaviour);
    deliver(&destination(&fake.address), &settings(), std::io::empty()).0.unwrap_err()
}

/// Everything in the log of the only shard, which has to be the numbers from 0 on.
fn assert_has_numbers(fake: &Fake, count: usize) {
    assert_eq!(fake.log(0).join("\n") + "\n", numbers(count));
}

fn one_shard(mishaps: &[Mishap]) -> Fake {
    let mishaps = mishaps.iter().copied().collect();
    Fake::start(Behaviour { mishaps, shards: Some(1), ..Behaviour::default() })
}

#[test]
fn every_line_arrives_once_and_the_offsets_are_told() {
    let fake = one_shard(&[]);
    let outcome = deliver_text(&destination(&fake.address), &settings(), numbers(100));
    assert_eq!(outcome.result.unwrap(), None);
    assert_eq!(outcome.tally.places(), ", offsets 0-99 of shard 0");
    assert_eq!((outcome.tally.lines_stored, outcome.first_line_left), (100, 101));
    assert_has_numbers(&fake, 100);
}

#[test]
fn lines_are_spread_over_the_shards() {
    let fake = Fake::start(Behaviour { shards: Some(3), ..Behaviour::default() });
    deliver_text(&destination(&fake.address), &settings(), numbers(9));
    // The producer id is 4, so it begins with shard 1.
    assert_eq!(fake.log(1), ["0", "1", "2"]);
    assert_eq!(fake.log(2), ["3", "4", "5"]);
    assert_eq!(fake.log(0), ["6", "7", "8"]);
}

#[test]
fn an_empty_input_is_delivered_too() {
    let fake = one_shard(&[]);
    let outcome = deliver_text(&destination(&fake.address), &settings(), String::new());
    assert_eq!(outcome.result.unwrap(), None);
    assert_eq!(outcome.tally.lines_stored, 0);
}

#[test]
fn whatever_happens_on_the_way_each_line_is_stored_once_and_in_order() {
    let fake = one_shard(&[
        Mishap::Refuse(ErrorCode::NotEnoughReplicas),
        Mishap::StoreAndHangUp,
        Mishap::AnswerAndHangUp,
        Mishap::HangUp,
        Mishap::StoreTooLate,
        Mishap::Refuse(ErrorCode::KafkaStorageError),
        Mishap::StoreAndHangUp,
    ]);
    let input = std::io::Cursor::new(numbers(100));
    let (outcome, notes) = deliver(&destination(&fake.address), &settings(), input);
    outcome.unwrap().result.unwrap();
    assert_has_numbers(&fake, 100);
    assert!(notes.iter().any(|note| note.contains("NOT_ENOUGH_REPLICAS 19")), "{notes:?}");
    assert!(notes.iter().any(|note| note.ends_with("the server closed it")), "{notes:?}");
}

#[test]
fn a_server_that_falls_silent_is_connected_to_once_more() {
    let fake = one_shard(&[Mishap::FallSilent]);
    let settings = Settings { timeout: Duration::from_secs(2), ..settings() };
    let outcome = deliver_text(&destination(&fake.address), &settings, numbers(3));
    outcome.result.unwrap();
    assert_has_numbers(&fake, 3);
}

#[test]
fn a_server_that_never_has_time_is_given_up_with_its_reason() {
    let fake = one_shard(&[Mishap::Refuse(ErrorCode::KafkaStorageError); 99]);
    let settings = Settings { timeout: Duration::from_secs(1), ..settings() };
    let outcome = deliver_text(&destination(&fake.address), &settings, numbers(9));
    let error = outcome.result.unwrap_err();
    assert!(error.message.starts_with("gave up after 1 s"), "{error}");
    assert!(error.message.ends_with("(KAFKA_STORAGE_ERROR 56)"), "{error}");
    assert_eq!(outcome.first_line_left, 1);
}

#[test]
fn a_refused_batch_ends_it_and_says_which_line_is_left() {
    let fake = one_shard(&[]);
    let (mut writer, input) = writer_and_input();
    let mut notes = Notes::default();
    let (destination, settings) = (destination(&fake.address), settings());
    let delivery = Delivery::connect(&destination, &settings).unwrap();
    let order = fake.clone();
    let typing = std::thread::Builder::new().spawn(move || {
        writer.write_all(b"0\n1\n2\n").unwrap();
        order.wait_for(|seen| (seen.logs[0].len() == 3).then_some(()));
        order.next_is(Mishap::Refuse(ErrorCode::MessageTooLarge));
        writer.write_all(b"3\n").unwrap();
        writer
    });
    let outcome = delivery.run(Box::new(input), &mut notes);
    drop(typing.unwrap().join().unwrap());
    let error = outcome.result.unwrap_err();
    assert_eq!(error.message, "writing to `demo` was refused (MESSAGE_TOO_LARGE 10)");
    assert_eq!((outcome.tally.lines_stored, outcome.first_line_left), (3, 4));
}

/// An input that somebody types.
fn writer_and_input() -> (PipeWriter, impl Read + Send + 'static) {
    let (input, writer) = pipe().unwrap();
    (writer, input)
}

#[test]
fn a_line_is_sent_while_the_input_stays_open_and_a_stop_finishes_what_was_read() {
    let fake = one_shard(&[]);
    let (mut writer, input) = writer_and_input();
    let (destination, settings) = (destination(&fake.address), settings());
    let delivery = Delivery::connect(&destination, &settings).unwrap();
    let (stopper, server) = (delivery.stopper(), fake.clone());
    let typing = std::thread::Builder::new().spawn(move || {
        writer.write_all(b"one\nunfinished").unwrap();
        server.wait_for(|seen| (!seen.logs[0].is_empty()).then_some(()));
        stopper.stop(2);
        writer
    });
    let outcome = delivery.run(Box::new(input), &mut Notes::default());
    drop(typing.unwrap().join().unwrap());
    assert_eq!(outcome.result.unwrap(), Some(2));
    assert_eq!(fake.log(0), ["one"]);
}

#[test]
fn a_connection_that_ends_while_nothing_happens_is_made_anew() {
    let fake = one_shard(&[Mishap::AnswerAndHangUp]);
    let (mut writer, input) = writer_and_input();
    let server = fake.clone();
    let typing = std::thread::Builder::new().spawn(move || {
        writer.write_all(b"one\n").unwrap();
        server.wait_for(|seen| (seen.hang_ups == 1).then_some(()));
        writer.write_all(b"two\n").unwrap();
    });
    let (outcome, _) = deliver(&destination(&fake.address), &settings(), input);
    typing.unwrap().join().unwrap();
    outcome.unwrap().result.unwrap();
    assert_eq!(fake.log(0), ["one", "two"]);
    assert_eq!(fake.wait_for(|seen| Some(seen.connections)), 2);
}

#[test]
fn without_acknowledgements_it_ends_only_when_everything_has_arrived() {
    let fake = one_shard(&[]);
    let settings = Settings { acks: Acks::None, ..settings() };
    let outcome = deliver_text(&destination(&fake.address), &settings, numbers(100));
    assert_eq!((outcome.tally.lines_stored, outcome.tally.places().as_str()), (100, ""));
    assert_has_numbers(&fake, 100);
    let requests = fake.wait_for(|seen| Some(seen.requests.clone()));
    assert!(!requests.contains(&ApiKey::InitProducerId));
    assert_eq!(requests.last(), Some(&ApiKey::Metadata));
}

#[test]
fn without_acknowledgements_a_lost_connection_may_be_lost_lines() {
    let fake = one_shard(&[Mishap::HangUp]);
    let settings = Settings { acks: Acks::None, ..settings() };
    let outcome = deliver_text(&destination(&fake.address), &settings, numbers(3));
    let error = outcome.result.unwrap_err();
    assert!(error.help.iter().any(|help| help.contains("--acks 0")), "{error:?}");
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
