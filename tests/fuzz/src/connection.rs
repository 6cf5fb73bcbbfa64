//! The bytes of a whole connection, and a host that answers everything.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logboom_conn::{
    AuthVerdict, CloseReason, Command, Config, Connection, Event, Limits, Memory, Peer,
    ProducerIdGrant, Unmetered,
};
use logboom_sans_io::{Machine, Step, Wait};
use logboom_wire::error::ErrorCode;
use logboom_wire::response::{ClusterView, PartitionOutcome, TopicView};

use crate::memory::bounded;

/// A frame above 4 KiB is one allocation of the size that its length says, once it is known to be
/// below the limit and its bytes have been reserved from the memory of the process. Before the peer
/// is authenticated the limit is 16 KiB, which the 64 KiB for every decoder contain.
const FRAME_BYTES_MAX: usize = 128 * 1024;

/// Answers take room as well: an outcome for each partition, the responses themselves, and what this
/// host keeps of them to compare. Limits bound all of it; see `Config::bytes_per_connection_max`.
const ANSWERS_BYTES_MAX: usize = 1024 * 1024;

/// The stream of a client, behind a byte that says how it is cut into pieces. However it is cut, the
/// same comes out.
pub fn connection_bytes(input: &[u8]) {
    let Some((piece, stream)) = input.split_first() else { return };
    let piece_bytes = usize::from(*piece) * 7 + 1;
    let more = FRAME_BYTES_MAX + ANSWERS_BYTES_MAX;
    let [whole, cut] = [usize::MAX, piece_bytes]
        .map(|piece_bytes| bounded(input.len(), more, || converse(stream, piece_bytes)));
    assert_eq!(whole, cut, "cut into pieces of {piece_bytes} bytes");
}

/// What must not depend on how a stream is cut.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    sent: Vec<u8>,
    events: usize,
    reason: CloseReason,
}

fn converse(mut stream: &[u8], piece_bytes: usize) -> Outcome {
    let limits = Limits {
        frame_bytes_max: FRAME_BYTES_MAX,
        bytes_in_flight_max: 2 * FRAME_BYTES_MAX,
        items_per_request_max: 100,
        output_bytes_max: 32 * 1024,
        response_bytes_max: 64 * 1024,
        ..Limits::default()
    };
    let mut host = Host::new(limits, Arc::new(Unmetered));
    let mut events = 0;
    let reason = loop {
        let wait = match host.poll() {
            Ok(wait) => wait,
            Err(reason) => break reason,
        };
        events += host.events.len();
        let commands: Vec<_> = host.events.drain(..).filter_map(success).collect();
        if !commands.is_empty() {
            commands.into_iter().for_each(|command| host.apply(command));
        } else if wait.write {
            host.read(usize::MAX);
        } else if wait.read && !stream.is_empty() {
            let taken = host.fill(&stream[..stream.len().min(piece_bytes)]);
            stream = &stream[taken..];
        } else if !host.at_end {
            host.at_end = true;
            host.connection.handle_eof();
        } else {
            // Only a delay can be left.
            host.now = wait.deadline.expect("something to wait for");
        }
    };
    Outcome { sent: host.received, events, reason }
}

/// A connection, and what is around it.
pub(crate) struct Host {
    pub(crate) connection: Connection,
    pub(crate) config: Arc<Config>,
    pub(crate) now: Instant,
    /// What was asked and not answered yet.
    pub(crate) events: Vec<Event>,
    /// What the peer has read.
    pub(crate) received: Vec<u8>,
    pub(crate) at_end: bool,
}

impl Host {
    pub(crate) fn new(limits: Limits, memory: Arc<dyn Memory>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
        let now = Instant::now();
        let config = Arc::new(Config::new(limits, memory).expect("limits that go together"));
        let peer = Peer { address: ([127, 0, 0, 1], 50_000).into(), server_name: None };
        let connection = Connection::new(Arc::clone(&config), peer, [7; 32], now);
        Self { connection, config, now, events: Vec::new(), received: Vec::new(), at_end: false }
    }

    /// Polls until there is nothing to do, keeps the events, and checks what is promised of a wait.
    pub(crate) fn poll(&mut self) -> Result<Wait, CloseReason> {
        loop {
            match self.connection.poll(self.now) {
                Step::Event(event) => self.events.push(event),
                Step::Closed(reason) => {
                    let again = self.connection.poll(self.now + Duration::from_secs(1));
                    assert!(matches!(again, Step::Closed(again) if again == reason));
                    assert!(self.connection.recv_space().is_none() && self.offered() == 0);
                    return Err(reason);
                }
                Step::Wait(wait) => {
                    self.check(&wait);
                    return Ok(wait);
                }
            }
        }
    }

    fn check(&mut self, wait: &Wait) {
        let again = self.connection.poll(self.now);
        assert!(matches!(again, Step::Wait(again) if again == *wait), "{again:?} after {wait:?}");
        assert!(self.connection.bytes_held() <= self.config.bytes_per_connection_max());
        let in_flight_max = self.config.limits().requests_in_flight_max;
        assert!(self.connection.requests_in_flight() <= in_flight_max);
        assert_eq!(self.connection.recv_space().is_some(), wait.read);
        self.connection.handle_received(0);
        assert_eq!(self.offered() > 0, wait.write);
        assert!(wait.want >= 1 && wait.deadline.is_some_and(|deadline| deadline > self.now));
    }

    /// How many bytes the connection would like to send, as far as a few slices hold them.
    fn offered(&self) -> usize {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = self.connection.transmit(&mut slices);
        slices[..filled].iter().map(|slice| slice.len()).sum()
    }

    /// Puts bytes into the lent memory, and returns how many it took.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> usize {
        let Some(space) = self.connection.recv_space() else { return 0 };
        assert!(!space.is_empty());
        let n = space.len().min(bytes.len());
        space[..n].copy_from_slice(&bytes[..n]);
        self.connection.handle_received(n);
        n
    }

    /// Lets the peer read at most `bytes_max` bytes.
    pub(crate) fn read(&mut self, bytes_max: usize) {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = self.connection.transmit(&mut slices);
        let mut n = 0;
        for slice in &slices[..filled] {
            let taken = slice.len().min(bytes_max - n);
            self.received.extend_from_slice(&slice[..taken]);
            n += taken;
        }
        self.connection.handle_sent(n);
    }

    /// Answers something that waits.
    pub(crate) fn apply(&mut self, command: Command) {
        assert_eq!(self.connection.apply(command), Ok(()));
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

fn stored() -> PartitionOutcome {
    PartitionOutcome {
        error: ErrorCode::None,
        base_offset: 42,
        log_append_time_ms: -1,
        log_start_offset: 0,
        error_message: None,
    }
}

fn cluster() -> ClusterView {
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
