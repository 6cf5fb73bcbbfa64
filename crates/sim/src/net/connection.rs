use std::collections::VecDeque;
use std::task::Waker;

/// The number of a connection in its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) usize);

impl ConnectionId {
    /// The number, counted from 0 in the order of the connects.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0
    }
}

/// A direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// One direction: what was taken from its sender and not yet by its receiver.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) bytes: VecDeque<u8>,
    /// How many of the bytes have arrived.
    pub(crate) arrived: usize,
    /// The sender has shut down.
    pub(crate) fin_sent: bool,
    /// The receiver knows.
    pub(crate) fin_arrived: bool,
    /// When the last segment that is under way arrives: they do not overtake each other.
    pub(crate) last_ns: u64,
    pub(crate) stalled_until_ns: u64,
}

impl Pipe {
    pub(crate) fn room(&self, window_bytes: usize) -> usize {
        window_bytes.saturating_sub(self.bytes.len())
    }

    /// Forgets everything that is under way.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.arrived = 0;
    }
}

/// A connection, as the network sees it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) to_server: Pipe,
    pub(crate) to_client: Pipe,
    /// What the client wants to send and the network has not taken.
    pub(crate) unsent: VecDeque<u8>,
    /// The client wants to shut down when all of that is sent.
    pub(crate) shut_when_sent: bool,
    pub(crate) server_open: bool,
    pub(crate) client_open: bool,
    pub(crate) reset: bool,
    /// Whether bits may flip: where nothing checks them, they do not.
    pub(crate) encrypted: bool,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
    pub(crate) sleeper: Option<Waker>,
    pub(crate) alarm_ns: Option<u64>,
}

impl Connection {
    pub(crate) fn pipe(&mut self, direction: Direction) -> &mut Pipe {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Wakes whoever waits for anything at the side of the server.
    pub(crate) fn wake_server(&mut self) -> [Option<Waker>; 2] {
        [self.reader.take(), self.writer.take()]
    }
}
