//! Another configuration, and the end of the server, while clients are connected.

use std::sync::Arc;
use std::time::Duration;

use logboom_access::{Policy, Secret, SecretHash};
use logboom_conn::{AbortReason, CloseReason};
use logboom_engine::Code;

use crate::common::Endpoint;
use crate::common::batches::batch;
use crate::common::client::Client;
use crate::common::requests::{self, Produce};
use crate::common::setup::{ACME, BETA, Credentials, NOBODY, Setup, WRITER, logstore};

const REVOKED: CloseReason = CloseReason::Aborted(AbortReason::KeyRevoked);

fn without_key(credentials: Credentials) -> Setup {
    let mut setup = Setup::default();
    setup.keys.retain(|key| key.id.as_str() != credentials.id);
    setup
}

fn reload(endpoint: &Endpoint, setup: &Setup) -> usize {
    endpoint.engine.reload(setup.directory()).expect("a good disk")
}

#[test]
fn a_revoked_key_ends_its_sessions_and_no_others() {
    let endpoint = Endpoint::new();
    let mut revoked = [endpoint.client(WRITER), endpoint.client(WRITER)];
    let mut others = [endpoint.client(ACME), endpoint.client(BETA), endpoint.connect()];
    assert_eq!(reload(&endpoint, &without_key(WRITER)), 2);
    for client in &mut revoked {
        client.run();
        assert_eq!(client.closed(), Some(&REVOKED));
    }
    for client in &mut others {
        client.run();
        assert_eq!(client.closed(), None);
    }
    assert_eq!(endpoint.refusals(), [(Code::KeyRevoked, 2)].into());
    others[2].log_in(ACME);
    let answer = endpoint.connect().try_log_in(WRITER.project, &WRITER.password());
    assert_eq!(answer.error_code, 58);
}

#[test]
fn of_two_secrets_the_retired_one_ends_its_sessions() {
    const NEXT: &str = "s3cr3t-of-tomorrow";
    let next = || SecretHash::new(&Secret::new(NEXT), [4; 16]);
    let endpoint = Endpoint::new();
    let mut setup = Setup::default();
    let mut old = endpoint.client(ACME);
    setup.keys[0].secrets.push(next());
    assert_eq!(reload(&endpoint, &setup), 0);
    let mut new = endpoint.client(Credentials { secret: NEXT, ..ACME });
    setup.keys[0].secrets.remove(0);
    assert_eq!(reload(&endpoint, &setup), 1);
    old.run();
    assert_eq!(old.closed(), Some(&REVOKED));
    assert_eq!(new.metadata_error("nginx"), 0);
}

#[test]
fn a_login_during_a_reload_gets_no_session_that_outlives_its_key() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.connect();
    client.send(&requests::handshake(1, "PLAIN"));
    client.reply();
    // The engine asks for the time when it has the rights in hand and has not yet used them.
    let (engine, without) = (Arc::clone(&endpoint.engine), without_key(WRITER).directory());
    endpoint.clock.when_asked(move || {
        assert_eq!(engine.reload(without).expect("a good disk"), 0, "not logged in yet");
    });
    let token = requests::token(WRITER.project, &WRITER.password());
    client.send(&requests::authenticate(2, &token));
    assert_eq!(client.closed(), Some(&REVOKED));
    assert_eq!(endpoint.engine.counters().logins.get(), 1, "it was in time to be accepted");
}

#[test]
fn a_new_logstore_is_there_and_a_removed_one_is_gone() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let mut setup = Setup::default();
    setup.logstores("acme").retain(|logstore| logstore.name.as_str() != "audit");
    setup.logstores("acme").push(logstore("brand-new", 3));
    assert_eq!((client.metadata_error("audit"), client.metadata_error("brand-new")), (0, 3));
    assert_eq!(reload(&endpoint, &setup), 0);
    assert_eq!((client.metadata_error("audit"), client.metadata_error("brand-new")), (3, 0));

    let produce = Produce::one("brand-new.json", 2, batch(&["x"])).with("audit", 0, batch(&["x"]));
    client.send(&produce.request());
    endpoint.commit();
    let errors: Vec<i16> = client.outcomes(9).iter().map(|outcome| outcome.error).collect();
    assert_eq!(errors, [0, 3]);
    assert_eq!(endpoint.values("acme", "brand-new", 2), ["x"]);

    // It comes back with what it had.
    assert_eq!(reload(&endpoint, &Setup::default()), 0);
    assert_eq!(client.metadata_error("audit"), 0);
}

#[test]
fn fewer_shards_hide_the_others() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let mut setup = Setup::default();
    setup.logstores("acme")[0].shards = 1;
    reload(&endpoint, &setup);
    assert_eq!(client.metadata(&["nginx"]).topics[0].partitions.len(), 1);
    assert_eq!(client.refused(&Produce::one("nginx", 1, batch(&["x"])))[0].error, 3);
}

#[test]
fn a_changed_policy_counts_from_the_next_request_on() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(NOBODY);
    assert_eq!(client.metadata_error("nginx"), 29);
    let mut setup = Setup::default();
    let key = setup.keys.iter_mut().find(|key| key.id.as_str() == NOBODY.id);
    key.expect("a key of the setup").policies.push(Policy::full_access());
    assert_eq!(reload(&endpoint, &setup), 0);
    assert_eq!(client.metadata_error("nginx"), 0);
    reload(&endpoint, &Setup::default());
    assert_eq!(client.metadata_error("nginx"), 29);
}

#[test]
fn a_request_that_is_on_its_way_survives_the_removal_of_its_logstore() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    client.send(&Produce::one("mysql", 0, batch(&["x"])).request());
    let mut setup = Setup::default();
    setup.logstores("acme").retain(|logstore| logstore.name.as_str() != "mysql");
    reload(&endpoint, &setup);
    endpoint.commit();
    assert_eq!(client.outcomes(9)[0].error, 0);
    assert_eq!(endpoint.values("acme", "mysql", 0), ["x"]);
}

fn drain(endpoint: &Endpoint, patience: Duration) -> usize {
    endpoint.engine.drain(endpoint.clock.now() + patience)
}

fn busy(endpoint: &Endpoint) -> Client {
    let mut client = endpoint.client(ACME);
    for value in ["a", "b", "c"] {
        client.send(&Produce::one("nginx", 0, batch(&[value])).request());
    }
    client
}

#[test]
fn a_drain_answers_everything_that_was_asked() {
    let endpoint = Endpoint::new();
    let (mut busy, mut idle) = (busy(&endpoint), endpoint.client(BETA));
    assert_eq!(drain(&endpoint, Duration::from_secs(5)), 2);
    idle.run();
    assert_eq!(idle.closed(), Some(&CloseReason::Drained));
    // What comes after the drain is not served any more.
    busy.send(&Produce::one("nginx", 0, batch(&["late"])).request());
    assert_eq!(busy.closed(), None);
    endpoint.commit();
    let replies = busy.replies();
    assert_eq!(replies.len(), 3);
    assert!(replies.iter().all(|reply| reply.outcomes(9)[0].error == 0));
    assert_eq!(busy.closed(), Some(&CloseReason::Drained));
    assert_eq!(endpoint.values("acme", "nginx", 0), ["a", "b", "c"]);
    assert_eq!((endpoint.engine.connections(), endpoint.refusals()), (0, [].into()));
}

#[test]
fn a_drain_ends_even_if_the_disk_does_not() {
    let endpoint = Endpoint::new();
    let mut busy = busy(&endpoint);
    drain(&endpoint, Duration::from_secs(5));
    busy.run();
    endpoint.pass(Duration::from_secs(5));
    busy.run();
    assert_eq!(busy.closed(), Some(&CloseReason::DrainTimeout));
    assert_eq!(endpoint.engine.connections(), 0);
}

#[test]
fn an_abort_closes_everything_at_once() {
    let endpoint = Endpoint::new();
    let mut clients = [busy(&endpoint), endpoint.client(BETA), endpoint.connect()];
    assert_eq!(endpoint.engine.abort(), 3);
    for client in &mut clients {
        client.run();
        assert_eq!(client.closed(), Some(&CloseReason::Aborted(AbortReason::Shutdown)));
    }
    assert_eq!(endpoint.engine.connections(), 0);
}
