//! A configuration is changed without a restart.

use std::io;
use std::thread;

use logboom_tests::{Authority, Client, Config, Connector, Logstore, ProduceError, Site, batch};
use rustix::process::Signal;

use super::load::{Board, Producer, TARGET};
use super::{acme, site};

const RELOADED: &str = "configuration reloaded";
const NOT_RELOADED: &str = "not reloaded, still running the present configuration";

#[test]
fn a_new_logstore_can_be_written_to_by_connections_that_are_open() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    assert_eq!(code(client.produce("fresh", 0, batch(["early"]))), Some(3));
    let mut config = Config::default();
    config.projects[0].logstores.push(Logstore { name: "fresh", shards: 2 });
    site.configure(&config);
    server.signal(Signal::HUP);
    let _event = server.wait_for_message(RELOADED);
    assert_eq!(code(client.produce("fresh", 1, batch(["late"]))), None);
    assert_eq!(code(client.produce("web", 0, batch(["as before"]))), None);
    let _events = server.stop();
    assert_eq!(site.read("acme/fresh").len(), 1);
}

#[test]
fn sessions_of_a_removed_key_are_closed_and_no_others() {
    let site = site();
    let server = site.serve();
    let mut kept = server.public(&site).login(&acme());
    let mut removed = server.public(&site).login(&Config::ACME_WEB.credentials());
    assert_eq!(code(removed.produce("web", 0, batch(["before"]))), None);
    let mut config = Config::default();
    config.keys.retain(|key| key.id != Config::ACME_WEB.id);
    site.configure(&config);
    server.signal(Signal::HUP);
    removed.expect_end();
    drop(removed);
    assert_eq!(server.wait_for_message(RELOADED).number("sessions_revoked"), Some(1));
    let _event = server.wait_for_code("LB0408");
    assert_eq!(code(kept.produce("web", 0, batch(["after"]))), None);
    let login = server.public(&site).connect().login(&Config::ACME_WEB.credentials());
    assert_eq!(login.expect("the connection lives").expect_err("the key is gone").code, 58);
    let _events = server.stop();
}

#[test]
fn new_connections_get_the_new_certificate_and_open_ones_live_on() {
    let site = site();
    let server = site.serve();
    let mut open = server.public(&site).login(&acme());
    let successor = Authority::new("second authority");
    site.issue_certificate(&successor);
    server.signal(Signal::HUP);
    let _event = server.wait_for_message(RELOADED);
    let trusting_new = Connector::tls(server.addresses()[0], successor.trusting());
    let mut new = trusting_new.login(&acme());
    assert!(server.public(&site).try_connect().is_err(), "the old certificate is still there");
    let _event = server.wait_for_code("LB0315");
    for client in [&mut open, &mut new] {
        assert_eq!(code(client.produce("web", 0, batch(["either"]))), None);
    }
    let _events = server.stop();
}

#[test]
fn a_bad_configuration_changes_nothing_and_is_reported() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    let good = site.text("logboom.toml");
    // Without any access key, and with one mistake in the last line.
    let (mostly, _) = good.split_once("[[access_key]]").expect("there is one");
    site.write("logboom.toml", &format!("{mostly}retension = \"1d\"\n"));
    server.signal(Signal::HUP);
    let event = server.wait_for_message(NOT_RELOADED);
    assert_eq!((event.text("level"), event.code()), ("ERROR", "LB0103"));
    assert_eq!(event.text("file"), "logboom.toml");
    assert_eq!(event.number("line"), Some(mostly.lines().count() as u64 + 1));
    assert_still_works(&mut client, &site, &server.public(&site));
    site.write("logboom.toml", &good);
    server.signal(Signal::HUP);
    let _event = server.wait_for_message(RELOADED);
    assert_still_works(&mut client, &site, &server.public(&site));
    let _events = server.stop();
}

#[test]
fn a_certificate_that_cannot_be_read_keeps_the_old_one() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    site.write("server.pem", "no certificate");
    server.signal(Signal::HUP);
    assert_eq!(server.wait_for_message(NOT_RELOADED).code(), "LB0142");
    assert_still_works(&mut client, &site, &server.public(&site));
    let _events = server.stop();
}

#[test]
fn what_waits_for_a_restart_is_named() {
    let site = site();
    let server = site.serve();
    let mut config = Config::with_limit("connections_max", "5000");
    config.listeners.pop();
    site.configure(&config);
    server.signal(Signal::HUP);
    let _event = server.wait_for_message("listeners changed: restart");
    let _event = server.wait_for_message("limits of the whole process changed: restart");
    let _client = server.internal().login(&acme());
    let _events = server.stop();
}

#[test]
fn reloads_under_load_disturb_nobody() {
    let site = site();
    let server = site.serve();
    let board = Board::default();
    let mut producer = Producer::plain("steady", 0);
    let mut client = server.public(&site).login(&acme());
    thread::scope(|scope| {
        scope.spawn(|| producer.run(&mut client, &board));
        for shards in 1..5 {
            let mut config = Config::default();
            config.projects[0].logstores.push(Logstore { name: "other", shards });
            site.configure(&config);
            server.signal(Signal::HUP);
            board.wait_for_more(50);
        }
        let events = server.stop();
        let reloads = events.iter().filter(|event| event.message() == RELOADED).count();
        assert!((1..5).contains(&reloads), "{reloads} reloads");
        assert!(events.iter().all(|event| ["", "LB0122"].contains(&event.code())), "{events:#?}");
    });
    board.check_nothing_else(&site.read(TARGET));
}

fn assert_still_works(client: &mut Client, site: &Site, connector: &Connector) {
    assert_eq!(code(client.produce("web", 0, batch(["open"]))), None, "{site:?}");
    assert_eq!(code(connector.login(&acme()).produce("web", 0, batch(["new"]))), None);
}

/// Kafka's error code of a batch that was refused.
fn code(produced: io::Result<Result<u64, ProduceError>>) -> Option<i16> {
    produced.expect("the connection lives").err().map(|error| error.code)
}
