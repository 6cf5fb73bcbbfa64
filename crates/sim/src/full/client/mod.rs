//! Simulated clients.

mod channel;
mod hostile;
mod logins;
mod personality;
mod producer;
mod records;
mod request;
mod response;
mod sending;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub(crate) use hostile::{Hostile, HostileTask};
pub(crate) use personality::ALL as PERSONALITIES;
pub(crate) use producer::{Producer, Task};

use crate::coverage::State;
use crate::dice::Dice;
use crate::fault::FaultKind;
use crate::full::event::Event;
use crate::full::oracle::Oracle;
use crate::full::site::Site;
use crate::net::{ConnectionId, Simulation};
use crate::outcome::Violation;
use crate::random::Stream;

/// What a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientEvent {
    /// A connection that it wanted is there.
    Connected(ConnectionId),
    /// A connection that it wanted was refused, or nobody answered.
    Refused,
    /// Bytes have arrived.
    Arrived(ConnectionId),
    /// The server has shut down its side.
    Ended(ConnectionId),
    /// The connection is broken.
    Reset(ConnectionId),
    /// A time is over that it wanted to wait.
    Timer(u64),
    /// From now on nothing goes wrong any more. Whoever does harm ends.
    Calm,
}

/// A client of the simulated server.
pub trait Client {
    /// What it is called in traces.
    fn name(&self) -> String;

    /// Something has happened.
    ///
    /// # Errors
    ///
    /// What it has seen and must never see.
    fn on_event(&mut self, event: ClientEvent, port: &mut Port<'_>) -> Result<(), Violation>;

    /// Whether it has nothing left to do.
    fn is_done(&self) -> bool;
}

/// What a client can do.
pub struct Port<'a> {
    pub(crate) simulation: &'a mut Simulation<Event>,
    pub(crate) dice: &'a Dice,
    pub(crate) oracle: &'a mut Oracle,
    pub(crate) site: &'a Site,
    pub(crate) client: usize,
}

impl Port<'_> {
    /// Asks for a connection; [`ClientEvent::Connected`] or [`ClientEvent::Refused`] answers.
    pub fn connect(&mut self) {
        let event = Event::Connect { client: self.client };
        let micros = self.dice.between(Stream::Net, 50, 2_000);
        self.simulation.plan(Duration::from_micros(micros), event);
    }

    /// Sends bytes.
    pub fn write(&mut self, id: ConnectionId, bytes: &[u8]) {
        self.simulation.write(id, bytes);
    }

    /// Takes the bytes that have arrived.
    pub fn read(&mut self, id: ConnectionId, into: &mut Vec<u8>) -> usize {
        self.simulation.read(id, into)
    }

    /// Closes a connection.
    pub fn close(&mut self, id: ConnectionId) {
        self.simulation.close(id);
    }

    /// Sends nothing more, and goes on reading.
    pub fn shutdown_write(&mut self, id: ConnectionId) {
        self.simulation.shutdown_write(id);
    }

    /// Waits for so long; [`ClientEvent::Timer`] with the same number answers.
    pub fn timer(&mut self, after: Duration, number: u64) {
        self.simulation.plan(after, Event::Timer { client: self.client, number });
    }

    /// The time since the beginning.
    #[must_use]
    pub fn passed(&self) -> Duration {
        self.simulation.clock().passed()
    }

    /// A number below `bound`, drawn for the workload.
    pub fn draw(&mut self, bound: u64) -> u64 {
        self.dice.below(Stream::Workload, bound)
    }

    pub(crate) fn strikes(&self, kind: FaultKind, per_mille: u64) -> bool {
        self.dice.strikes(kind, per_mille)
    }

    pub(crate) fn reached(&self, state: State) {
        self.dice.reached(state);
    }
}

impl std::fmt::Debug for Port<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Port").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Where a client connects from. Each has an address of its own.
pub(crate) fn address(client: usize, connection: usize) -> SocketAddr {
    let last = u8::try_from(client % 250 + 1).expect("below 251");
    let port = 10_000 + u16::try_from(connection % 50_000).expect("below 50,000");
    SocketAddr::new(IpAddr::from([10, 1, 0, last]), port)
}
