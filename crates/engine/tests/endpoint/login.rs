//! Logging in, and failing to.

use std::time::Duration;

use logboom_access::AuthFailure;
use logboom_conn::CloseReason;
use logboom_engine::{Code, FAILURES_MAX, PAUSE, WINDOW};

use crate::common::batches::batch;
use crate::common::client::REFUSAL_DELAY;
use crate::common::requests::{self, Produce, framed, token};
use crate::common::setup::{ACME, BETA, NOBODY, Setup, WRONG_SECRET};
use crate::common::{Endpoint, PEER};

/// The words of a refused login, whose connection must be over.
#[track_caller]
fn refused(endpoint: &Endpoint, user: &str, password: &str) -> String {
    let mut client = endpoint.connect();
    let answer = client.try_log_in(user, password);
    assert_eq!(answer.error_code, 58);
    assert_eq!(client.closed(), Some(&CloseReason::CredentialsRefused));
    answer.error_message.expect("words").to_string()
}

fn wrong_secret() -> String {
    format!("{}#{WRONG_SECRET}", ACME.id)
}

#[test]
fn a_login_counts_and_is_announced() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.send(&requests::api_versions(3));
    client.reply();
    client.log_in(ACME);
    assert_eq!(endpoint.engine.counters().logins.get(), 1);
    endpoint.logs.line(&["DEBUG", "logged in", "acme", "librdkafka 2.11.1"]);
}

#[test]
fn wrong_project_key_or_secret_are_answered_with_the_same_bytes() {
    let attempts = [
        (ACME.project, wrong_secret()),
        (ACME.project, format!("nobody#{WRONG_SECRET}")),
        ("absent", wrong_secret()),
        ("No Project!", format!("nobody#{WRONG_SECRET}")),
        (BETA.project, ACME.password()),
        (ACME.project, format!("{}#{}", NOBODY.id, ACME.secret)),
    ];
    for version in 0..=2 {
        let answers = attempts.each_ref().map(|(user, password)| {
            let endpoint = Endpoint::new();
            let mut client = endpoint.connect();
            client.send(&requests::handshake(1, "PLAIN"));
            client.send(&requests::authenticate(version, &token(user, password)));
            endpoint.pass(REFUSAL_DELAY);
            let bytes = client.bytes();
            assert_eq!(endpoint.refusals(), [(Code::BadCredentials, 1)].into());
            assert_eq!(endpoint.engine.counters().logins.get(), 0);
            endpoint.logs.line(&["WARN", "LB0401", "192.0.2.7"]);
            (bytes, client.closed().cloned())
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert!(!answers[0].0.is_empty());
    }
}

#[test]
fn a_refusal_comes_after_its_delay_and_not_before() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.send(&requests::handshake(1, "PLAIN"));
    client.reply();
    client.send(&requests::authenticate(2, &token("acme", &wrong_secret())));
    endpoint.pass(REFUSAL_DELAY - Duration::from_millis(1));
    assert_eq!((client.replies(), client.closed()), (vec![], None));
    endpoint.pass(Duration::from_millis(1));
    client.reply();
    assert!(client.closed().is_some());
}

#[test]
fn a_bare_token_is_answered_with_four_zeros_or_by_closing() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.send(&requests::handshake(0, "PLAIN"));
    client.reply();
    client.send_bytes(&framed(&token(ACME.project, &ACME.password())));
    assert_eq!(client.bytes(), [0; 4]);
    assert_eq!(client.metadata_error("nginx"), 0);

    for (password, code) in
        [(wrong_secret(), Code::BadCredentials), ("nohash".into(), Code::PasswordFormat)]
    {
        let endpoint = Endpoint::new();
        let mut client = endpoint.connect();
        client.send(&requests::handshake(0, "PLAIN"));
        client.reply();
        client.send_bytes(&framed(&token("acme", &password)));
        endpoint.pass(REFUSAL_DELAY);
        assert!(client.bytes().is_empty());
        assert_eq!(client.closed(), Some(&CloseReason::CredentialsRefused));
        assert_eq!(endpoint.refusals(), [(code, 1)].into());
    }
}

#[test]
fn a_password_without_a_hash_sign_is_told_so() {
    for password in [ACME.secret, ACME.id, "acme-full#", "#s3cr3t-of-acme-full"] {
        let endpoint = Endpoint::new();
        let words = refused(&endpoint, ACME.project, password);
        assert!(words.contains("AccessKeyID#AccessKeySecret"), "{words}");
        assert_eq!(endpoint.refusals(), [(Code::PasswordFormat, 1)].into());
        let known = if password == ACME.secret { "" } else { "acme-full" };
        let line = endpoint.logs.line(&["LB0402"]);
        assert!(password.starts_with('#') || line.contains(known), "{line}");
    }
}

#[test]
fn other_mechanisms_tokens_and_orders_are_refused_and_counted() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    let answer: kafka_protocol::messages::SaslHandshakeResponse =
        client.ask(&requests::handshake(1, "SCRAM-SHA-256"));
    let offered: Vec<&str> = answer.mechanisms.iter().map(|name| name.as_str()).collect();
    assert_eq!((answer.error_code, offered), (33, vec!["PLAIN"]));
    assert_eq!(client.closed(), Some(&CloseReason::MechanismRefused("SCRAM-SHA-256".into())));
    assert_eq!(endpoint.refusals(), [(Code::Mechanism, 1)].into());

    let mut client = endpoint.connect();
    client.send(&requests::handshake(1, "PLAIN"));
    client.reply();
    client.send(&requests::authenticate(2, b"no token at all"));
    endpoint.pass(REFUSAL_DELAY);
    let answer: kafka_protocol::messages::SaslAuthenticateResponse = client.reply().decode(2);
    assert_eq!(answer.error_code, 58);
    assert_eq!(client.closed(), Some(&CloseReason::MalformedSaslToken));
    assert_eq!(endpoint.refusals()[&Code::MalformedToken], 1);

    let mut client = endpoint.connect();
    let answer: kafka_protocol::messages::SaslAuthenticateResponse =
        client.ask(&requests::authenticate(2, &token("acme", "a#b")));
    assert_eq!(answer.error_code, 34);
    assert_eq!(client.closed(), Some(&CloseReason::IllegalSaslState));
    assert_eq!(endpoint.refusals()[&Code::IllegalSaslState], 1);
    assert_eq!(endpoint.refusals().len(), 3);
}

#[test]
fn after_ten_failures_logins_pause_and_the_cause_is_still_told() {
    let endpoint = Endpoint::new();
    let cause = refused(&endpoint, "acme", &wrong_secret());
    for _ in 1..FAILURES_MAX {
        assert_eq!(refused(&endpoint, "acme", &wrong_secret()), cause);
    }
    assert_eq!(endpoint.refusals(), [(Code::BadCredentials, u64::from(FAILURES_MAX))].into());

    // Whatever else is wrong is not looked at any more.
    let words = refused(&endpoint, "acme", "no separator");
    assert!(words.starts_with(&cause) && words.contains("paused"), "{words}");
    assert_eq!(endpoint.refusals()[&Code::LoginPaused], 1);
    endpoint.logs.line(&["WARN", "LB0403", "acme"]);

    endpoint.pass(PAUSE);
    assert_eq!(refused(&endpoint, "acme", &wrong_secret()), cause);
}

#[test]
fn a_client_with_an_old_password_keeps_no_other_client_of_its_address_out() {
    let endpoint = Endpoint::new();
    for _ in 0..=FAILURES_MAX {
        refused(&endpoint, "acme", &wrong_secret());
    }
    endpoint.client(ACME);
    endpoint.client(BETA);
    assert_eq!(endpoint.engine.counters().logins.get(), 2);
}

#[test]
fn a_success_in_between_makes_up_for_failures() {
    let endpoint = Endpoint::new();
    for _ in 0..3 {
        for _ in 1..FAILURES_MAX {
            refused(&endpoint, "acme", &wrong_secret());
        }
        endpoint.client(ACME);
    }
    assert_eq!(endpoint.refusals().get(&Code::LoginPaused), None);
}

#[test]
fn failures_now_and_then_do_not_pause() {
    let endpoint = Endpoint::new();
    for _ in 0..3 * FAILURES_MAX {
        refused(&endpoint, "acme", &wrong_secret());
        endpoint.pass(WINDOW / 8);
    }
    endpoint.client(ACME);
    assert_eq!(endpoint.refusals().get(&Code::LoginPaused), None);
}

#[test]
fn with_auth_failure_topic_a_wrong_key_gets_in_and_may_do_nothing() {
    let endpoint = Endpoint::with(Setup { auth_failure: AuthFailure::Topic, ..Setup::default() });
    let mut client = endpoint.connect();
    let answer = client.try_log_in("acme", &wrong_secret());
    assert_eq!((answer.error_code, answer.error_message), (0, None));
    assert_eq!(endpoint.refusals(), [(Code::BadCredentials, 1)].into());
    assert_eq!(endpoint.engine.counters().logins.get(), 0);

    for topic in ["nginx", "absent", "nginx.json"] {
        assert_eq!(client.metadata_error(topic), 29);
        let produce = Produce::one(topic, 0, batch(&["stolen"]));
        assert_eq!(client.refused(&produce)[0].error, 29);
    }
    let all: kafka_protocol::messages::MetadataResponse = client.ask(&requests::all_metadata(9));
    assert_eq!(all.topics, []);
    endpoint.commit();
    assert_eq!(endpoint.all_values(), [""; 0]);
    assert_eq!(endpoint.refusals()[&Code::NoWriteRight], 6);
    // The right key works as ever.
    assert_eq!(endpoint.client(ACME).metadata_error("nginx"), 0);
}

#[test]
fn who_says_nothing_is_closed_after_a_while() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    endpoint.pass(Duration::from_secs(10));
    client.run();
    assert_eq!(client.closed(), Some(&CloseReason::AuthTimeout));
    assert_eq!(endpoint.refusals(), [(Code::LoginTimeout, 1)].into());
}

#[test]
fn a_user_name_that_is_no_project_may_be_a_secret_and_is_not_kept() {
    let endpoint = Endpoint::new();
    // Somebody has put the password into the field for the user, and the other way round.
    refused(&endpoint, &ACME.password(), "acme");
    let closed = endpoint.engine.history().snapshot();
    assert_eq!((closed[0].peer.ip(), &closed[0].project), (PEER, &None));
    assert_eq!(endpoint.logs.lines(&[ACME.id]), [""; 0]);
}
