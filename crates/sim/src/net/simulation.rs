//! One event queue, one clock, one executor.

use std::fmt::{self, Debug, Formatter};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use logboom_sans_io::Service;

use super::clock::VirtualClock;
use super::connection::ConnectionId;
use super::executor::Executor;
use super::network::{Happened, Network, Told};
use super::rates::NetRates;
use super::transport::{SimStream, SimTimer, SimTransport};
use crate::dice::Dice;
use crate::outcome::Violation;
use crate::random::Decisions;

/// So many polls of tasks without any time passing are no work any more, but a loop.
const POLLS_PER_MOMENT_MAX: u32 = 100_000;

/// What has happened, for the one who plays the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening<E> {
    /// Bytes have arrived at the client.
    Arrived(ConnectionId),
    /// The server has shut down its side.
    Ended(ConnectionId),
    /// The connection is broken.
    Reset(ConnectionId),
    /// Something that was planned.
    Event(E),
}

/// Connections to a server that is driven by the real driver, in virtual time.
///
/// Whoever owns it plays the clients: [`connect`](Self::connect), [`write`](Self::write) and
/// [`read`](Self::read), and [`step`](Self::step) to let time pass. The server is any [`Service`]:
/// this is how a state machine of one's own gets into the simulator.
///
/// ```
/// use std::net::SocketAddr;
/// use std::sync::Arc;
/// use std::time::{Duration, Instant};
///
/// use logboom_sans_io::testing::{Closed, Command, Event, Frames};
/// use logboom_sans_io::{Accepted, Inbox, Service, Session};
/// use logboom_sim::{Decisions, Happening, NetRates, Simulation};
///
/// struct Echo;
/// struct EchoSession(Arc<Inbox<Command>>);
///
/// impl Service for Echo {
///     type Machine = Frames;
///     type Session = EchoSession;
///     fn accept(&self, _: usize, _: SocketAddr, now: Instant) -> Option<Accepted<Frames, EchoSession>> {
///         let inbox = Arc::new(Inbox::new());
///         let machine = Frames::new(Duration::from_secs(10), now);
///         Some(Accepted { machine, session: EchoSession(Arc::clone(&inbox)), inbox })
///     }
///     fn accept_failed(&self, _: usize, _: &std::io::Error) {}
/// }
///
/// impl Session for EchoSession {
///     type Event = Event;
///     type Closed = Closed;
///     fn on_event(&mut self, event: Event) {
///         if let Event::Frame { number, payload } = event {
///             self.0.push(Command::Answer { number, payload });
///         }
///     }
///     fn on_closed(&mut self, _: Closed) {}
///     fn on_panic(&mut self) {}
/// }
///
/// // Every third segment comes in pieces, and the decisions are those of seed 7.
/// let rates = NetRates { resegment: 333, ..NetRates::default() };
/// let mut world: Simulation<()> = Simulation::new(Decisions::from_seed(7), rates);
/// let client = world.connect(&Echo, 0, ([192, 0, 2, 1], 40_000).into()).unwrap();
/// world.write(client, &Frames::encode(b"hello"));
/// let mut received = Vec::new();
/// while received.len() < 9 {
///     match world.step(Duration::from_secs(1)).unwrap() {
///         Some(Happening::Arrived(id)) => { world.read(id, &mut received); }
///         other => panic!("{other:?}"),
///     }
/// }
/// assert_eq!(received, Frames::encode(b"hello"));
/// ```
pub struct Simulation<E> {
    network: Rc<Network>,
    executor: Executor,
    /// What the owner has planned, by number.
    events: Vec<Option<E>>,
    happenings: std::collections::VecDeque<Happening<E>>,
    polls: u32,
}

impl<E> Simulation<E> {
    /// A world without connections, at the beginning of its time.
    #[must_use]
    pub fn new(decisions: Decisions, rates: NetRates) -> Self {
        Self::with_dice(&Dice::new(decisions, false), rates)
    }

    pub(crate) fn with_dice(dice: &Dice, rates: NetRates) -> Self {
        Self {
            network: Rc::new(Network::new(dice, rates)),
            executor: Executor::default(),
            events: Vec::new(),
            happenings: std::collections::VecDeque::new(),
            polls: 0,
        }
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<VirtualClock> {
        &self.network.clock
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Plans something for later, to be told by [`Happening::Event`].
    pub fn plan(&mut self, after: Duration, event: E) {
        let at_ns = self.network.clock.passed_ns() + u64::try_from(after.as_nanos()).unwrap_or(0);
        self.events.push(Some(event));
        self.network.plan(at_ns, Happened::Event(self.events.len() - 1));
    }

    /// Connects a client. `None` if the service does not want it.
    pub fn connect<S: Service>(
        &mut self,
        service: &S,
        listener: usize,
        peer: SocketAddr,
    ) -> Option<ConnectionId> {
        let accepted = service.accept(listener, peer, self.network.clock.instant())?;
        let id = self.network.open();
        let network = || Rc::clone(&self.network);
        let transport = SimTransport { stream: SimStream { network: network(), id } };
        let timer = SimTimer { network: network(), id };
        let drive = logboom_driver::drive(accepted, transport, timer);
        self.executor.spawn(Box::pin(drive));
        Some(id)
    }

    /// From now on bits of the connection may flip, because something in it notices.
    pub fn mark_encrypted(&mut self, id: ConnectionId) {
        self.network.with(id, |connection| connection.encrypted = true);
    }

    /// Sends bytes from the client. The network takes them as it has room.
    pub fn write(&mut self, id: ConnectionId, bytes: &[u8]) {
        let open = self.network.with(id, |connection| {
            if connection.client_open && !connection.shut_when_sent {
                connection.unsent.extend(bytes);
            }
            connection.client_open
        });
        if open {
            self.network.pump(id);
        }
    }

    /// Takes what has arrived at the client. Says how many bytes that are.
    pub fn read(&mut self, id: ConnectionId, into: &mut Vec<u8>) -> usize {
        let (count, writer) = self.network.with(id, |connection| {
            let pipe = &mut connection.to_client;
            let count = pipe.arrived;
            into.extend(pipe.bytes.drain(..count));
            pipe.arrived = 0;
            (count, connection.writer.take())
        });
        if let Some(writer) = writer {
            writer.wake();
        }
        count
    }

    /// Lets the client send nothing more, behind what it has sent.
    pub fn shutdown_write(&mut self, id: ConnectionId) {
        self.network.with(id, |connection| connection.shut_when_sent = true);
        self.network.pump(id);
    }

    /// Closes the client's end. It hears nothing more.
    pub fn close(&mut self, id: ConnectionId) {
        self.shutdown_write(id);
        self.network.with(id, |connection| connection.client_open = false);
    }

    /// Breaks a connection.
    pub fn reset(&mut self, id: ConnectionId) {
        self.network.with(id, |connection| connection.client_open = false);
        self.network.reset(id);
    }

    /// How many connections are being driven at the side of the server.
    #[must_use]
    pub fn driven(&self) -> usize {
        self.executor.len()
    }

    /// Drops every connection at the side of the server, as a process does that dies. `dark` says
    /// that its machine has no power either, so that nobody is told.
    pub fn drop_server(&mut self, dark: bool) {
        self.network.dark.set(dark);
        self.executor.clear();
    }

    /// The machine of the server is back.
    pub fn restart_server(&mut self) {
        self.network.dark.set(false);
    }

    /// Lets time pass until something happens, at most for so long. `None` if nothing does.
    ///
    /// # Errors
    ///
    /// If the server keeps busy without any time passing.
    pub fn step(&mut self, at_most: Duration) -> Result<Option<Happening<E>>, Violation> {
        let end_ns = self.network.clock.passed_ns()
            + u64::try_from(at_most.as_nanos()).unwrap_or(u64::MAX / 2);
        loop {
            self.run_ready()?;
            if let Some(happening) = self.happenings.pop_front() {
                return Ok(Some(happening));
            }
            match self.network.next_ns() {
                Some(at_ns) if at_ns <= end_ns => self.happen(),
                _ => {
                    self.network.clock.advance_to(end_ns);
                    return Ok(None);
                }
            }
        }
    }

    fn happen(&mut self) {
        let Some((at_ns, happened)) = self.network.pop() else { return };
        if at_ns > self.network.clock.passed_ns() {
            self.network.clock.advance_to(at_ns);
            self.polls = 0;
        }
        if let Some(number) = self.network.happen(happened)
            && let Some(event) = self.events[number].take()
        {
            self.happenings.push_back(Happening::Event(event));
        }
        for told in self.network.take_told() {
            self.happenings.push_back(match told {
                Told::Arrived(id) => Happening::Arrived(id),
                Told::Ended(id) => Happening::Ended(id),
                Told::Reset(id) => Happening::Reset(id),
            });
        }
    }

    /// Polls tasks until none is ready.
    fn run_ready(&mut self) -> Result<(), Violation> {
        while self.executor.poll_one(&self.network.dice) {
            self.polls += 1;
            if self.polls > POLLS_PER_MOMENT_MAX {
                let detail = format!("{POLLS_PER_MOMENT_MAX} polls in one moment");
                return Err(Violation::new("work takes time or ends", detail));
            }
        }
        Ok(())
    }
}

impl<E> Debug for Simulation<E> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Simulation")
            .field("passed", &self.network.clock.passed())
            .field("driven", &self.executor.len())
            .finish_non_exhaustive()
    }
}
