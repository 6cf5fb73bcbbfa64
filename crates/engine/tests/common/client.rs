//! A client of the endpoint, and the host of its connection in one: it moves bytes between what it
//! wants to say and the state machine, and hands events to the session of the engine.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    InitProducerIdResponse, MetadataResponse, ProduceResponse, SaslAuthenticateResponse,
    SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, HeaderVersion};
use logboom_conn::{CloseReason, Command, Connection};
use logboom_engine::EngineSession;
use logboom_sans_io::{Inbox, Machine, Session, Step, Wait};
use logboom_wire::primitive::Reader;

use super::TestClock;
use super::requests::{self, Produce, Request};
use super::setup::Credentials;

/// How long a refused login waits for its answer.
pub(crate) const REFUSAL_DELAY: Duration = Duration::from_millis(250);

pub(crate) struct Client {
    pub(crate) machine: Connection,
    /// Gone when the connection is over.
    session: Option<EngineSession>,
    inbox: Arc<Inbox<Command>>,
    clock: Arc<TestClock>,
    pub(crate) client_id: String,
    unsent: VecDeque<u8>,
    received: Vec<u8>,
    correlation_id: i32,
    closed: Option<CloseReason>,
}

/// A response behind its length: correlation id and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) correlation_id: i32,
    pub(crate) rest: Bytes,
}

/// What a Produce response says of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) topic: String,
    pub(crate) index: i32,
    pub(crate) error: i16,
    pub(crate) base_offset: i64,
    pub(crate) message: Option<String>,
}

impl Client {
    pub(crate) fn new(
        machine: Connection,
        session: EngineSession,
        inbox: Arc<Inbox<Command>>,
        clock: Arc<TestClock>,
    ) -> Self {
        Self {
            machine,
            session: Some(session),
            inbox,
            clock,
            client_id: "test-client".into(),
            unsent: VecDeque::new(),
            received: Vec::new(),
            correlation_id: 0,
            closed: None,
        }
    }

    /// Why the connection is over, if it is.
    pub(crate) fn closed(&self) -> Option<&CloseReason> {
        self.closed.as_ref()
    }

    pub(crate) fn session_mut(&mut self) -> &mut EngineSession {
        self.session.as_mut().expect("an open connection")
    }

    /// Lets the connection do whatever it can do now.
    pub(crate) fn run(&mut self) {
        while let Some(session) = &mut self.session {
            while let Some(command) = self.inbox.pop() {
                let _stale = self.machine.apply(command);
            }
            match self.machine.poll(self.clock.now()) {
                Step::Event(event) => session.on_event(event),
                Step::Closed(reason) => {
                    session.on_closed(reason.clone());
                    self.closed = Some(reason);
                    self.session = None;
                }
                Step::Wait(wait) => {
                    if !self.exchange(wait) {
                        return;
                    }
                }
            }
        }
    }

    /// Moves bytes as the connection allows. Whether any moved.
    fn exchange(&mut self, wait: Wait) -> bool {
        let mut moved = false;
        if wait.write {
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = self.machine.transmit(&mut slices);
            let before = self.received.len();
            slices[..filled].iter().for_each(|slice| self.received.extend_from_slice(slice));
            self.machine.handle_sent(self.received.len() - before);
            moved = true;
        }
        if wait.read && !self.unsent.is_empty() {
            let space = self.machine.recv_space().expect("room, since reading was wanted");
            let n = space.len().min(self.unsent.len());
            for (to, from) in space.iter_mut().zip(self.unsent.drain(..n)) {
                *to = from;
            }
            self.machine.handle_received(n);
            moved = true;
        }
        if wait.fin && wait.read && !moved {
            self.machine.handle_eof();
            moved = true;
        }
        moved
    }

    /// Sends bytes, as far as they are read.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.unsent.extend(bytes);
        self.run();
    }

    /// How many bytes the connection has not read yet.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Gives the memory back that the client itself needs to send and receive.
    pub(crate) fn release_buffers(&mut self) {
        self.unsent.shrink_to_fit();
        self.received.shrink_to_fit();
    }

    /// Sends a request and returns its correlation id.
    pub(crate) fn send(&mut self, request: &Request) -> i32 {
        self.correlation_id += 1;
        let frame = request.frame(self.correlation_id, &self.client_id);
        self.send_bytes(&frame);
        self.correlation_id
    }

    /// Closes the stream of the client and lets the connection end.
    pub(crate) fn close(mut self) -> CloseReason {
        self.machine.handle_eof();
        self.run();
        self.closed.expect("nothing keeps it open")
    }

    /// Everything that arrived and was not asked for yet.
    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        self.run();
        std::mem::take(&mut self.received)
    }

    /// The responses that arrived and were not asked for yet.
    pub(crate) fn replies(&mut self) -> Vec<Reply> {
        let mut stream = Bytes::from(self.bytes());
        let mut replies = Vec::new();
        while !stream.is_empty() {
            let length = stream.split_to(4);
            let length = u32::from_be_bytes(length[..].try_into().expect("a length"));
            let mut frame = stream.split_to(length as usize);
            let id = frame.split_to(4);
            let correlation_id = i32::from_be_bytes(id[..].try_into().expect("an id"));
            replies.push(Reply { correlation_id, rest: frame });
        }
        replies
    }

    /// The one response that has arrived.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Reply {
        let mut replies = self.replies();
        assert_eq!(replies.len(), 1, "{:?}", self.machine);
        replies.remove(0)
    }

    /// Asks what is answered without the disk.
    #[track_caller]
    pub(crate) fn ask<R: Decodable + HeaderVersion>(&mut self, request: &Request) -> R {
        let correlation_id = self.send(request);
        let reply = self.reply();
        assert_eq!(reply.correlation_id, correlation_id);
        reply.decode(request.version)
    }

    #[track_caller]
    pub(crate) fn metadata(&mut self, topics: &[&str]) -> MetadataResponse {
        self.ask(&requests::metadata(12, topics))
    }

    /// The error of a topic in Metadata.
    #[track_caller]
    pub(crate) fn metadata_error(&mut self, topic: &str) -> i16 {
        self.metadata(&[topic]).topics[0].error_code
    }

    #[track_caller]
    pub(crate) fn producer_id(&mut self) -> InitProducerIdResponse {
        self.ask(&requests::init_producer_id(4, None))
    }

    /// Logs in, which must succeed.
    #[track_caller]
    pub(crate) fn log_in(&mut self, credentials: Credentials) {
        let answer = self.try_log_in(credentials.project, &credentials.password());
        assert_eq!((answer.error_code, answer.error_message), (0, None));
    }

    /// Logs in and waits for the answer, however long a refusal takes.
    #[track_caller]
    pub(crate) fn try_log_in(&mut self, user: &str, password: &str) -> SaslAuthenticateResponse {
        let handshake: SaslHandshakeResponse = self.ask(&requests::handshake(1, "PLAIN"));
        assert_eq!(handshake.error_code, 0);
        let request = requests::authenticate(2, &requests::token(user, password));
        self.send(&request);
        if self.received.is_empty() {
            *self.clock.passed.lock().unwrap() += REFUSAL_DELAY;
        }
        self.reply().decode(request.version)
    }

    /// Sends a Produce request that must be answered without the disk.
    #[track_caller]
    pub(crate) fn refused(&mut self, produce: &Produce) -> Vec<Outcome> {
        self.send(&produce.request());
        self.outcomes(produce.version)
    }

    /// What the one Produce response that has arrived says.
    #[track_caller]
    pub(crate) fn outcomes(&mut self, version: i16) -> Vec<Outcome> {
        self.reply().outcomes(version)
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn decode<R: Decodable + HeaderVersion>(&self, version: i16) -> R {
        let mut body = self.rest.clone();
        if R::header_version(version) == 1 {
            assert_eq!(body.split_to(1)[0], 0, "no tagged fields");
        }
        let response = R::decode(&mut body, version).expect("a response of that version");
        assert!(body.is_empty(), "{} bytes too many", body.len());
        response
    }

    #[track_caller]
    pub(crate) fn outcomes(&self, version: i16) -> Vec<Outcome> {
        if version < 3 {
            return old_outcomes(version, &mut Reader::new(&self.rest));
        }
        let response: ProduceResponse = self.decode(version);
        assert_eq!(response.throttle_time_ms, 0);
        let topics = response.responses.into_iter();
        let outcomes = topics.flat_map(|topic| {
            let name = topic.name.to_string();
            topic.partition_responses.into_iter().map(move |partition| Outcome {
                topic: name.clone(),
                index: partition.index,
                error: partition.error_code,
                base_offset: partition.base_offset,
                message: partition.error_message.map(|message| message.to_string()),
            })
        });
        outcomes.collect()
    }
}

/// Produce responses that `kafka-protocol` does not have.
fn old_outcomes(version: i16, reader: &mut Reader<'_>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for _ in 0..reader.i32().unwrap() {
        let topic = reader.string().unwrap().to_owned();
        for _ in 0..reader.i32().unwrap() {
            let (index, error) = (reader.i32().unwrap(), reader.i16().unwrap());
            let base_offset = reader.i64().unwrap();
            outcomes.push(Outcome {
                topic: topic.clone(),
                index,
                error,
                base_offset,
                message: None,
            });
            if version >= 2 {
                reader.i64().unwrap();
            }
        }
    }
    if version >= 1 {
        assert_eq!(reader.i32().unwrap(), 0);
    }
    outcomes
}
