//! A connection, and whatever a peer, a host and an application do with it, in whatever order.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use logboom_conn::{
    AbortReason, AuthVerdict, CloseReason, Command, Event, Limits, Memory, Reservation,
};
use logboom_sans_io::{Machine as _, OnSecured as _};
use logboom_wire::error::ErrorCode;
use logboom_wire::response::PartitionOutcome;

use crate::connection::{Host, success};
use crate::memory::bounded;
use crate::seeds;

/// More would be slow and find nothing new.
const OPERATIONS_MAX: usize = 200;

/// What all connections share in this test.
const POOL_BYTES: usize = 20_000;

/// What the host keeps in this test: events with what they hold, and what the peer has read. Each
/// operation adds at most one response of `response_bytes_max`, the copies of the answers included.
const HOST_BYTES_PER_OPERATION_MAX: usize = 4 * 1024;

/// One thing that happens.
#[derive(Debug, Arbitrary)]
enum Operation<'a> {
    /// The peer sends these bytes, or what of them is wanted.
    Send(&'a [u8]),
    /// The peer sends a frame with these bytes.
    Frame(&'a [u8]),
    /// The peer sends a request with this body.
    Request {
        key: u8,
        version: i8,
        body: &'a [u8],
    },
    /// The peer sends a Produce request.
    Produce {
        acks: i8,
        partitions: u8,
        records_bytes: u16,
    },
    /// The peer logs in, as far as it can.
    Login {
        version: bool,
    },
    /// The peer reads so many bytes.
    Read(u16),
    /// The application answers one of its events.
    Answer(u8),
    /// The application refuses what one of its events wants.
    Refuse(u8),
    /// The application never answers one of its events.
    Forget(u8),
    /// Memory comes back to the pool, or goes away.
    Pool(i16),
    Pass(u16),
    /// The next deadline arrives.
    Ring,
    Secured,
    Eof,
    Reset,
    Drain(u16),
    Abort,
}

/// A sequence of operations, as `arbitrary` makes it of bytes.
pub fn conn_operations(input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    let pool = Arc::new(Pool::new());
    let mut host = Host::new(limits(), Arc::clone(&pool) as Arc<dyn Memory>);
    let connection_bytes = host.config.bytes_per_connection_max();
    let more = connection_bytes + OPERATIONS_MAX * HOST_BYTES_PER_OPERATION_MAX;
    bounded(input.len(), more, || {
        let mut reason = None;
        for _ in 0..OPERATIONS_MAX {
            let Ok(operation) = Operation::arbitrary(&mut bytes) else { break };
            perform(&mut host, operation, &pool);
            check_closed(&mut host, &mut reason);
            if bytes.is_empty() {
                break;
            }
        }
        finish(host);
    });
    assert!(pool.is_whole(), "memory that was reserved has come back");
}

/// Small enough for every limit to be met.
fn limits() -> Limits {
    Limits {
        frame_bytes_max: 9_000,
        frame_bytes_max_unauthenticated: 300,
        requests_in_flight_max: 4,
        bytes_in_flight_max: 12_000,
        items_per_request_max: 5,
        output_bytes_max: 300,
        response_bytes_max: 2_000,
        ..Limits::default()
    }
}

/// Once closed, a connection stays closed, for the same reason.
fn check_closed(host: &mut Host, reason: &mut Option<CloseReason>) {
    let now = host.poll().err();
    if reason.is_some() {
        assert_eq!(*reason, now);
    }
    *reason = now;
}

/// However it is left, a connection ends by itself: time is enough.
fn finish(mut host: Host) {
    for _ in 0..1_000 {
        match host.poll() {
            Ok(wait) => host.now = wait.deadline.expect("a connection that could wait for ever"),
            Err(_) => return,
        }
    }
    panic!("a connection that does not end: {:?}", host.connection);
}

fn perform(host: &mut Host, operation: Operation<'_>, pool: &Pool) {
    match operation {
        Operation::Send(bytes) => send(host, bytes),
        Operation::Frame(bytes) => send(host, &seeds::framed(bytes)),
        Operation::Request { key, version, body } => {
            let request = seeds::request(key.into(), version.into(), |out| out.raw(body));
            send(host, &request);
        }
        Operation::Produce { acks, partitions, records_bytes } => {
            let records = vec![b'r'; usize::from(records_bytes % 9_000)];
            let records = vec![&records[..]; usize::from(partitions % 8)];
            send(host, &seeds::produce(8, (acks % 3).into(), &records));
        }
        Operation::Login { version } => {
            let versions = [(0, None), (1, Some(1))][usize::from(version)];
            send(host, &seeds::handshake(versions.0));
            send(host, &seeds::token(versions.1));
        }
        Operation::Read(bytes_max) => host.read(bytes_max.into()),
        Operation::Answer(choice) => answer(host, choice, pool, success),
        Operation::Refuse(choice) => answer(host, choice, pool, refusal),
        Operation::Forget(choice) => drop(choose(host, choice)),
        Operation::Pool(bytes) => pool.change(bytes),
        Operation::Pass(ms) => host.now += Duration::from_millis(ms.into()),
        Operation::Ring => host.now = next_deadline(host),
        Operation::Secured => host.connection.handle_secured(Some("logs.example.com")),
        Operation::Eof => host.connection.handle_eof(),
        Operation::Reset => host.connection.handle_transport_error(ErrorKind::ConnectionReset),
        Operation::Drain(ms) => {
            let until = host.now + Duration::from_millis(ms.into());
            let _ = host.connection.apply(Command::Drain { until });
        }
        Operation::Abort => {
            let _ = host.connection.apply(Command::Abort(AbortReason::Shutdown));
        }
    }
}

fn next_deadline(host: &mut Host) -> std::time::Instant {
    host.poll().ok().and_then(|wait| wait.deadline).unwrap_or(host.now)
}

fn send(host: &mut Host, mut bytes: &[u8]) {
    while !bytes.is_empty() && host.poll().is_ok_and(|wait| wait.read) {
        let taken = host.fill(bytes);
        bytes = &bytes[taken..];
    }
}

fn choose(host: &mut Host, choice: u8) -> Option<Event> {
    let count = host.events.len();
    (count > 0).then(|| host.events.remove(usize::from(choice) % count))
}

/// Answers an event, which may be stale by now.
fn answer(host: &mut Host, choice: u8, pool: &Pool, with: fn(Event) -> Option<Command>) {
    let command = match choose(host, choice) {
        Some(Event::Memory(request)) => pool
            .take(request.bytes)
            .map(|reservation| Command::MemoryGranted(request.ticket, reservation)),
        Some(event) => with(event),
        None => None,
    };
    if let Some(command) = command {
        let _ = host.connection.apply(command);
    }
}

fn refusal(event: Event) -> Option<Command> {
    Some(match event {
        Event::Authenticate(attempt) => {
            let verdict = match attempt.username.len() % 2 {
                0 => AuthVerdict::Unavailable,
                _ => AuthVerdict::Rejected { message: "no".into() },
            };
            Command::Authenticated(attempt.ticket, verdict)
        }
        Event::InitProducerId(asked) => {
            Command::ProducerId(asked.ticket, Err(ErrorCode::KafkaStorageError))
        }
        Event::Produce(produce) => {
            let failed =
                PartitionOutcome::failed(ErrorCode::NotEnoughReplicas, Some("full".into()));
            Command::Produced(produce.ticket, vec![failed])
        }
        Event::Ready(_) | Event::Metadata(_) | Event::Memory(_) | Event::Refused(_) => return None,
    })
}

/// Memory of a size that changes.
#[derive(Debug)]
struct Pool {
    free: AtomicUsize,
    taken: Arc<AtomicUsize>,
}

impl Pool {
    fn new() -> Self {
        Self { free: AtomicUsize::new(POOL_BYTES), taken: Arc::default() }
    }

    /// Somebody else takes memory, or gives some back.
    fn change(&self, bytes: i16) {
        let free = self.free.load(Ordering::Relaxed).saturating_add_signed(bytes.into());
        self.free.store(free.min(POOL_BYTES), Ordering::Relaxed);
    }

    fn take(&self, bytes: usize) -> Option<Reservation> {
        let taken = self.taken.load(Ordering::Relaxed) + bytes;
        if taken > self.free.load(Ordering::Relaxed) {
            return None;
        }
        self.taken.store(taken, Ordering::Relaxed);
        Some(Reservation::new(Share { taken: Arc::clone(&self.taken), bytes }))
    }

    fn is_whole(&self) -> bool {
        self.taken.load(Ordering::Relaxed) == 0
    }
}

impl Memory for Pool {
    fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        self.take(bytes)
    }
}

struct Share {
    taken: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
