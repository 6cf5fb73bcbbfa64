//! What is between the clients and the server.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::Waker;

use super::clock::VirtualClock;
use super::connection::{Connection, ConnectionId, Direction};
use super::queue::Queue;
use super::rates::NetRates;
use crate::dice::Dice;
use crate::fault::FaultKind;
use crate::random::Stream;

/// What the network plans to happen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Happened {
    /// So many bytes arrive.
    Segment { id: ConnectionId, direction: Direction, bytes: usize },
    /// The end of a stream arrives.
    Fin { id: ConnectionId, direction: Direction },
    /// The client hears that the connection is broken.
    ResetClient { id: ConnectionId },
    /// The alarm of a connection rings.
    Alarm { id: ConnectionId, at_ns: u64 },
    /// Something else, which the owner of the world has planned.
    Event(usize),
}

/// What a client has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Arrived(ConnectionId),
    Ended(ConnectionId),
    Reset(ConnectionId),
}

/// The network of a world, and what is planned in it.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) dice: Dice,
    rates: Cell<NetRates>,
    connections: RefCell<Vec<Connection>>,
    queue: RefCell<Queue<Happened>>,
    told: RefCell<Vec<Told>>,
    /// Nothing passes until then.
    partitioned_until_ns: Cell<u64>,
    /// The machine of the server is without power: what it does is not seen.
    pub(crate) dark: Cell<bool>,
}

impl Network {
    pub(crate) fn new(dice: &Dice, rates: NetRates) -> Self {
        Self {
            clock: Arc::new(VirtualClock::new()),
            dice: dice.clone(),
            rates: Cell::new(rates),
            connections: RefCell::default(),
            queue: RefCell::new(Queue::new()),
            told: RefCell::default(),
            partitioned_until_ns: Cell::new(0),
            dark: Cell::new(false),
        }
    }

    pub(crate) fn rates(&self) -> NetRates {
        self.rates.get()
    }

    pub(crate) fn set_rates(&self, rates: NetRates) {
        self.rates.set(rates);
    }

    /// Lets nothing pass for a while.
    pub(crate) fn partition_for(&self, ns: u64) {
        self.partitioned_until_ns.set(self.clock.passed_ns() + ns);
    }

    pub(crate) fn is_partitioned(&self) -> bool {
        self.partitioned_until_ns.get() > self.clock.passed_ns()
    }

    /// Lets everything that was held back go on.
    pub(crate) fn heal(&self) {
        self.partitioned_until_ns.set(0);
        for connection in &mut *self.connections.borrow_mut() {
            connection.to_server.stalled_until_ns = 0;
            connection.to_client.stalled_until_ns = 0;
        }
    }

    pub(crate) fn with<T>(&self, id: ConnectionId, act: impl FnOnce(&mut Connection) -> T) -> T {
        act(&mut self.connections.borrow_mut()[id.0])
    }

    pub(crate) fn open(&self) -> ConnectionId {
        let mut connections = self.connections.borrow_mut();
        connections.push(Connection {
            server_open: true,
            client_open: true,
            ..Connection::default()
        });
        ConnectionId(connections.len() - 1)
    }

    pub(crate) fn plan(&self, at_ns: u64, happened: Happened) {
        let tie = self.dice.below(Stream::Schedule, 16);
        self.queue.borrow_mut().push(at_ns.max(self.clock.passed_ns()), tie, happened);
    }

    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.queue.borrow().next_ns()
    }

    pub(crate) fn pop(&self) -> Option<(u64, Happened)> {
        self.queue.borrow_mut().pop()
    }

    pub(crate) fn take_told(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.borrow_mut())
    }

    /// How long bytes take from now.
    fn latency_ns(&self) -> u64 {
        let NetRates { latency_min_ns, latency_max_ns, delay, .. } = self.rates();
        let usual = self.dice.between(Stream::Net, latency_min_ns, latency_max_ns);
        if self.dice.strikes(FaultKind::Delay, delay) {
            return usual
                + self.dice.between(Stream::Fault(FaultKind::Delay), 1, 2_000) * 1_000_000;
        }
        usual
    }

    /// Sends bytes on their way that are in the pipe already.
    pub(crate) fn send(&self, id: ConnectionId, direction: Direction, bytes: usize) {
        let at_ns = self.arrival(id, direction);
        self.plan(at_ns, Happened::Segment { id, direction, bytes });
    }

    fn arrival(&self, id: ConnectionId, direction: Direction) -> u64 {
        let at_ns = self.clock.passed_ns() + self.latency_ns();
        self.with(id, |connection| {
            let pipe = connection.pipe(direction);
            pipe.last_ns = pipe.last_ns.max(at_ns);
            pipe.last_ns
        })
    }

    /// Shuts down a direction behind what is under way.
    pub(crate) fn shut(&self, id: ConnectionId, direction: Direction) {
        let already = self.with(id, |connection| {
            std::mem::replace(&mut connection.pipe(direction).fin_sent, true)
        });
        if !already {
            let at_ns = self.arrival(id, direction);
            self.plan(at_ns, Happened::Fin { id, direction });
        }
    }

    /// Takes from the client what fits into the network.
    pub(crate) fn pump(&self, id: ConnectionId) {
        let window_bytes = self.rates().window_bytes;
        let (taken, shut) = self.with(id, |connection| {
            let room = connection.to_server.room(window_bytes).min(connection.unsent.len());
            connection.to_server.bytes.extend(connection.unsent.drain(..room));
            (room, connection.shut_when_sent && connection.unsent.is_empty())
        });
        if taken > 0 {
            self.send(id, Direction::ToServer, taken);
        }
        if shut {
            self.shut(id, Direction::ToServer);
        }
    }

    /// Breaks a connection: both ends hear of it, the client a moment later.
    pub(crate) fn reset(&self, id: ConnectionId) {
        let wakers = self.with(id, |connection| {
            connection.reset = true;
            connection.to_server.clear();
            connection.unsent.clear();
            connection.wake_server()
        });
        wake(wakers);
        let at_ns = self.clock.passed_ns() + self.latency_ns();
        self.plan(at_ns, Happened::ResetClient { id });
    }

    /// The server has closed its end. What it has not read turns into a reset that may overtake what
    /// it has sent, as with a real kernel.
    pub(crate) fn server_closed(&self, id: ConnectionId) {
        let (unread, reset) = self.with(id, |connection| {
            connection.server_open = false;
            (!connection.to_server.bytes.is_empty(), connection.reset)
        });
        if self.dark.get() || reset {
            return;
        }
        if unread {
            self.reset(id);
        } else {
            self.shut(id, Direction::ToClient);
        }
    }

    /// Lets something happen that the network has planned. The number of the event, if it is one of
    /// the owner of the world.
    pub(crate) fn happen(&self, happened: Happened) -> Option<usize> {
        match happened {
            Happened::Segment { id, direction, bytes } => self.arrive(id, direction, bytes),
            Happened::Fin { id, direction } => self.arrive_fin(id, direction),
            Happened::ResetClient { id } => {
                let open = self.with(id, |connection| {
                    connection.to_client.clear();
                    std::mem::replace(&mut connection.client_open, false)
                });
                if open {
                    self.told.borrow_mut().push(Told::Reset(id));
                }
            }
            Happened::Alarm { id, at_ns } => {
                let sleeper = self.with(id, |connection| {
                    if connection.alarm_ns == Some(at_ns) {
                        connection.sleeper.take()
                    } else {
                        None
                    }
                });
                wake([sleeper, None]);
            }
            Happened::Event(number) => return Some(number),
        }
        None
    }

    fn held_back(&self, id: ConnectionId, direction: Direction) -> Option<u64> {
        let now_ns = self.clock.passed_ns();
        let stalled = self.with(id, |connection| connection.pipe(direction).stalled_until_ns);
        let until_ns = stalled.max(self.partitioned_until_ns.get());
        (until_ns > now_ns).then_some(until_ns)
    }

    fn arrive(&self, id: ConnectionId, direction: Direction, bytes: usize) {
        let (dice, rates) = (&self.dice, self.rates());
        let now_ns = self.clock.passed_ns();
        if dice.strikes(FaultKind::Stall, rates.stall) {
            let ms = dice.between(Stream::Fault(FaultKind::Stall), 1, 40_000);
            self.with(id, |c| c.pipe(direction).stalled_until_ns = now_ns + ms * 1_000_000);
        }
        if let Some(until_ns) = self.held_back(id, direction) {
            // What comes later is held back behind it.
            self.with(id, |connection| connection.pipe(direction).last_ns = until_ns);
            return self.replan(until_ns, Happened::Segment { id, direction, bytes });
        }
        if dice.strikes(FaultKind::Reset, rates.reset) {
            return self.reset(id);
        }
        let mut bytes = bytes;
        if bytes > 1 && dice.strikes(FaultKind::Resegment, rates.resegment) {
            let stream = Stream::Fault(FaultKind::Resegment);
            let first =
                if dice.chance(stream, 500) { 1 } else { 1 + dice.index(stream, bytes - 1) };
            let rest = Happened::Segment { id, direction, bytes: bytes - first };
            self.replan(now_ns + dice.below(stream, 1_000_000), rest);
            bytes = first;
        }
        let encrypted = self.with(id, |connection| connection.encrypted);
        let flip = encrypted && dice.strikes(FaultKind::BitFlip, rates.bit_flip);
        let bit = if flip { dice.index(Stream::Fault(FaultKind::BitFlip), bytes * 8) } else { 0 };
        self.land(id, direction, bytes, flip.then_some(bit));
    }

    /// Plans something for exactly then, before anything that is planned for that moment later.
    fn replan(&self, at_ns: u64, happened: Happened) {
        self.queue.borrow_mut().push(at_ns.max(self.clock.passed_ns()), 0, happened);
    }

    fn land(&self, id: ConnectionId, direction: Direction, bytes: usize, flip: Option<usize>) {
        enum Then {
            Wake(Option<Waker>),
            Tell,
            Reset,
            Nothing,
        }
        let then = self.with(id, |connection| {
            let open = match direction {
                Direction::ToServer => connection.server_open,
                Direction::ToClient => connection.client_open,
            };
            let pipe = connection.pipe(direction);
            let bytes = bytes.min(pipe.bytes.len() - pipe.arrived);
            if let Some(byte) = flip.and_then(|bit| pipe.bytes.get_mut(pipe.arrived + bit / 8)) {
                *byte ^= 1 << (flip.unwrap_or(0) % 8);
            }
            pipe.arrived += bytes;
            match direction {
                _ if connection.reset || bytes == 0 => Then::Nothing,
                // Nobody is there any more: the kernel says so, if there is one.
                _ if !open && self.dark.get() => Then::Nothing,
                _ if !open => Then::Reset,
                Direction::ToServer => Then::Wake(connection.reader.take()),
                Direction::ToClient => Then::Tell,
            }
        });
        match then {
            Then::Wake(reader) => wake([reader, None]),
            Then::Tell => self.told.borrow_mut().push(Told::Arrived(id)),
            Then::Reset => self.reset(id),
            Then::Nothing => {}
        }
    }

    fn arrive_fin(&self, id: ConnectionId, direction: Direction) {
        let not_yet = self.held_back(id, direction).or_else(|| {
            // Behind the last piece of what was sent before.
            let under_way = self.with(id, |connection| {
                let pipe = connection.pipe(direction);
                pipe.arrived < pipe.bytes.len()
            });
            under_way.then(|| self.clock.passed_ns() + 100_000)
        });
        if let Some(at_ns) = not_yet {
            return self.replan(at_ns, Happened::Fin { id, direction });
        }
        let (reader, tell) = self.with(id, |connection| {
            connection.pipe(direction).fin_arrived = true;
            match direction {
                _ if connection.reset => (None, false),
                Direction::ToServer => (connection.reader.take(), false),
                Direction::ToClient => (None, connection.client_open),
            }
        });
        wake([reader, None]);
        if tell {
            self.told.borrow_mut().push(Told::Ended(id));
        }
    }
}

fn wake(wakers: [Option<Waker>; 2]) {
    wakers.into_iter().flatten().for_each(Waker::wake);
}
