//! A disk that is full, and one that fails.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use logboom_engine::Code;
use logboom_store::{Crash, Fault, OperationKind};

use crate::common::Endpoint;
use crate::common::batches::batch;
use crate::common::requests::Produce;
use crate::common::setup::{ACME, BETA, Setup, logstore};

/// Lets every sync of a file fail from now on.
fn break_sync(endpoint: &Endpoint) {
    endpoint.disk.set_hook(Box::new(|operation| {
        (operation.kind == OperationKind::Sync).then_some(Fault::Fail(ErrorKind::Other))
    }));
}

fn produce(value: &str) -> Produce {
    Produce::one("nginx", 0, batch(&[value]))
}

/// Counts how often the engine says that the store has failed.
fn count_failures(endpoint: &Endpoint) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&count);
    endpoint.engine.when_store_fails(move |poison| {
        assert_eq!(poison.operation, "sync");
        counting.fetch_add(1, Ordering::Relaxed);
    });
    count
}

#[test]
fn a_full_disk_is_answered_56_and_writing_resumes_by_itself() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    client.send(&produce("before").request());
    endpoint.commit();
    assert_eq!(client.outcomes(9)[0].error, 0);

    endpoint.disk.set_foreign_bytes(u64::MAX / 2);
    client.send(&produce("refused").with("audit", 0, batch(&["refused"])).request());
    endpoint.commit();
    for outcome in client.outcomes(9) {
        assert_eq!((outcome.error, outcome.base_offset), (56, -1));
        assert!(outcome.message.is_some_and(|message| message.contains("LB0702")));
    }
    assert_eq!(endpoint.refusals(), [(Code::DiskFull, 2)].into());
    endpoint.logs.line(&["LB0702", "192.0.2.7", "acme"]);

    endpoint.disk.set_foreign_bytes(0);
    client.send(&produce("after").request());
    endpoint.commit();
    assert_eq!(client.outcomes(9)[0].base_offset, 1);
    assert_eq!(endpoint.all_values(), ["before", "after"]);
}

#[test]
fn after_a_failed_sync_everybody_is_answered_56_and_the_host_is_told_once() {
    let endpoint = Endpoint::new();
    let failures = count_failures(&endpoint);
    let (mut ours, mut theirs) = (endpoint.client(ACME), endpoint.client(BETA));
    ours.send(&produce("kept").request());
    endpoint.commit();
    assert_eq!(ours.outcomes(9)[0].error, 0);
    break_sync(&endpoint);
    for client in [&mut ours, &mut theirs] {
        client.send(&produce("lost").request());
        client.send(&produce("lost").request());
    }
    endpoint.commit();
    // And from then on, at once.
    ours.send(&produce("lost").request());
    endpoint.commit();
    for (client, count) in [(&mut ours, 3), (&mut theirs, 2)] {
        let replies = client.replies();
        assert_eq!(replies.len(), count);
        assert!(replies.iter().all(|reply| reply.outcomes(9)[0].error == 56));
        assert_eq!(client.closed(), None);
    }
    assert_eq!(failures.load(Ordering::Relaxed), 1);
    assert_eq!(endpoint.refusals(), [(Code::SyncFailed, 5)].into());

    let endpoint = endpoint.restart(Crash::LoseUnsynced);
    assert_eq!(endpoint.all_values(), ["kept"], "nothing else was acknowledged");
    let mut client = endpoint.client(ACME);
    client.send(&produce("again").request());
    endpoint.commit();
    assert_eq!(client.outcomes(9)[0].error, 0);
}

#[test]
fn a_failure_that_retention_finds_is_told_as_well() {
    let mut setup = Setup::default();
    setup.store.segment_bytes = logboom_store::Options::SEGMENT_BYTES_MIN;
    let bytes = Some(1);
    setup.logstores("acme").iter_mut().for_each(|logstore| logstore.retention.bytes = bytes);
    let endpoint = Endpoint::with(setup);
    let failures = count_failures(&endpoint);
    let mut client = endpoint.client(ACME);
    for _ in 0..4 {
        client.send(&produce(&"x".repeat(2_000)).request());
        endpoint.commit();
    }
    break_sync(&endpoint);
    assert!(endpoint.engine.apply_retention().is_err());
    assert_eq!(failures.load(Ordering::Relaxed), 1);
}

#[test]
fn a_failure_that_a_reload_finds_is_told_and_changes_nothing() {
    let endpoint = Endpoint::new();
    let failures = count_failures(&endpoint);
    let mut client = endpoint.client(ACME);
    break_sync(&endpoint);
    let mut setup = Setup::default();
    setup.logstores("acme").push(logstore("brand-new", 1));
    assert!(endpoint.engine.reload(setup.directory()).is_err());
    assert_eq!(failures.load(Ordering::Relaxed), 1);
    assert_eq!(client.metadata_error("brand-new"), 3);
    assert_eq!(client.metadata_error("nginx"), 0);
}

#[test]
fn a_server_that_stops_blames_no_disk() {
    let endpoint = Endpoint::new();
    let failures = count_failures(&endpoint);
    let mut client = endpoint.client(ACME);
    endpoint.store.close();
    client.send(&produce("too late").request());
    assert_eq!(client.outcomes(9)[0].error, 56);
    assert_eq!((endpoint.refusals(), failures.load(Ordering::Relaxed)), ([].into(), 0));
}

#[test]
fn retention_follows_the_directory_in_force() {
    let mut setup = Setup::default();
    setup.store.segment_bytes = logboom_store::Options::SEGMENT_BYTES_MIN;
    let endpoint = Endpoint::with(setup.clone());
    let mut client = endpoint.client(ACME);
    for _ in 0..6 {
        client.send(&produce(&"x".repeat(2_000)).request());
        endpoint.commit();
    }
    assert_eq!(endpoint.engine.apply_retention().expect("a good disk").segments_removed, 0);
    setup.logstores("acme").iter_mut().for_each(|logstore| logstore.retention.bytes = Some(1));
    endpoint.engine.reload(setup.directory()).expect("a good disk");
    let kept = endpoint.values("acme", "nginx", 0).len();
    endpoint.engine.apply_retention().expect("a good disk");
    assert!(endpoint.values("acme", "nginx", 0).len() < kept);

    // What is not configured any more keeps what it has.
    setup.logstores("acme").retain(|logstore| logstore.name.as_str() != "nginx");
    endpoint.engine.reload(setup.directory()).expect("a good disk");
    let kept = endpoint.values("acme", "nginx", 0).len();
    endpoint.engine.apply_retention().expect("a good disk");
    assert_eq!(endpoint.values("acme", "nginx", 0).len(), kept);
}

#[test]
fn the_host_may_ask_the_engine_while_it_is_told() {
    let endpoint = Endpoint::new();
    let told = Arc::new(Mutex::new(None));
    let (tell, engine) = (Arc::clone(&told), Arc::clone(&endpoint.engine));
    endpoint.engine.when_store_fails(move |_| {
        engine.when_store_fails(|_| {});
        *tell.lock().unwrap() = Some(engine.connections());
    });
    let mut client = endpoint.client(ACME);
    for value in ["kept", "lost"] {
        client.send(&produce(value).request());
        endpoint.commit();
        break_sync(&endpoint);
    }
    assert_eq!(*told.lock().unwrap(), Some(1));
}

#[test]
fn a_disk_that_fails_while_nothing_is_stored_is_told_to_the_host() {
    let endpoint = Endpoint::new();
    let failures = count_failures(&endpoint);
    break_sync(&endpoint);
    let mut client = endpoint.client(ACME);
    // Ids are reserved in the catalogue, now with a sync that fails.
    while endpoint.store.next_producer_id().is_some() {}
    endpoint.commit();
    assert_eq!(failures.load(Ordering::Relaxed), 0, "nobody was there to be told");
    assert_eq!(client.producer_id().error_code, 56);
    assert_eq!(failures.load(Ordering::Relaxed), 1);
}

#[test]
fn a_failure_that_nobody_has_met_is_told_when_retention_looks() {
    let endpoint = Endpoint::new();
    let failures = count_failures(&endpoint);
    break_sync(&endpoint);
    while endpoint.store.next_producer_id().is_some() {}
    endpoint.commit();
    // Nothing has expired, so nothing is to be written.
    endpoint.engine.apply_retention().expect("nothing to do");
    assert_eq!(failures.load(Ordering::Relaxed), 1);
}
