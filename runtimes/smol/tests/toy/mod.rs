//! A server of toy frames on real sockets, whose answers come from another thread.

#![allow(dead_code, reason = "each test program uses a part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use logboom_sans_io::testing::{Closed, Command, Event, Frames};
use logboom_sans_io::{Accepted, Inbox, Machine, Service, Session, Shutdown};
use logboom_smol::{Options, serve};

/// No test lasts so long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Boxed = Box<dyn Machine<Event = Event, Command = Command, Closed = Closed> + Send>;
type Wrap = Box<dyn Fn(Frames) -> Boxed + Send + Sync>;
type Answer = (Arc<Inbox<Command>>, Command);

/// What the server has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) endings: Vec<Result<Closed, &'static str>>,
    pub(crate) accept_failures: usize,
    pub(crate) inboxes: Vec<Arc<Inbox<Command>>>,
}

pub(crate) struct Toy {
    wrap: Wrap,
    answers: Mutex<mpsc::Sender<Answer>>,
    admits: AtomicUsize,
    pub(crate) seen: Arc<(Mutex<Seen>, Condvar)>,
}

pub(crate) struct ToySession {
    inbox: Arc<Inbox<Command>>,
    answers: mpsc::Sender<Answer>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Service for Toy {
    type Machine = Boxed;
    type Session = ToySession;

    fn accept(
        &self,
        _listener: usize,
        _peer: SocketAddr,
        now: Instant,
    ) -> Option<Accepted<Boxed, ToySession>> {
        let one_less = |admits: usize| admits.checked_sub(1);
        self.admits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).ok()?;
        let inbox = Arc::new(Inbox::new());
        update(&self.seen, |seen| seen.inboxes.push(Arc::clone(&inbox)));
        let session = ToySession {
            inbox: Arc::clone(&inbox),
            answers: self.answers.lock().expect("not poisoned").clone(),
            seen: Arc::clone(&self.seen),
        };
        Some(Accepted { machine: (self.wrap)(Frames::new(PATIENCE, now)), inbox, session })
    }

    fn accept_failed(&self, _listener: usize, _error: &std::io::Error) {
        update(&self.seen, |seen| seen.accept_failures += 1);
    }
}

impl Session for ToySession {
    type Event = Event;
    type Closed = Closed;

    fn on_event(&mut self, event: Event) {
        if let Event::Frame { number, payload } = event {
            let answer = Command::Answer { number, payload };
            self.answers.send((Arc::clone(&self.inbox), answer)).expect("the answerer lives");
        }
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

/// A running server. Dropping it shuts it down and waits for it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) toy: Arc<Toy>,
    pub(crate) shutdown: Shutdown,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(usize::MAX, |frames| Box::new(frames))
    }

    pub(crate) fn start_with(
        admits: usize,
        wrap: impl Fn(Frames) -> Boxed + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let (sender, receiver) = mpsc::channel::<Answer>();
        let answerer = move || receiver.iter().for_each(|(inbox, answer)| inbox.push(answer));
        Builder::new().spawn(answerer).expect("a thread");
        let toy = Arc::new(Toy {
            wrap: Box::new(wrap),
            answers: Mutex::new(sender),
            admits: AtomicUsize::new(admits),
            seen: Arc::default(),
        });
        let shutdown = Shutdown::new();
        let options = Options { threads: NonZero::new(2) };
        let (service, switch) = (Arc::clone(&toy), shutdown.clone());
        let run = move || serve(vec![listener], service, options, switch);
        let thread = Some(Builder::new().spawn(run).expect("a thread"));
        Self { address, toy, shutdown, thread }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
        stream.set_nodelay(true).expect("a connected socket");
        stream
    }

    /// Waits until the server has seen something.
    pub(crate) fn wait_for(&self, condition: impl Fn(&Seen) -> bool) -> MutexGuard<'_, Seen> {
        let (seen, changed) = &*self.toy.seen;
        let guard = seen.lock().expect("not poisoned");
        let (guard, result) = changed
            .wait_timeout_while(guard, PATIENCE, |seen| !condition(seen))
            .expect("not poisoned");
        assert!(!result.timed_out(), "the server never saw it");
        guard
    }

    pub(crate) fn drain(&self) {
        self.shutdown.trigger();
        let (seen, _) = &*self.toy.seen;
        seen.lock().expect("not poisoned").inboxes.iter().for_each(|inbox| {
            inbox.push(Command::Drain);
        });
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
            self.join();
        }
    }
}

/// Sends `payload` as a frame and reads the answer, which is the same.
pub(crate) fn exchange(stream: &mut (impl Read + Write), payload: &[u8]) {
    let frame = Frames::encode(payload);
    stream.write_all(&frame).expect("the server reads");
    let mut answer = vec![0; frame.len()];
    stream.read_exact(&mut answer).expect("the server answers");
    assert!(answer == frame, "the answer differs");
}

/// Reads until the server ends the stream, or resets it.
pub(crate) fn read_to_end(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _end_or_reset = stream.read_to_end(&mut bytes);
    bytes
}
