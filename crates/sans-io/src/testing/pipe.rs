//! A byte stream to a machine that needs no host: the client moves it.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use crate::{Accepted, Inbox, Machine, Session, Step, Wait};

/// The client's end of a connection in memory: what a blocking `TcpStream` is outside.
///
/// It moves the machine itself, on the thread of the client. A read that finds nothing lets
/// everybody else do their work ([`Ground::settle`]); if there is still nothing to read, it lets the
/// time pass until the next timer of the connection rings. So no read waits, and none hangs: a client
/// that waits for an answer that never comes reads the end of the stream.
pub struct Pipe<M, S, G>
where
    M: Machine<Closed: Clone>,
    S: Session<Event = M::Event, Closed = M::Closed>,
    G: Ground,
{
    machine: M,
    inbox: Arc<Inbox<M::Command>>,
    /// Gone when the connection is over.
    session: Option<S>,
    ground: G,
    /// What the machine has sent and the client has not read.
    received: VecDeque<u8>,
    /// The machine sends nothing more.
    fin: bool,
    nonblocking: bool,
    closed: Option<M::Closed>,
}

/// What a [`Pipe`] stands on.
pub trait Ground {
    /// The present time.
    fn now(&self) -> Instant;
    /// Lets it be that time, unless it is later already.
    fn advance_to(&self, time: Instant);
    /// Does what others do while a client waits, such as committing what it has sent.
    fn settle(&self);
}

/// A clock that stands still until it is moved. As the ground of a pipe it leaves nothing to settle.
#[derive(Debug)]
pub struct ManualClock {
    start: Instant,
    passed: Mutex<Duration>,
}

impl ManualClock {
    /// A clock that shows `start`. Any instant will do.
    #[must_use]
    pub fn new(start: Instant) -> Self {
        Self { start, passed: Mutex::default() }
    }

    /// Moves it on.
    pub fn pass(&self, time: Duration) {
        *self.lock() += time;
    }

    /// By how much it has been moved.
    #[must_use]
    pub fn passed(&self) -> Duration {
        *self.lock()
    }

    /// A duration stays whole even if a thread panicked while it held the lock.
    fn lock(&self) -> MutexGuard<'_, Duration> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ground for ManualClock {
    fn now(&self) -> Instant {
        self.start + self.passed()
    }

    fn advance_to(&self, time: Instant) {
        let mut passed = self.lock();
        *passed = time.saturating_duration_since(self.start).max(*passed);
    }

    fn settle(&self) {}
}

impl<G: Ground + ?Sized> Ground for Arc<G> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn advance_to(&self, time: Instant) {
        (**self).advance_to(time);
    }

    fn settle(&self) {
        (**self).settle();
    }
}

impl<M, S, G> Pipe<M, S, G>
where
    M: Machine<Closed: Clone>,
    S: Session<Event = M::Event, Closed = M::Closed>,
    G: Ground,
{
    /// Connects a client with what a [`Service`](crate::Service) has accepted.
    #[must_use]
    pub fn new(connection: Accepted<M, S>, ground: G) -> Self {
        let Accepted { machine, inbox, session } = connection;
        Self {
            machine,
            inbox,
            session: Some(session),
            ground,
            received: VecDeque::new(),
            fin: false,
            nonblocking: false,
            closed: None,
        }
    }

    /// Lets reads and writes fail with `WouldBlock` where they would let others work, or time
    /// pass.
    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.nonblocking = nonblocking;
    }

    /// Ends the stream of the client, which may still read.
    pub fn shutdown_write(&mut self) {
        self.machine.handle_eof();
        self.run();
    }

    /// Breaks the connection in both directions, as a reset does.
    pub fn reset(&mut self) {
        self.machine.handle_transport_error(ErrorKind::ConnectionReset);
        self.received.clear();
        self.run();
    }

    /// Why the machine has closed the connection, if it has.
    #[must_use]
    pub const fn closed(&self) -> Option<&M::Closed> {
        self.closed.as_ref()
    }

    /// Lets the connection do whatever it can do now. What it waits for, unless it is over.
    fn run(&mut self) -> Option<Wait> {
        loop {
            let session = self.session.as_mut()?;
            while let Some(command) = self.inbox.pop() {
                let _stale = self.machine.apply(command);
            }
            match self.machine.poll(self.ground.now()) {
                Step::Event(event) => session.on_event(event),
                Step::Closed(reason) => {
                    session.on_closed(reason.clone());
                    self.session = None;
                    self.closed = Some(reason);
                }
                Step::Wait(wait) if wait.write => self.receive(),
                Step::Wait(wait) => {
                    self.fin |= wait.fin;
                    return Some(wait);
                }
            }
        }
    }

    /// Takes what the connection sends.
    fn receive(&mut self) {
        let mut slices = [IoSlice::new(&[]); 16];
        let filled = self.machine.transmit(&mut slices);
        let before = self.received.len();
        slices[..filled].iter().for_each(|slice| self.received.extend(slice.iter()));
        self.machine.handle_sent(self.received.len() - before);
    }

    /// Lets something happen, for a client that waits.
    fn wait(&self, wait: Wait) -> io::Result<()> {
        if self.nonblocking {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.ground.settle();
        let answered = self.inbox.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
        match wait.deadline {
            _ if answered => Ok(()),
            Some(deadline) => {
                self.ground.advance_to(deadline);
                Ok(())
            }
            None => Err(io::Error::new(ErrorKind::TimedOut, "nothing will ever happen")),
        }
    }
}

impl<M, S, G> Read for Pipe<M, S, G>
where
    M: Machine<Closed: Clone>,
    S: Session<Event = M::Event, Closed = M::Closed>,
    G: Ground,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let wait = self.run();
            if !self.received.is_empty() {
                return self.received.read(buffer);
            }
            match wait {
                Some(wait) if !self.fin => self.wait(wait)?,
                _ => return Ok(0),
            }
        }
    }
}

impl<M, S, G> Write for Pipe<M, S, G>
where
    M: Machine<Closed: Clone>,
    S: Session<Event = M::Event, Closed = M::Closed>,
    G: Ground,
{
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while let Some(wait) = self.run() {
            if let Some(space) = self.machine.recv_space().filter(|_| wait.read) {
                let n = space.len().min(bytes.len());
                space[..n].copy_from_slice(&bytes[..n]);
                self.machine.handle_received(n);
                self.run();
                return Ok(n);
            }
            self.wait(wait)?;
        }
        Err(ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A client that is gone has ended its stream.
impl<M, S, G> Drop for Pipe<M, S, G>
where
    M: Machine<Closed: Clone>,
    S: Session<Event = M::Event, Closed = M::Closed>,
    G: Ground,
{
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.shutdown_write();
        }
    }
}

impl<M, S, G> Debug for Pipe<M, S, G>
where
    M: Machine<Closed: Clone + Debug>,
    S: Session<Event = M::Event, Closed = M::Closed>,
    G: Ground,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("received", &self.received.len())
            .field("fin", &self.fin)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
