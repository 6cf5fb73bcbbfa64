//! A server of toy frames on real sockets, whose answers come from another thread.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use logboom_sans_io::testing::{Closed, Command, Event, Frames};
use logboom_sans_io::{Accepted, Inbox, Machine, Service, Session, Shutdown};

use super::Host as _;
use crate::Adapter;

/// No test lasts so long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// A frame that makes the session panic.
pub(crate) const SESSION_PANIC: &[u8] = b"the session panics";

pub(crate) type Boxed = Box<dyn Machine<Event = Event, Command = Command, Closed = Closed> + Send>;
type Wrap = Box<dyn Fn(Frames) -> Boxed + Send + Sync>;
type Answer = (Arc<Inbox<Command>>, Command);

/// The present time.
#[expect(clippy::disallowed_methods, reason = "the clock of the tests")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// How a server behaves.
pub(crate) struct Setup {
    /// So many connections are let in.
    pub(crate) admits: usize,
    /// What is put around the machine of each connection.
    pub(crate) wrap: Wrap,
    /// Connections end when nothing arrives for so long.
    pub(crate) idle_after: Duration,
    /// Frames are not answered until [`Server::release`].
    pub(crate) holds: bool,
    /// Frames are not answered until the host is idle, if it has promised to say so.
    pub(crate) answers_when_idle: bool,
    /// Where it listens; port 0 takes any.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            admits: usize::MAX,
            wrap: Box::new(|frames| Box::new(frames)),
            idle_after: PATIENCE,
            holds: false,
            answers_when_idle: false,
            addresses: vec![([127, 0, 0, 1], 0).into()],
        }
    }
}

/// What the server has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) accepted: Vec<(usize, SocketAddr)>,
    pub(crate) frames: usize,
    pub(crate) endings: Vec<Result<Closed, &'static str>>,
    pub(crate) accept_failures: usize,
    inboxes: Vec<Arc<Inbox<Command>>>,
    held: Vec<Answer>,
}

pub(crate) struct Toy {
    setup: Setup,
    answers: Mutex<mpsc::Sender<Answer>>,
    admits: AtomicUsize,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

pub(crate) struct ToySession {
    inbox: Arc<Inbox<Command>>,
    answers: mpsc::Sender<Answer>,
    holds: bool,
    answers_when_idle: bool,
    /// There was an event.
    began: bool,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Service for Toy {
    type Machine = Boxed;
    type Session = ToySession;

    fn accept(
        &self,
        listener: usize,
        peer: SocketAddr,
        now: Instant,
    ) -> Option<Accepted<Boxed, ToySession>> {
        let one_less = |admits: usize| admits.checked_sub(1);
        self.admits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).ok()?;
        let inbox = Arc::new(Inbox::new());
        let machine = (self.setup.wrap)(Frames::new(self.setup.idle_after, now));
        update(&self.seen, |seen| {
            seen.accepted.push((listener, peer));
            seen.inboxes.push(Arc::clone(&inbox));
        });
        let session = ToySession {
            inbox: Arc::clone(&inbox),
            answers: self.answers.lock().expect("not poisoned").clone(),
            holds: self.setup.holds,
            answers_when_idle: self.setup.answers_when_idle,
            began: false,
            seen: Arc::clone(&self.seen),
        };
        Some(Accepted { machine, inbox, session })
    }

    fn on_idle(&self) {
        if self.setup.answers_when_idle {
            release(&self.seen);
        }
    }

    fn accept_failed(&self, _listener: usize, _error: &std::io::Error) {
        update(&self.seen, |seen| seen.accept_failures += 1);
    }
}

impl Session for ToySession {
    type Event = Event;
    type Closed = Closed;

    fn expect_idle(&mut self) {
        assert!(!self.began, "too late for the first event");
        self.holds |= self.answers_when_idle;
    }

    fn on_event(&mut self, event: Event) {
        self.began = true;
        let Event::Frame { number, payload } = event else { return };
        assert!(payload != SESSION_PANIC, "a frame asked the session for a panic");
        let answer = (Arc::clone(&self.inbox), Command::Answer { number, payload });
        update(&self.seen, |seen| {
            seen.frames += 1;
            match self.holds {
                true => seen.held.push(answer),
                false => self.answers.send(answer).expect("the answerer lives"),
            }
        });
    }

    fn on_closed(&mut self, reason: Closed) {
        update(&self.seen, |seen| seen.endings.push(Ok(reason)));
    }

    fn on_panic(&mut self) {
        update(&self.seen, |seen| seen.endings.push(Err("panic")));
    }
}

fn update(seen: &(Mutex<Seen>, Condvar), change: impl FnOnce(&mut Seen)) {
    change(&mut seen.0.lock().expect("not poisoned"));
    seen.1.notify_all();
}

fn release(seen: &(Mutex<Seen>, Condvar)) {
    let held = std::mem::take(&mut seen.0.lock().expect("not poisoned").held);
    held.into_iter().rev().for_each(|(inbox, answer)| inbox.push(answer));
}

/// A running server. Dropping it shuts it down and waits for it.
pub(crate) struct Server {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) shutdown: Shutdown,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(Setup::default())
    }

    pub(crate) fn start_with(setup: Setup) -> Self {
        let bind = |address: &SocketAddr| TcpListener::bind(address).expect("a free port");
        let listeners: Vec<_> = setup.addresses.iter().map(bind).collect();
        let address = |listener: &TcpListener| listener.local_addr().expect("a bound listener");
        let addresses = listeners.iter().map(address).collect();
        let (sender, receiver) = mpsc::channel::<Answer>();
        let answerer = move || receiver.iter().for_each(|(inbox, answer)| inbox.push(answer));
        Builder::new().spawn(answerer).expect("a thread");
        let seen = Arc::default();
        let toy = Arc::new(Toy {
            admits: AtomicUsize::new(setup.admits),
            setup,
            answers: Mutex::new(sender),
            seen: Arc::clone(&seen),
        });
        let shutdown = Shutdown::new();
        let switch = shutdown.clone();
        let run = move || Adapter::serve(listeners, toy, switch);
        let thread = Some(Builder::new().spawn(run).expect("a thread"));
        Self { addresses, shutdown, seen, thread }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.addresses[0])
    }

    /// Waits until the server has seen something.
    pub(crate) fn wait_for(&self, condition: impl Fn(&Seen) -> bool) -> MutexGuard<'_, Seen> {
        let (seen, changed) = &*self.seen;
        let guard = seen.lock().expect("not poisoned");
        let (guard, result) = changed
            .wait_timeout_while(guard, PATIENCE, |seen| !condition(seen))
            .expect("not poisoned");
        assert!(!result.timed_out(), "the server never saw it");
        guard
    }

    /// How the only connection that ends has ended.
    pub(crate) fn ending(&self) -> Result<Closed, &'static str> {
        self.wait_for(|seen| !seen.endings.is_empty()).endings[0].clone()
    }

    /// Answers everything that is held, the last frame first.
    pub(crate) fn release(&self) {
        release(&self.seen);
    }

    pub(crate) fn drain(&self) {
        self.shutdown.trigger();
        let seen = self.seen.0.lock().expect("not poisoned");
        seen.inboxes.iter().for_each(|inbox| inbox.push(Command::Drain));
    }

    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic leaves the server").expect("the server could serve");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.drain();
            self.release();
            self.join();
        }
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
    stream.set_nodelay(true).expect("a connected socket");
    stream
}

/// Closes a connection so that its peer sees a reset.
pub(crate) fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("a socket");
    drop(stream);
}

/// Sends `payload` as a frame and reads the answer, which is the same.
pub(crate) fn exchange(stream: &mut (impl Read + Write), payload: &[u8]) {
    let frame = Frames::encode(payload);
    stream.write_all(&frame).expect("the server reads");
    expect(stream, &frame);
}

/// Reads so many bytes, which are these.
pub(crate) fn expect(stream: &mut impl Read, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).expect("the server answers");
    assert!(read == bytes, "the answer differs");
}

/// Reads until the server ends the stream in order. A reset is a failure.
pub(crate) fn read_to_end(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an end in order");
    bytes
}

/// Reads until the server ends the stream, or resets it.
pub(crate) fn read_to_any_end(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _end_or_reset = stream.read_to_end(&mut bytes);
    bytes
}
