//! What the operator is told although nothing is refused, and what both sides are told when something
//! is.

use logboom_engine::{FOLD, Notice};
use logboom_store::Crash;

use crate::common::batches::{message_set, stamped, timed};
use crate::common::client::Client;
use crate::common::requests::{self, Produce};
use crate::common::setup::{ACME, WRONG_SECRET};
use crate::common::{Endpoint, START_MS};

/// Sends records that must be accepted.
#[track_caller]
fn send(endpoint: &Endpoint, client: &mut Client, records: Vec<u8>) {
    let produce = Produce::one("nginx", 0, records);
    client.send(&produce.request());
    endpoint.commit();
    assert_eq!(client.outcomes(produce.version)[0].error, 0);
}

fn count(endpoint: &Endpoint, notice: Notice) -> u64 {
    assert!(endpoint.refusals().is_empty(), "nothing is refused");
    endpoint.engine.counters().notices(notice)
}

#[test]
fn the_host_name_of_another_project_is_noticed_and_the_login_counts() {
    let endpoint = Endpoint::new();
    for unsuspicious in ["acme.logs.example.com", "kafka.logs.example.com", "alias.example.org"] {
        endpoint.connect_to(unsuspicious).log_in(ACME);
    }
    assert_eq!(count(&endpoint, Notice::HostOfAnotherProject), 0);
    let mut client = endpoint.connect_to("beta.logs.example.com");
    client.log_in(ACME);
    assert_eq!(count(&endpoint, Notice::HostOfAnotherProject), 1);
    let line = endpoint.logs.line(&["WARN", "logboom::notice", "LB0801"]);
    assert!(line.contains("that of project beta, the user name acme"), "{line}");
    let metadata = client.metadata(&["nginx"]);
    let broker = metadata.brokers[0].host.to_string();
    assert_eq!(broker, "acme.logs.example.com", "sent where it belongs");
    send(&endpoint, &mut client, timed(START_MS));
}

#[test]
fn a_wrong_key_at_the_host_name_of_another_project_is_told_so_whether_or_not_that_exists() {
    let password = format!("{}#{WRONG_SECRET}", ACME.id);
    let answers = ["beta", "absent"].map(|other| {
        let endpoint = Endpoint::new();
        let mut client = endpoint.connect_to(&format!("{other}.logs.example.com"));
        let words = client.try_log_in("acme", &password).error_message.expect("words").to_string();
        let told = format!("the host name is that of project {other}, the user name acme");
        let line = endpoint.logs.line(&["WARN", "LB0401"]);
        assert!(line.contains(&told), "{line}");
        assert!(words.contains(&told) && words.contains("[LB0401]"), "{words}");
        assert!(words.len() < 400, "clients cut long words");
        words.replace(other, "")
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn a_user_name_that_can_be_no_project_is_not_repeated() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect_to("beta.logs.example.com");
    let answer = client.try_log_in("acme-full#Secret", WRONG_SECRET);
    assert!(!answer.error_message.expect("words").contains("host name"));
    assert!(endpoint.logs.lines(&["acme-full#Secret"]).is_empty());
}

#[test]
fn an_old_message_format_is_noticed_once_a_connection_with_the_setting_of_the_client() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.send(&requests::api_versions(3));
    client.reply();
    client.log_in(ACME);
    send(&endpoint, &mut client, timed(START_MS));
    assert_eq!(count(&endpoint, Notice::OldFormat), 0);
    for magic in [0, 1, 0] {
        send(&endpoint, &mut client, message_set(magic, b"old"));
    }
    assert_eq!(count(&endpoint, Notice::OldFormat), 1);
    let line = endpoint.logs.line(&["INFO", "LB0802", "librdkafka 2.11.1"]);
    assert!(line.contains("message format 0") && line.contains("api.version.request"), "{line}");
}

#[test]
fn a_producer_id_from_elsewhere_is_noticed_and_its_batches_are_stored_once() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let own = client.producer_id().producer_id.0;
    send(&endpoint, &mut client, stamped(&["own"], own, 0, 0));
    assert_eq!(count(&endpoint, Notice::ForeignProducerId), 0);
    for _ in 0..2 {
        send(&endpoint, &mut client, stamped(&["foreign"], own + 1, 4, 700));
    }
    assert_eq!(endpoint.values("acme", "nginx", 0), ["own", "foreign"]);
    assert_eq!(count(&endpoint, Notice::ForeignProducerId), 2);
    let line = endpoint.logs.line(&["WARN", "LB0803"]);
    assert!(line.contains(&format!("producer id {}", own + 1)), "{line}");
}

#[test]
fn a_producer_id_from_before_a_restart_is_the_own() {
    let endpoint = Endpoint::new();
    let own = endpoint.client(ACME).producer_id().producer_id.0;
    endpoint.commit();
    let endpoint = endpoint.restart(Crash::LoseUnsynced);
    let mut client = endpoint.client(ACME);
    send(&endpoint, &mut client, stamped(&["later"], own, 0, 9));
    assert_eq!(count(&endpoint, Notice::ForeignProducerId), 0);
}

#[test]
fn records_from_the_future_are_noticed_in_words_and_old_ones_are_not() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    for unsuspicious in [0, START_MS - 7 * 86_400_000, START_MS, START_MS + 3_600_000] {
        send(&endpoint, &mut client, timed(unsuspicious));
    }
    assert_eq!(count(&endpoint, Notice::RecordsFromTheFuture), 0);
    let ahead = || timed(START_MS + (2 * 60 + 3) * 60_000);
    send(&endpoint, &mut client, ahead());
    let line = endpoint.logs.line(&["WARN", "LB0804", "acme", "test-client"]);
    assert!(line.contains("records are 2 h 3 min ahead of this machine's clock"), "{line}");

    send(&endpoint, &mut client, ahead());
    endpoint.logs.line(&["LB0804"]);
    assert_eq!(count(&endpoint, Notice::RecordsFromTheFuture), 2);
    endpoint.pass(FOLD);
    send(&endpoint, &mut client, ahead());
    let lines = endpoint.logs.lines(&["LB0804"]);
    assert!(lines.len() == 2 && lines[1].contains("similar_last_minute=1"), "{lines:?}");
}

#[test]
fn a_client_that_is_refused_before_its_login_is_told_apart_and_given_its_own_setting() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.send(&requests::api_versions(3));
    client.reply();
    client.send(&requests::handshake(1, "SCRAM-SHA-256"));
    client.reply();
    client.close();
    let line = endpoint.logs.line(&["WARN", "LB0404"]);
    assert!(line.contains("librdkafka 2.11.1") && line.contains("sasl.mechanism=PLAIN"), "{line}");

    let mut client = endpoint.connect();
    client.client_id = "beats".into();
    client.try_log_in("acme", "acme-full");
    let line = endpoint.logs.line(&["WARN", "LB0402"]);
    assert!(line.contains("username and password, in quotes"), "{line}");
}
