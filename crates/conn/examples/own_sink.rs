//! A Kafka endpoint out of `logboom-conn` alone: its own users, its own log, its own threads.
//!
//! `access`, `store` and `engine` are optional. What they do for a server, [`Sink`] does here in the
//! smallest way: it knows its users from a table, prints every record and gives it an offset. It is a
//! [`Service`], so every runtime and every event loop serves it; [`host`] is the plainest of them, with
//! blocking reads and writes.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use logboom_conn::sans_io::{Accepted, Inbox, Machine, Service, Session, Step, Wait};
use logboom_conn::wire::error::ErrorCode;
use logboom_conn::wire::records::{self, BatchError, Limits, Scratch};
use logboom_conn::wire::request::TopicSelection;
use logboom_conn::wire::response::{ClusterView, PartitionOutcome, TopicView};
use logboom_conn::{
    AuthVerdict, CloseReason, Command, Config, Connection, Event, MetadataQuery, Peer, Produce,
    ProducerIdGrant,
};

/// Who may send, and what was sent.
#[derive(Debug)]
pub(crate) struct Sink {
    /// Passwords by user.
    pub(crate) users: BTreeMap<String, String>,
    /// Where clients are told to connect to.
    pub(crate) address: SocketAddr,
    /// The next offset of every topic, each of which has one partition.
    pub(crate) ends: BTreeMap<String, i64>,
    /// The next id of an idempotent producer.
    pub(crate) next_producer_id: i64,
}

/// A sink that connections share.
#[derive(Debug, Clone)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<Sink>>);

impl Service for Shared {
    type Machine = Connection;
    type Session = Client;

    fn accept(
        &self,
        _listener: usize,
        address: SocketAddr,
        now: Instant,
    ) -> Option<Accepted<Connection, Client>> {
        // Memory for all connections together is not bounded here: a server brings a `Memory`.
        let config = Arc::new(Config::default());
        let peer = Peer { address, server_name: None };
        // Random bytes in a server: they keep the tickets of connections apart.
        let entropy = [7; 32];
        let inbox = Arc::new(Inbox::new());
        Some(Accepted {
            machine: Connection::new(config, peer, entropy, now),
            session: Client { sink: self.clone(), inbox: Arc::clone(&inbox), address },
            inbox,
        })
    }

    fn accept_failed(&self, _listener: usize, error: &io::Error) {
        eprintln!("cannot accept: {error}");
    }
}

/// The application side of one connection.
#[derive(Debug)]
pub(crate) struct Client {
    sink: Shared,
    inbox: Arc<Inbox<Command>>,
    address: SocketAddr,
}

impl Session for Client {
    type Event = Event;
    type Closed = CloseReason;

    /// Answers at once. A sink that has to wait would keep the ticket, and push the command later,
    /// from whatever thread.
    fn on_event(&mut self, event: Event) {
        if let Some(command) = self.sink.lock().answer(event) {
            self.inbox.push(command);
        }
    }

    fn on_closed(&mut self, reason: CloseReason) {
        println!("{}: {reason}", self.address);
    }

    fn on_panic(&mut self) {
        eprintln!("{}: a bug", self.address);
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Sink> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink {
    /// Answers what a connection asks.
    fn answer(&mut self, event: Event) -> Option<Command> {
        Some(match event {
            Event::Authenticate(attempt) => {
                let known = self.users.get(&attempt.username);
                let right = known.is_some_and(|it| it.as_bytes() == attempt.password.expose());
                let rejected = AuthVerdict::Rejected { message: "wrong user or password".into() };
                let verdict = if right { AuthVerdict::Accepted } else { rejected };
                Command::Authenticated(attempt.ticket, verdict)
            }
            Event::Metadata(query) => {
                let view = Arc::new(self.view(&query));
                Command::Metadata(query.ticket, view)
            }
            Event::InitProducerId(request) => {
                let producer_id = self.next_producer_id;
                self.next_producer_id += 1;
                let grant = ProducerIdGrant { producer_id, producer_epoch: 0 };
                Command::ProducerId(request.ticket, Ok(grant))
            }
            Event::Produce(produce) => {
                let outcomes = self.take(&produce);
                Command::Produced(produce.ticket, outcomes)
            }
            // Memory is asked for only where it is metered, and the others want no answer.
            Event::Memory(_) | Event::Ready(_) | Event::Refused(_) => return None,
        })
    }

    /// Every topic that anybody asks for is there.
    fn view(&self, query: &MetadataQuery) -> ClusterView {
        let names: Vec<String> = match query.request().topics {
            TopicSelection::All => self.ends.keys().cloned().collect(),
            TopicSelection::Named(topics) => {
                topics.iter().filter_map(|topic| topic.name).map(str::to_owned).collect()
            }
        };
        let topic = |name: String| TopicView {
            error: ErrorCode::None,
            topic_id: topic_id(&name),
            name: Some(name),
            partitions: 1,
        };
        ClusterView {
            cluster_id: "own-sink".into(),
            node_id: 0,
            host: self.address.ip().to_string(),
            port: self.address.port(),
            topics: names.into_iter().map(topic).collect(),
        }
    }

    /// One outcome for each partition, in the order of the request.
    fn take(&mut self, produce: &Produce) -> Vec<PartitionOutcome> {
        let mut outcomes = Vec::new();
        for topic in produce.request().topics() {
            for partition in topic.partitions() {
                outcomes.push(match (partition.index, partition.records) {
                    (0, Some(records)) => self.append(topic.name, records),
                    (0, None) => PartitionOutcome::failed(ErrorCode::CorruptMessage, None),
                    _ => PartitionOutcome::failed(ErrorCode::UnknownTopicOrPartition, None),
                });
            }
        }
        outcomes
    }

    fn append(&mut self, topic: &str, records: &[u8]) -> PartitionOutcome {
        let Ok(values) = values(records) else {
            return PartitionOutcome::failed(ErrorCode::CorruptMessage, None);
        };
        let end = self.ends.entry(topic.to_owned()).or_default();
        let base_offset = *end;
        for value in values {
            println!("{topic} {end}: {value}");
            *end += 1;
        }
        PartitionOutcome::stored(base_offset)
    }
}

/// The values of all records. Every batch is checked as a whole before one of its records is believed.
fn values(records: &[u8]) -> Result<Vec<String>, BatchError> {
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    let mut values = Vec::new();
    for batch in records::batches(records) {
        let batch = batch?;
        records::validate(&batch, &limits, &mut scratch)?;
        for record in records::read(batch.bytes, &limits, &mut scratch)? {
            let value = record?.value.unwrap_or_default();
            values.push(String::from_utf8_lossy(value).into_owned());
        }
    }
    Ok(values)
}

/// An id that is not zero and different for different names, as far as this example goes.
fn topic_id(name: &str) -> [u8; 16] {
    let mut id = [1; 16];
    id.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to ^= from);
    id
}

/// Runs a connection to its end. `poll` says what is next: an event, a wait, or the end.
pub(crate) fn host<M, S>(stream: &TcpStream, connection: Accepted<M, S>)
where
    M: Machine,
    S: Session<Event = M::Event, Closed = M::Closed>,
{
    let Accepted { mut machine, inbox, mut session } = connection;
    let mut fin_sent = false;
    loop {
        while let Some(command) = inbox.pop() {
            let _too_late = machine.apply(command);
        }
        match machine.poll(now()) {
            Step::Event(event) => session.on_event(event),
            Step::Wait(wait) => {
                if let Err(error) = exchange(stream, &mut machine, wait, &mut fin_sent) {
                    match error.kind() {
                        // The deadline has come; `poll` knows what to do.
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                        kind => machine.handle_transport_error(kind),
                    }
                }
            }
            Step::Closed(reason) => return session.on_closed(reason),
        }
    }
}

/// Writes or reads, whichever comes first, until the deadline at the latest.
///
/// A host that blocks does one thing at a time: it hears of an answer only between two reads, and
/// must not be used where answers take time. `logboom-blocking` and the event loop of
/// `logboom-engine` have no such bound.
fn exchange(
    mut stream: &TcpStream,
    machine: &mut impl Machine,
    wait: Wait,
    fin_sent: &mut bool,
) -> io::Result<()> {
    let left = wait.deadline.map(|at| at.saturating_duration_since(now()));
    let timeout = left.map(|left| left.max(Duration::from_millis(1)));
    if wait.write {
        stream.set_write_timeout(timeout)?;
        let mut slices = [IoSlice::new(&[]); 8];
        let count = machine.transmit(&mut slices);
        let sent = stream.write_vectored(&slices[..count])?;
        machine.handle_sent(sent);
    } else if wait.fin && !std::mem::replace(fin_sent, true) {
        stream.shutdown(Shutdown::Write)?;
    } else if let Some(space) = machine.recv_space().filter(|_| wait.read) {
        stream.set_read_timeout(timeout)?;
        match stream.read(space)? {
            0 => machine.handle_eof(),
            n => machine.handle_received(n),
        }
    } else {
        // It waits for the deadline alone, as after a wrong password.
        std::thread::park_timeout(timeout.unwrap_or_default());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a host knows the time, and tells the connection")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:9092")?;
    let sink = Shared(Arc::new(Mutex::new(Sink {
        users: BTreeMap::from([("alice".into(), "wonderland".into())]),
        address: listener.local_addr()?,
        ends: BTreeMap::new(),
        next_producer_id: 1,
    })));
    println!("127.0.0.1:9092, SASL/PLAIN over plaintext, user alice, password wonderland");
    loop {
        let (stream, peer) = listener.accept()?;
        if let Some(connection) = sink.accept(0, peer, now()) {
            Builder::new().spawn(move || host(&stream, connection))?;
        }
    }
}
