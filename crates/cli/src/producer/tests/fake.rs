//! A server for tests: the part of the Kafka protocol that a producer needs, and mishaps to order.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;
use logboom_wire::frame::{PREFIX_BYTES, parse_length};
use logboom_wire::header::RequestHeader;
use logboom_wire::records::{self, Limits, ProducerStamp, Scratch};
use logboom_wire::request::{
    MetadataRequest, ProduceRequest, SaslAuthenticateRequest, TopicSelection,
};
use logboom_wire::response::{
    ApiVersionsResponse, ClusterView, InitProducerIdResponse, PartitionOutcome, ProduceResponse,
    SaslAuthenticateResponse, SaslHandshakeResponse, TopicView,
};

use super::super::Address;

/// What the server refuses a wrong password with.
pub(super) const WRONG_PASSWORD: &str =
    "Authentication failed: unknown project, key or secret. [LB0401]";

/// The one password that is right.
pub(super) const TOKEN: &[u8] = b"\0demo\0key#secret";

/// How long a test waits for something before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// What happens to a Produce request. Without an order it is stored and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// It is refused with this error.
    Refuse(ErrorCode),
    /// It is stored, and the answer says that it took too long.
    StoreTooLate,
    /// It is stored, and the connection ends before the answer.
    StoreAndHangUp,
    /// It is stored and answered, and then the connection ends.
    AnswerAndHangUp,
    /// The connection ends.
    HangUp,
    /// Nothing happens any more on this connection.
    FallSilent,
}

/// How a server behaves.
#[derive(Debug, Default)]
pub(super) struct Behaviour {
    /// What happens to the first Produce requests, whatever connection they come on.
    pub(super) mishaps: VecDeque<Mishap>,
    /// The error of the topic in Metadata.
    pub(super) topic_error: Option<ErrorCode>,
    /// The shards of the topic; none are two.
    pub(super) shards: Option<u32>,
    /// Where clients are told to connect to, if not where they are.
    pub(super) advertise: Option<Address>,
    /// ApiVersions only in version 0.
    pub(super) is_old: bool,
    /// Mechanisms it says it has instead of PLAIN.
    pub(super) mechanisms: Option<&'static str>,
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
}

/// What a server has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) connections: usize,
    /// Connections that the server has ended.
    pub(super) hang_ups: usize,
    /// The values of the records, for each shard.
    pub(super) logs: Vec<Vec<Vec<u8>>>,
    /// What each shard knows of its one producer: the next sequence number.
    next_sequences: Vec<Option<i32>>,
    /// Requests, in the order in which they came.
    pub(super) requests: Vec<ApiKey>,
}

/// A server on a port of its own. It lives as long as the test process.
#[derive(Debug, Clone)]
pub(super) struct Fake {
    pub(super) address: Address,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Fake {
    pub(super) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Address { host: "localhost".to_owned(), port };
        let shards = behaviour.shards.unwrap_or(2) as usize;
        let seen = Seen {
            logs: vec![Vec::new(); shards],
            next_sequences: vec![None; shards],
            ..Seen::default()
        };
        let shared = Shared {
            behaviour: Mutex::new(behaviour),
            seen: Mutex::new(seen),
            changed: Condvar::new(),
        };
        let fake = Self { address, shared: Arc::new(shared) };
        let accepting = fake.clone();
        in_thread(move || {
            for socket in listener.incoming() {
                let (socket, serving) = (socket.unwrap(), accepting.clone());
                in_thread(move || {
                    // A client that goes away is no failure of the server.
                    let _ = serving.serve(socket);
                    serving.note(|seen| seen.hang_ups += 1);
                });
            }
        });
        fake
    }

    /// Waits until the server has seen enough; returns what `find` found in it.
    pub(super) fn wait_for<T>(&self, find: impl Fn(&Seen) -> Option<T>) -> T {
        let mut seen = self.shared.seen.lock().unwrap();
        loop {
            if let Some(found) = find(&seen) {
                return found;
            }
            let (again, timeout) = self.shared.changed.wait_timeout(seen, PATIENCE).unwrap();
            assert!(!timeout.timed_out(), "in vain: {again:?}");
            seen = again;
        }
    }

    /// Watches the server for a while, in which nobody may connect.
    pub(super) fn is_left_alone_for(&self, time: Duration) {
        let seen = self.shared.seen.lock().unwrap();
        let before = seen.connections;
        let changed = |seen: &mut Seen| seen.connections == before;
        let watched = self.shared.changed.wait_timeout_while(seen, time, changed).unwrap();
        assert!(watched.1.timed_out(), "somebody connected");
    }

    /// Orders a mishap for the next Produce request.
    pub(super) fn next_is(&self, mishap: Mishap) {
        self.shared.behaviour.lock().unwrap().mishaps.push_front(mishap);
    }

    /// What is in a shard, as text.
    pub(super) fn log(&self, shard: usize) -> Vec<String> {
        let seen = self.shared.seen.lock().unwrap();
        seen.logs[shard].iter().map(|value| String::from_utf8(value.clone()).unwrap()).collect()
    }

    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.shared.seen.lock().unwrap());
        self.shared.changed.notify_all();
    }

    fn serve(&self, socket: TcpStream) -> io::Result<()> {
        self.note(|seen| seen.connections += 1);
        let tls = self.shared.behaviour.lock().unwrap().tls.clone();
        match tls {
            Some(_) if !begins_with_tls(&socket)? => Ok(()),
            Some(tls) => {
                let session = rustls::ServerConnection::new(tls).unwrap();
                self.answer_all(rustls::StreamOwned::new(session, socket))
            }
            None => self.answer_all(socket),
        }
    }

    fn answer_all(&self, mut stream: impl Read + Write) -> io::Result<()> {
        loop {
            let mut prefix = [0; PREFIX_BYTES];
            stream.read_exact(&mut prefix)?;
            let length = parse_length(prefix, 8..=100 << 20).map_err(io::Error::other)?;
            let mut frame = vec![0; length];
            stream.read_exact(&mut frame)?;
            let mut answer = Vec::new();
            let goes_on = self.answer(&frame, &mut answer);
            stream.write_all(&answer)?;
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Answers one request. Returns whether the connection goes on.
    fn answer(&self, frame: &[u8], out: &mut Vec<u8>) -> bool {
        let (header, body) = RequestHeader::decode(frame).unwrap();
        let (key, version) = (ApiKey::from_i16(header.api_key).unwrap(), header.api_version);
        let id = header.correlation_id;
        self.note(|seen| seen.requests.push(key));
        let behaviour = self.shared.behaviour.lock().unwrap();
        match key {
            ApiKey::ApiVersions if behaviour.is_old && version > 0 => {
                ApiVersionsResponse::unsupported(id, out);
            }
            ApiKey::ApiVersions => {
                ApiVersionsResponse { error: ErrorCode::None }.encode(version, id, out);
            }
            ApiKey::SaslHandshake => {
                let error = match behaviour.mechanisms {
                    Some(_) => ErrorCode::UnsupportedSaslMechanism,
                    None => ErrorCode::None,
                };
                let mechanisms = &[behaviour.mechanisms.unwrap_or("PLAIN")];
                SaslHandshakeResponse { error, mechanisms }.encode(version, id, out);
            }
            ApiKey::SaslAuthenticate => {
                let token = SaslAuthenticateRequest::decode(version, body).unwrap().auth_bytes;
                let accepted = token == TOKEN;
                answer_login(accepted, version, id, out);
                return accepted;
            }
            ApiKey::Metadata => self.answer_metadata(&behaviour, version, id, body, out),
            ApiKey::InitProducerId => {
                let (error, producer_id) = (ErrorCode::None, 4);
                InitProducerIdResponse { error, producer_id, producer_epoch: 0 }
                    .encode(version, id, out);
            }
            ApiKey::Produce => {
                drop(behaviour);
                return self.answer_produce(version, id, body, out);
            }
            ApiKey::Fetch | ApiKey::FindCoordinator => panic!("no producer asks this"),
        }
        true
    }

    fn answer_metadata(
        &self,
        behaviour: &Behaviour,
        version: i16,
        id: i32,
        body: &[u8],
        out: &mut Vec<u8>,
    ) {
        let request = MetadataRequest::decode(version, body).unwrap();
        assert!(!request.allow_auto_topic_creation);
        let TopicSelection::Named(names) = request.topics else { panic!("all topics") };
        let topics = names.into_iter().map(|topic| TopicView {
            error: behaviour.topic_error.unwrap_or(ErrorCode::None),
            name: topic.name.map(str::to_owned),
            topic_id: [7; 16],
            partitions: behaviour.shards.unwrap_or(2),
        });
        let Address { host, port } = behaviour.advertise.as_ref().unwrap_or(&self.address).clone();
        let topics = topics.collect();
        let view = ClusterView { cluster_id: "fake".into(), node_id: 0, host, port, topics };
        view.encode(version, id, out);
    }

    fn answer_produce(&self, version: i16, id: i32, body: &[u8], out: &mut Vec<u8>) -> bool {
        let mishap = self.shared.behaviour.lock().unwrap().mishaps.pop_front();
        let request = ProduceRequest::decode(version, body).unwrap();
        let outcome = match mishap {
            Some(Mishap::HangUp) => return false,
            Some(Mishap::FallSilent) => return true,
            Some(Mishap::Refuse(error)) => PartitionOutcome::failed(error, None),
            _ => self.store(&request),
        };
        let outcome = match mishap {
            Some(Mishap::StoreAndHangUp) => return false,
            Some(Mishap::StoreTooLate) => {
                PartitionOutcome::failed(ErrorCode::RequestTimedOut, None)
            }
            _ => outcome,
        };
        if request.acks != 0 {
            ProduceResponse { request, outcomes: &[outcome] }.encode(version, id, out);
        }
        mishap != Some(Mishap::AnswerAndHangUp)
    }

    /// Stores the one batch of a request, as a server with idempotent producers does.
    fn store(&self, request: &ProduceRequest<'_>) -> PartitionOutcome {
        let topic = request.topics().next().unwrap();
        let partition = topic.partitions().next().unwrap();
        let bytes = partition.records.unwrap();
        let (limits, mut scratch) = (Limits::default(), Scratch::new());
        let batch = records::batches(bytes).next().unwrap().unwrap();
        let summary = records::validate(&batch, &limits, &mut scratch).unwrap();
        let values: Vec<Vec<u8>> = records::read(bytes, &limits, &mut scratch)
            .unwrap()
            .map(|record| record.unwrap().value.unwrap().to_vec())
            .collect();
        let mut outcome = PartitionOutcome::failed(ErrorCode::None, None);
        self.note(|seen| {
            let shard = partition.index as usize;
            let log = &mut seen.logs[shard];
            outcome.base_offset = log.len() as i64;
            if let Some(ProducerStamp { base_sequence, .. }) = summary.producer {
                let next = &mut seen.next_sequences[shard];
                if next.is_some_and(|next| base_sequence < next) {
                    outcome.base_offset = i64::from(base_sequence);
                    return;
                }
                if next.is_some_and(|next| base_sequence > next) {
                    outcome.error = ErrorCode::OutOfOrderSequenceNumber;
                    return;
                }
                *next = Some(base_sequence + values.len() as i32);
            }
            log.extend(values);
        });
        outcome
    }
}

fn answer_login(accepted: bool, version: i16, id: i32, out: &mut Vec<u8>) {
    let (error, error_message) = match accepted {
        true => (ErrorCode::None, None),
        false => (ErrorCode::SaslAuthenticationFailed, Some(WRONG_PASSWORD)),
    };
    SaslAuthenticateResponse { error, error_message, auth_bytes: b"", session_lifetime_ms: 0 }
        .encode(version, id, out);
}

/// A server of logboom sends nothing at all to those who speak no TLS where they should.
fn begins_with_tls(socket: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    socket.peek(&mut first)?;
    Ok(first == [0x16])
}

fn in_thread(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().spawn(work).unwrap();
}
