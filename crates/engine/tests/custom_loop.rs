//! Real clients through the event loop of the example, and its turn over a stream that teases.

#[allow(dead_code, unreachable_pub, reason = "an example that is a program of its own")]
#[path = "../examples/custom_loop.rs"]
mod custom_loop;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::Waker;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use logboom_conn::{CloseReason, Limits};
use logboom_engine::sans_io::{Service, Shutdown};
use logboom_engine::store::Committer;
use logboom_engine::testing::Endpoint;
use logboom_tests::{Connector, Credentials, batch, eventually};

/// An endpoint that the loop serves on a free port.
struct Server {
    endpoint: Endpoint,
    connector: Connector,
    committer: Option<Committer>,
    shutdown: Shutdown,
    thread: JoinHandle<io::Result<()>>,
}

impl Server {
    fn start(limits: Limits) -> Self {
        let endpoint = Endpoint::builder().limits(limits).start();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let connector = Connector::plaintext(listener.local_addr().expect("a bound listener"));
        let shutdown = Shutdown::new();
        let (service, switch) = (Arc::clone(endpoint.service()), shutdown.clone());
        let run = move || custom_loop::serve(vec![listener], service, switch);
        let thread = Builder::new().spawn(run).expect("a thread");
        Self { endpoint, connector, committer: None, shutdown, thread }
    }

    fn with_committer() -> Self {
        let mut server = Self::start(Limits::default());
        let committer = server.endpoint.engine().store().spawn_committer();
        server.committer = Some(committer.expect("a thread"));
        server
    }

    /// Waits until the loop has ended by itself.
    fn stop(self) -> Endpoint {
        self.shutdown.trigger();
        self.endpoint.engine().abort();
        self.thread.join().expect("no panic").expect("no error of the poller");
        self.endpoint
    }
}

fn credentials() -> Credentials {
    Credentials { project: "demo".into(), password: Endpoint::password("demo") }
}

#[test]
fn what_a_client_sends_is_acknowledged_and_stored() {
    let server = Server::with_committer();
    let mut client = server.connector.login(&credentials());
    for offset in 0..50 {
        let answer = client.produce("demo", 0, batch([format!("value {offset}")]));
        assert_eq!(answer.expect("the connection lives"), Ok(offset));
    }
    let logs = server.endpoint.logs("demo/demo");
    assert_eq!(logs.len(), 50);
    assert_eq!(logs[49].field("content").expect("a value"), "value 49");
    server.stop();
}

#[test]
fn large_requests_of_many_clients_share_one_thread() {
    const CLIENTS: usize = 100;
    let server = Server::with_committer();
    let value = "x".repeat(100_000);
    let mut clients: Vec<_> =
        (0..CLIENTS).map(|_| server.connector.login(&credentials())).collect();
    for client in &mut clients {
        client.send_batch("demo", 0, batch([&value])).expect("the connection lives");
    }
    for client in &mut clients {
        client.receive_offset().expect("the connection lives").expect("it is stored");
    }
    assert_eq!(server.endpoint.logs("demo/demo").len(), CLIENTS);
    let endpoint = server.stop();
    assert_eq!(endpoint.engine().connections(), 0);
}

#[test]
fn a_refused_login_is_answered_before_the_connection_ends() {
    let server = Server::start(Limits::default());
    let mut client = server.connector.connect();
    let wrong = Credentials { project: "demo".into(), password: "demo#wrong".into() };
    let refusal = client.login(&wrong).expect("an answer").expect_err("a refusal");
    assert_eq!(refusal.code, 58);
    client.expect_end();
    server.stop();
}

#[test]
fn timers_ring_although_nothing_happens() {
    let limits = Limits { auth_timeout: Duration::from_millis(20), ..Limits::default() };
    let server = Server::start(limits);
    server.connector.connect().expect_end();
    let endpoint = server.stop();
    assert_eq!(endpoint.engine().history().snapshot()[0].reason, Some(CloseReason::AuthTimeout));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the loop runs in real time")]
fn a_reset_is_noticed_while_nothing_is_read() {
    let server = Server::start(Limits { requests_in_flight_max: 1, ..Limits::default() });
    let mut client = server.connector.login(&credentials());
    client.send_bytes(&API_VERSIONS).expect("the connection lives");
    // Nobody commits, so this request fills the window until it times out.
    let sent_at = Instant::now();
    client.send_batch("demo", 0, batch(["value"])).expect("the connection lives");
    let engine = server.endpoint.engine();
    eventually("the request arrives", || (engine.budget().used_bytes() > 0).then_some(()));
    drop(client); // with a response that it has not read, which makes it a reset
    let reason = eventually("the end", || engine.history().snapshot().pop()).reason;
    assert!(sent_at.elapsed() < Duration::from_secs(20), "only the timeout has found it out");
    assert_eq!(reason, Some(CloseReason::Transport(ErrorKind::ConnectionReset)));
    server.stop();
}

#[test]
fn a_loop_without_connections_ends_when_its_switch_is_thrown() {
    Server::start(Limits::default()).stop();
}

const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 42, 0xff, 0xff];

/// A stream that gives and takes a byte at a time, and only every third time it is asked.
#[derive(Default)]
struct Teasing {
    input: Vec<u8>,
    output: Vec<u8>,
    asked: usize,
}

impl Teasing {
    fn tease(&mut self) -> io::Result<()> {
        self.asked += 1;
        match self.asked % 3 {
            0 => Ok(()),
            1 => Err(ErrorKind::WouldBlock.into()),
            _ => Err(ErrorKind::Interrupted.into()),
        }
    }
}

impl Read for Teasing {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.tease()?;
        let byte = if self.input.is_empty() { None } else { Some(self.input.remove(0)) };
        Ok(byte.map_or(0, |byte| {
            space[0] = byte;
            1
        }))
    }
}

impl Write for Teasing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tease()?;
        self.output.push(bytes[0]);
        Ok(1)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_that_moves_a_byte_at_a_time_loses_none() {
    let endpoint = Endpoint::start();
    let mut pipe = endpoint.connect();
    let input = API_VERSIONS.repeat(5);
    pipe.write_all(&input).expect("the endpoint reads");
    pipe.shutdown_write();
    let mut expected = Vec::new();
    pipe.read_to_end(&mut expected).expect("an end in order");

    let peer: SocketAddr = ([192, 0, 2, 1], 1).into();
    let accepted = endpoint.service().accept(0, peer, endpoint.now()).expect("a connection");
    let stream = Teasing { input, ..Teasing::default() };
    let mut connection = custom_loop::Connection { accepted, stream, shutdown_write: None };
    let end = loop {
        if let Err(reason) = connection.turn(endpoint.now(), Waker::noop()) {
            break reason;
        }
        assert!(connection.stream.asked < 100_000, "it goes on for ever");
    };
    assert_eq!(end, CloseReason::PeerClosed);
    assert!(expected.len() > 100 && connection.stream.output == expected);
}
