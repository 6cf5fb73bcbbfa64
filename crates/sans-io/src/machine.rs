use std::io::{ErrorKind, IoSlice};
use std::time::Instant;

/// A byte-stream protocol without its I/O.
///
/// Machines nest: a TLS layer is a machine around another machine, with the same events and
/// commands. A host never sees which of the two it drives.
pub trait Machine {
    /// What the application has to answer or wants to know.
    type Event;
    /// Answers to events, and orders from outside such as a drain or an abort.
    type Command;
    /// Why the machine has ended. Sticky: once closed, it stays closed for this reason.
    type Closed;

    /// Lends the memory for the next bytes from the peer.
    ///
    /// `None` means that reading is paused ([`Wait::read`] is false then too). The slice is never
    /// empty, so that a read of zero bytes always means the end of the stream.
    fn recv_space(&mut self) -> Option<&mut [u8]>;

    /// Takes note that the first `n` bytes of the lent space were filled. Zero is allowed and is
    /// not the end of the stream: it says that nothing will come into this space, so that the
    /// machine may give the memory back.
    ///
    /// # Panics
    ///
    /// If `n` is larger than the space that was lent: the host has a bug.
    fn handle_received(&mut self, n: usize);

    /// Takes note that the peer will send nothing more. It may still read. From the next
    /// [`poll`](Machine::poll) on, [`Wait::read`] is false.
    fn handle_eof(&mut self);

    /// Takes note that the transport is broken in both directions.
    fn handle_transport_error(&mut self, kind: ErrorKind);

    /// Fills `out` with bytes for the peer, first byte first, and returns how many slices it
    /// filled. Consumes nothing: [`handle_sent`](Machine::handle_sent) does.
    fn transmit<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize;

    /// Takes note that the transport has taken the first `n` bytes. Partial writes are normal.
    ///
    /// # Panics
    ///
    /// If `n` is larger than what [`transmit`](Machine::transmit) offered: the host has a bug.
    fn handle_sent(&mut self, n: usize);

    /// Fires the timers that are due at `now` and says what is next. The one thing to poll.
    ///
    /// `now` must not go backwards. Polling again without anything having happened gives the same
    /// [`Wait`] and costs a constant amount of work.
    #[must_use]
    fn poll(&mut self, now: Instant) -> Step<Self::Event, Self::Closed>;

    /// Takes an answer or an order, in any order relative to others.
    ///
    /// # Errors
    ///
    /// [`Stale`] if what it answers is no longer waiting, for instance because the machine has
    /// closed or has already answered its peer with a timeout. Harmless: drop it.
    fn apply(&mut self, command: Self::Command) -> Result<(), Stale>;
}

impl<M: Machine + ?Sized> Machine for Box<M> {
    type Event = M::Event;
    type Command = M::Command;
    type Closed = M::Closed;

    fn recv_space(&mut self) -> Option<&mut [u8]> {
        (**self).recv_space()
    }

    fn handle_received(&mut self, n: usize) {
        (**self).handle_received(n);
    }

    fn handle_eof(&mut self) {
        (**self).handle_eof();
    }

    fn handle_transport_error(&mut self, kind: ErrorKind) {
        (**self).handle_transport_error(kind);
    }

    fn transmit<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        (**self).transmit(out)
    }

    fn handle_sent(&mut self, n: usize) {
        (**self).handle_sent(n);
    }

    fn poll(&mut self, now: Instant) -> Step<Self::Event, Self::Closed> {
        (**self).poll(now)
    }

    fn apply(&mut self, command: Self::Command) -> Result<(), Stale> {
        (**self).apply(command)
    }
}

/// What comes next, as [`Machine::poll`] sees it.
///
/// Exhaustive on purpose: a host that does not handle all three does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<E, C> {
    /// Something for the application. Poll again afterwards.
    Event(E),
    /// Nothing until I/O, a command, or the deadline.
    Wait(Wait),
    /// Over. Drop the transport and the machine.
    Closed(C),
}

/// What a machine waits for. Level-triggered: it holds until the next poll says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Bytes from the peer are welcome. False is the back-pressure.
    pub read: bool,
    /// There are bytes to write.
    pub write: bool,
    /// Shut down the writing side, then keep reading and discarding until the end of the stream or
    /// the deadline. Closing at once would make the kernel answer unread bytes with a reset, which
    /// can overtake the last response.
    pub fin: bool,
    /// A lower bound, at least 1, of the bytes still missing before reading can lead to anything.
    /// A host may set `SO_RCVLOWAT` from it.
    pub want: usize,
    /// When to poll again even if nothing happens.
    pub deadline: Option<Instant>,
}

/// An answer came too late: what it answers is no longer waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

impl std::fmt::Display for Stale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("what this command answers is no longer waiting")
    }
}

impl std::error::Error for Stale {}
