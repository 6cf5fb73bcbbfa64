//! A delivery from its first byte to its last, against a server that does what it is told.

mod fake;
mod reaching;

use std::io::{PipeWriter, Read, Write, pipe};
use std::time::Duration;

use logboom_access::Secret;
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;
use logboom_wire::records::Codec;

use super::*;
use fake::{Behaviour, Fake, Mishap};

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
fn a_last_line_without_a_line_feed_is_a_line() {
    let fake = one_shard(&[]);
    let outcome = deliver_text(&destination(&fake.address), &settings(), "0\n1".to_owned());
    assert_eq!(outcome.tally.lines_stored, 2);
    assert_eq!(fake.log(0), ["0", "1"]);
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
    let settings = Settings { timeout: Duration::from_secs(2), ..settings() };
    let outcome = deliver_text(&destination(&fake.address), &settings, numbers(9));
    let error = outcome.result.unwrap_err();
    assert!(error.message.starts_with("gave up after 2 s"), "{error}");
    assert!(error.message.ends_with("(KAFKA_STORAGE_ERROR 56)"), "{error}");
    assert_eq!(outcome.first_line_left, 1);
}

#[test]
fn an_acknowledgement_renews_the_patience() {
    // It takes more than 1.5 seconds until each of two batches is stored.
    let busy = [Mishap::Refuse(ErrorCode::KafkaStorageError); 4];
    let fake = one_shard(&[&busy[..], &[Mishap::AnswerAndHangUp], &busy].concat());
    let settings = Settings { timeout: Duration::from_millis(2_800), ..settings() };
    let outcome = deliver_text(&destination(&fake.address), &settings, numbers(6));
    outcome.result.unwrap();
    assert_has_numbers(&fake, 6);
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
fn time_without_input_is_no_time_without_answers() {
    let fake = one_shard(&[]);
    let (mut writer, input) = writer_and_input();
    let server = fake.clone();
    let typing = std::thread::Builder::new().spawn(move || {
        writer.write_all(b"one\n").unwrap();
        server.wait_for(|seen| (!seen.logs[0].is_empty()).then_some(()));
        server.is_left_alone_for(Duration::from_millis(2_200));
        writer.write_all(b"two\n").unwrap();
    });
    let settings = Settings { timeout: Duration::from_secs(2), ..settings() };
    let (outcome, notes) = deliver(&destination(&fake.address), &settings, input);
    typing.unwrap().join().unwrap();
    outcome.unwrap().result.unwrap();
    assert_eq!(fake.log(0), ["one", "two"]);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn without_acknowledgements_it_ends_only_when_everything_has_arrived() {
    let settings = Settings { acks: Acks::None, ..settings() };
    // An end that comes too soon is a matter of chance.
    for _ in 0..50 {
        let fake = one_shard(&[]);
        let outcome = deliver_text(&destination(&fake.address), &settings, numbers(100));
        assert_has_numbers(&fake, 100);
        assert_eq!((outcome.tally.lines_stored, outcome.tally.places().as_str()), (100, ""));
        let requests = fake.wait_for(|seen| Some(seen.requests.clone()));
        assert!(!requests.contains(&ApiKey::InitProducerId));
    }
}

#[test]
fn without_acknowledgements_a_lost_connection_may_be_lost_lines() {
    let fake = one_shard(&[Mishap::HangUp]);
    let settings = Settings { acks: Acks::None, ..settings() };
    let outcome = deliver_text(&destination(&fake.address), &settings, numbers(3));
    let error = outcome.result.unwrap_err();
    assert!(error.help.iter().any(|help| help.contains("--acks 0")), "{error:?}");
}
