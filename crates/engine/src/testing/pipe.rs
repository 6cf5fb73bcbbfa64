use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use std::task::{Context, Waker};

use logboom_conn::{CloseReason, Command};
use logboom_sans_io::{Accepted, Inbox, Machine, Session, Step, Wait};

use super::Ground;
use crate::{Clock, EngineSession, KafkaMachine};

/// The client's end of a connection with an [`Endpoint`](super::Endpoint): what a blocking
/// `TcpStream` is outside.
///
/// It moves the connection itself, on the thread of the client. A read that finds nothing commits
/// what waits for the disk; if there is still nothing to read, it lets the time pass until the next
/// timer of the connection rings. So no read waits, and none hangs: a client that waits for an
/// answer that never comes reads the end of the stream.
pub struct Pipe {
    machine: KafkaMachine,
    inbox: Arc<Inbox<Command>>,
    /// Gone when the connection is over.
    session: Option<EngineSession>,
    ground: Ground,
    /// What the endpoint has sent and the client has not read.
    received: VecDeque<u8>,
    /// The endpoint sends nothing more.
    fin: bool,
    nonblocking: bool,
    closed: Option<CloseReason>,
}

impl Pipe {
    pub(super) fn new(connection: Accepted<KafkaMachine, EngineSession>, ground: Ground) -> Self {
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

    /// Lets reads and writes fail with `WouldBlock` where they would commit, or let time pass.
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

    /// Why the endpoint has closed the connection, if it has.
    #[must_use]
    pub const fn closed(&self) -> Option<&CloseReason> {
        self.closed.as_ref()
    }

    /// Lets the connection do whatever it can do now. What it waits for, unless it is over.
    fn run(&mut self) -> Option<Wait> {
        loop {
            let session = self.session.as_mut()?;
            while let Some(command) = self.inbox.pop() {
                let _stale = self.machine.apply(command);
            }
            match self.machine.poll(self.ground.clock.monotonic()) {
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
        self.ground.commit();
        let answered = self.inbox.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
        match wait.deadline {
            _ if answered => Ok(()),
            Some(deadline) => {
                self.ground.clock.advance_to(deadline);
                Ok(())
            }
            None => Err(io::Error::new(ErrorKind::TimedOut, "nothing will ever happen")),
        }
    }
}

impl Read for Pipe {
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

impl Write for Pipe {
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
impl Drop for Pipe {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.shutdown_write();
        }
    }
}

impl Debug for Pipe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("received", &self.received.len())
            .field("fin", &self.fin)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
