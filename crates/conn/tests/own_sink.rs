//! The example with its own users and its own sink, run with a real client.

#[allow(dead_code, reason = "its main is not run here")]
#[path = "../examples/own_sink.rs"]
mod own_sink;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use logboom_conn::sans_io::Service as _;
use logboom_conn::{CloseReason, Limits};
use logboom_sans_io::testing::{Ground as _, ManualClock, Pipe};
use logboom_tests::{Connector, Credentials, batch};
use own_sink::{Shared, Sink, host, now};

/// A sink whose only user is alice.
fn sink(address: SocketAddr) -> Shared {
    Shared(Arc::new(Mutex::new(Sink {
        users: BTreeMap::from([("alice".into(), "wonderland".into())]),
        address,
        ends: BTreeMap::new(),
        next_producer_id: 1,
    })))
}

/// Serves one connection of a sink.
fn serve_one() -> (Connector, Shared, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    let sink = sink(address);
    let shared = sink.clone();
    let run = move || {
        let (stream, peer) = listener.accept().expect("a client");
        host(&stream, shared.accept(0, peer, now()).expect("everybody is let in"));
    };
    let thread = Builder::new().spawn(run).expect("a thread");
    (Connector::plaintext(address), sink, thread)
}

fn alice(password: &str) -> Credentials {
    Credentials { project: "alice".into(), password: password.into() }
}

#[test]
fn records_reach_the_sink_and_get_their_offsets() {
    let (connector, sink, thread) = serve_one();
    let mut client = connector.login(&alice("wonderland"));
    let metadata = client.metadata(&["tea"]).expect("an answer");
    assert_eq!(metadata.topics[0].partitions.len(), 1);
    assert!(client.producer_id().expect("an answer") > 0);
    for (values, offset) in [(&["one", "two"][..], 0), (&["three"], 2)] {
        assert_eq!(client.produce("tea", 0, batch(values)).expect("an answer"), Ok(offset));
    }
    let refusal = client.produce("tea", 0, b"no batch at all"[..].into()).expect("an answer");
    assert_eq!(refusal.expect_err("no batch").code, 2);
    drop(client);
    thread.join().expect("the host ends with its client");
    assert_eq!(sink.lock().ends, BTreeMap::from([("tea".to_owned(), 3)]));
}

#[test]
fn a_wrong_password_is_refused_in_words() {
    let (connector, _sink, thread) = serve_one();
    let mut client = connector.connect();
    let refusal = client.login(&alice("mad tea party")).expect("an answer").expect_err("a refusal");
    assert_eq!((refusal.code, refusal.message.as_str()), (58, "wrong user or password"));
    client.expect_end();
    drop(client);
    thread.join().expect("the host ends with its client");
}

#[test]
fn a_sink_is_tested_without_a_port_and_without_waiting() {
    let peer = ([192, 0, 2, 1], 50_000).into();
    let clock = Arc::new(ManualClock::new(now()));
    let connection = sink(peer).accept(0, peer, clock.now()).expect("everybody is let in");
    let mut pipe = Pipe::new(connection, Arc::clone(&clock));
    let api_versions = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 42, 0xff, 0xff];
    pipe.write_all(&api_versions).expect("the sink reads");
    let mut head = [0; 8];
    pipe.read_exact(&mut head).expect("an answer");
    assert_eq!(head[4..], [0, 0, 0, 42]);
    assert_eq!(clock.passed(), Duration::ZERO);
    // The client does not log in. That is ten seconds, of which nobody waits one.
    pipe.read_to_end(&mut Vec::new()).expect("an end in order");
    assert_eq!(pipe.closed(), Some(&CloseReason::AuthTimeout));
    assert_eq!(clock.passed(), Limits::default().auth_timeout);
}
