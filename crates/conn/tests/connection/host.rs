//! A host without sockets: it moves bytes and time by hand.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logboom_conn::{
    AuthVerdict, CloseReason, Command, Config, Connection, Event, Limits, Memory, Peer,
    ProducerIdGrant, Timer, Unmetered,
};
use logboom_sans_io::{Machine, Step, Wait};
use logboom_wire::error::ErrorCode;
use logboom_wire::response::{ClusterView, PartitionOutcome, TopicView};

use crate::client::{self, Response, TOKEN};

/// A connection and everything around it.
pub(crate) struct Host {
    pub(crate) connection: Connection,
    pub(crate) config: Arc<Config>,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    /// What the connection asked and nobody has answered yet.
    pub(crate) events: Vec<Event>,
    /// What the connection asked at any time, in words.
    pub(crate) log: Vec<String>,
    /// What the connection sent, as far as the peer has read it.
    pub(crate) received: Vec<u8>,
}

impl Host {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::with_memory(limits, Arc::new(Unmetered))
    }

    pub(crate) fn with_memory(limits: Limits, memory: Arc<dyn Memory>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
        let start = Instant::now();
        let config = Arc::new(Config::new(limits, memory).unwrap());
        let peer = Peer { address: ([127, 0, 0, 1], 50_000).into(), server_name: None };
        let connection = Connection::new(Arc::clone(&config), peer, [7; 32], start);
        let (events, log, received) = (Vec::new(), Vec::new(), Vec::new());
        Self { connection, config, start, now: start, events, log, received }
    }

    /// A connection of a client that has logged in.
    pub(crate) fn ready(limits: Limits) -> Self {
        let mut host = Self::new(limits);
        host.log_in();
        host
    }

    pub(crate) fn log_in(&mut self) {
        self.send(&client::handshake(1, 1, "PLAIN"));
        self.send(&client::authenticate(0, 2, TOKEN));
        self.judge(AuthVerdict::Accepted);
        self.wait();
        assert!(matches!(self.events.pop(), Some(Event::Ready(_))), "{:?}", self.connection);
        self.read_all();
        self.received.clear();
    }

    /// Polls until there is nothing to do, and keeps the events.
    pub(crate) fn poll(&mut self) -> Result<Wait, CloseReason> {
        loop {
            match self.connection.poll(self.now) {
                Step::Event(event) => {
                    self.log.push(in_words(&event));
                    self.events.push(event);
                }
                Step::Closed(reason) => {
                    let again = self.connection.poll(self.now);
                    assert!(matches!(again, Step::Closed(again) if again == reason));
                    return Err(reason);
                }
                Step::Wait(wait) => {
                    let held = self.connection.bytes_held();
                    assert!(held <= self.config.bytes_per_connection_max());
                    assert_eq!(self.again(), wait, "polled again at the same time");
                    assert_eq!(self.connection.recv_space().is_some(), wait.read);
                    self.connection.handle_received(0);
                    assert_eq!(self.offered() > 0, wait.write);
                    assert!(wait.want >= 1 && wait.deadline.is_some_and(|at| at > self.now));
                    return Ok(wait);
                }
            }
        }
    }

    /// How many bytes the connection would like to send, as far as a few slices hold them.
    fn offered(&self) -> usize {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = self.connection.transmit(&mut slices);
        slices[..filled].iter().map(|slice| slice.len()).sum()
    }

    fn again(&mut self) -> Wait {
        match self.connection.poll(self.now) {
            Step::Wait(wait) => wait,
            step => panic!("{step:?} although there was nothing to do"),
        }
    }

    #[track_caller]
    pub(crate) fn wait(&mut self) -> Wait {
        self.poll().expect("open")
    }

    #[track_caller]
    pub(crate) fn closed(&mut self) -> CloseReason {
        self.poll().expect_err("closed")
    }

    /// Sends bytes to the connection until it wants no more, and returns how many it took.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && self.poll().is_ok_and(|wait| wait.read) {
            taken += self.fill(&bytes[taken..]);
        }
        let _ = self.poll();
        taken
    }

    /// Puts bytes into the lent memory without polling.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> usize {
        let Some(space) = self.connection.recv_space() else { return 0 };
        assert!(!space.is_empty());
        let n = space.len().min(bytes.len());
        space[..n].copy_from_slice(&bytes[..n]);
        self.connection.handle_received(n);
        n
    }

    /// Lets the peer read at most `bytes_max` bytes, and returns how many it got.
    pub(crate) fn read(&mut self, bytes_max: usize) -> usize {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = self.connection.transmit(&mut slices);
        let offered: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        let n = offered.len().min(bytes_max);
        self.received.extend_from_slice(&offered[..n]);
        self.connection.handle_sent(n);
        n
    }

    /// Lets the peer read everything there is.
    pub(crate) fn read_all(&mut self) {
        while self.poll().is_ok_and(|wait| wait.write) {
            self.read(usize::MAX);
        }
    }

    /// Everything the peer has been answered so far.
    pub(crate) fn responses(&mut self) -> Vec<Response> {
        self.read_all();
        client::responses(&std::mem::take(&mut self.received))
    }

    pub(crate) fn correlation_ids(&mut self) -> Vec<i32> {
        self.responses().into_iter().map(|response| response.correlation_id).collect()
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Goes to the next deadline, which must be there for this reason.
    #[track_caller]
    pub(crate) fn ring(&mut self, timer: Timer) {
        let deadline = self.wait().deadline.expect("a deadline");
        assert_eq!(self.connection.deadline_reason(), Some(timer));
        self.now = deadline;
    }

    #[track_caller]
    pub(crate) fn apply(&mut self, command: Command) {
        assert_eq!(self.connection.apply(command), Ok(()));
    }

    /// Answers the login that waits.
    #[track_caller]
    pub(crate) fn judge(&mut self, verdict: AuthVerdict) {
        match self.events.pop() {
            Some(Event::Authenticate(attempt)) => {
                self.apply(Command::Authenticated(attempt.ticket, verdict));
            }
            event => panic!("{event:?} instead of a login"),
        }
    }

    /// Answers the oldest unanswered event without error, if it is one that wants an answer.
    #[track_caller]
    pub(crate) fn answer(&mut self) {
        let event = self.events.remove(0);
        if matches!(event, Event::Refused(_)) {
            return;
        }
        self.apply(success(event).expect("an event that wants an answer"));
    }

    pub(crate) fn answer_all(&mut self) {
        while !self.events.is_empty() {
            self.answer();
        }
    }

    #[track_caller]
    pub(crate) fn drain(&mut self, patience: Duration) {
        self.apply(Command::Drain { until: self.now + patience });
    }
}

/// The command that answers an event without error.
pub(crate) fn success(event: Event) -> Option<Command> {
    Some(match event {
        Event::Ready(_) | Event::Memory(_) | Event::Refused(_) => return None,
        Event::Authenticate(attempt) => {
            Command::Authenticated(attempt.ticket, AuthVerdict::Accepted)
        }
        Event::Metadata(query) => Command::Metadata(query.ticket, Arc::new(cluster())),
        Event::InitProducerId(asked) => {
            let grant = ProducerIdGrant { producer_id: 4_711, producer_epoch: 0 };
            Command::ProducerId(asked.ticket, Ok(grant))
        }
        Event::Produce(produce) => {
            let outcomes = vec![stored(); produce.request().partition_count()];
            Command::Produced(produce.ticket, outcomes)
        }
    })
}

/// All there is to an event.
fn in_words(event: &Event) -> String {
    match event {
        Event::Produce(produce) => {
            let topics = produce.request().topics().flat_map(|topic| topic.partitions());
            let records: Vec<_> = topics.map(|partition| partition.records).collect();
            format!("{event:?} {records:?}")
        }
        Event::Metadata(query) => format!("{event:?} {:?}", query.request()),
        event => format!("{event:?}"),
    }
}

pub(crate) fn stored() -> PartitionOutcome {
    PartitionOutcome {
        error: ErrorCode::None,
        base_offset: 42,
        log_append_time_ms: -1,
        log_start_offset: 0,
        error_message: None,
    }
}

pub(crate) fn cluster() -> ClusterView {
    let logs = TopicView {
        error: ErrorCode::None,
        name: Some("logs".to_owned()),
        topic_id: [1; 16],
        partitions: 2,
    };
    ClusterView {
        cluster_id: "logboom".to_owned(),
        node_id: 0,
        host: "logs.example.com".to_owned(),
        port: 10_012,
        topics: vec![logs],
    }
}
