//! A toy protocol, to test hosts of machines and layers around machines with; and a [`Pipe`], to test
//! machines and services without a host.
//!
//! A frame is a length of four bytes, big-endian, and so many bytes. Every frame becomes an
//! [`Event::Frame`], is answered with [`Command::Answer`], at any time and in any order, and the
//! answers leave in the order of the frames. That is everything a host can get wrong about order,
//! back-pressure, partial writes, half-closed streams and timers, without a real protocol.

mod pipe;

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::time::{Duration, Instant};

pub use pipe::{Ground, ManualClock, Pipe};

use crate::{Machine, OnSecured, Stale, Step, TlsFailure, Wait};

/// A longer frame ends the connection.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// So many frames may wait for an answer, or their answers for the transport, before reading is
/// paused.
pub const WINDOW_FRAMES: usize = 32;
/// A frame that starts with these bytes makes the machine panic.
pub const PANIC: &[u8] = b"panic";

const LENGTH_BYTES: usize = 4;
const SPACE_BYTES: usize = 4096;
/// Longer than any test waits: who relies on it instead of the end of the stream fails.
const LINGER: Duration = Duration::from_secs(60);

/// What the toy asks its application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The TLS layer around the toy has finished its handshake with this server name.
    Secured(Option<String>),
    /// A frame to answer.
    Frame {
        /// The number of the frame on its connection, from zero.
        number: u64,
        /// Its bytes, without the length.
        payload: Vec<u8>,
    },
}

/// What the application tells the toy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The answer to a frame.
    Answer {
        /// The number of the frame.
        number: u64,
        /// The answer, without the length.
        payload: Vec<u8>,
    },
    /// Read no more frames, send every answer, then close.
    Drain,
}

/// Why the toy has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// The peer ended its stream between two frames, and everything was answered.
    PeerClosed,
    /// The peer ended its stream inside a frame.
    Truncated,
    /// The peer announced a frame longer than [`FRAME_BYTES_MAX`].
    FrameTooLarge,
    /// No byte arrived for too long.
    TimedOut,
    /// [`Command::Drain`] is done.
    Drained,
    /// The transport broke.
    Transport(ErrorKind),
    /// The TLS layer around the toy gave up.
    Tls(TlsFailure),
}

impl From<TlsFailure> for Closed {
    fn from(failure: TlsFailure) -> Self {
        Self::Tls(failure)
    }
}

/// The toy machine.
#[derive(Debug)]
pub struct Frames {
    space: Vec<u8>,
    received: Vec<u8>,
    secured: Option<Event>,
    /// The frames that wait for an answer; the first one has the number `base`.
    slots: VecDeque<Option<Vec<u8>>>,
    base: u64,
    output: VecDeque<Vec<u8>>,
    /// So many bytes of the first output were sent.
    sent: usize,
    ended: bool,
    draining: bool,
    closed: Option<Closed>,
    idle_after: Duration,
    deadline: Instant,
    active: bool,
    in_clear: bool,
}

impl Frames {
    /// A machine that ends if no byte arrives for `idle_after`, counted from `now`.
    #[must_use]
    pub fn new(idle_after: Duration, now: Instant) -> Self {
        Self {
            space: vec![0; SPACE_BYTES],
            received: Vec::new(),
            secured: None,
            slots: VecDeque::new(),
            base: 0,
            output: VecDeque::new(),
            sent: 0,
            ended: false,
            draining: false,
            closed: None,
            idle_after,
            deadline: now + idle_after,
            active: false,
            in_clear: false,
        }
    }

    /// The same, talking to peers without TLS in clear.
    #[must_use]
    pub fn in_clear(self) -> Self {
        Self { in_clear: true, ..self }
    }

    /// `payload` as a frame.
    #[must_use]
    pub fn encode(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a payload of a test is short");
        [&length.to_be_bytes(), payload].concat()
    }

    fn reads(&self) -> bool {
        !self.ended && !self.draining && self.has_room()
    }

    fn has_room(&self) -> bool {
        self.slots.len() + self.output.len() < WINDOW_FRAMES
    }

    /// The length of the first frame in the buffer, as soon as it is known.
    fn announced(&self) -> Option<usize> {
        let length = self.received.first_chunk::<LENGTH_BYTES>()?;
        Some(usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX))
    }

    fn next_frame(&mut self) -> Option<Event> {
        let frame_bytes = LENGTH_BYTES + self.announced()?;
        if !self.has_room() || self.received.len() < frame_bytes {
            return None;
        }
        let payload = self.received[LENGTH_BYTES..frame_bytes].to_vec();
        self.received.drain(..frame_bytes);
        assert!(!payload.starts_with(PANIC), "a frame asked for a panic");
        let number = self.base + self.slots.len() as u64;
        self.slots.push_back(None);
        Some(Event::Frame { number, payload })
    }

    fn end(&self, now: Instant) -> Option<Closed> {
        if self.announced().is_some_and(|bytes| bytes > FRAME_BYTES_MAX) {
            return Some(Closed::FrameTooLarge);
        }
        let answered = self.slots.is_empty() && self.output.is_empty();
        if self.ended && answered {
            return Some(match (self.draining, self.received.is_empty()) {
                (true, _) => Closed::Drained,
                (false, true) => Closed::PeerClosed,
                (false, false) => Closed::Truncated,
            });
        }
        if now < self.deadline {
            return None;
        }
        Some(if self.draining && answered { Closed::Drained } else { Closed::TimedOut })
    }
}

impl Machine for Frames {
    type Event = Event;
    type Command = Command;
    type Closed = Closed;

    fn recv_space(&mut self) -> Option<&mut [u8]> {
        let room = self.received.len() < LENGTH_BYTES + FRAME_BYTES_MAX;
        (self.draining || self.reads() && room).then_some(self.space.as_mut_slice())
    }

    fn handle_received(&mut self, n: usize) {
        self.active |= n > 0;
        if !self.draining {
            self.received.extend_from_slice(&self.space[..n]);
        }
    }

    fn handle_eof(&mut self) {
        self.ended = true;
    }

    fn handle_transport_error(&mut self, kind: ErrorKind) {
        self.closed.get_or_insert(Closed::Transport(kind));
    }

    fn transmit<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slot, bytes) in out.iter_mut().zip(&self.output) {
            *slot = IoSlice::new(&bytes[if count == 0 { self.sent } else { 0 }..]);
            count += 1;
        }
        count
    }

    fn handle_sent(&mut self, n: usize) {
        self.sent += n;
        while let Some(bytes) = self.output.front()
            && self.sent >= bytes.len()
        {
            self.sent -= bytes.len();
            self.output.pop_front();
        }
        assert!(self.sent == 0 || !self.output.is_empty(), "more was sent than was offered");
    }

    fn poll(&mut self, now: Instant) -> Step<Event, Closed> {
        if std::mem::take(&mut self.active) {
            self.deadline = now + if self.draining { LINGER } else { self.idle_after };
        }
        if self.closed.is_none() {
            if let Some(event) = self.secured.take().or_else(|| self.next_frame()) {
                return Step::Event(event);
            }
            self.closed = self.end(now);
        }
        if let Some(reason) = &self.closed {
            return Step::Closed(reason.clone());
        }
        let missing = LENGTH_BYTES + self.announced().unwrap_or(0);
        Step::Wait(Wait {
            read: self.reads() || self.draining && !self.ended,
            write: !self.output.is_empty(),
            fin: self.draining && self.slots.is_empty() && self.output.is_empty(),
            want: missing.saturating_sub(self.received.len()).max(1),
            deadline: Some(self.deadline),
        })
    }

    fn apply(&mut self, command: Command) -> Result<(), Stale> {
        if self.closed.is_some() {
            return Err(Stale);
        }
        match command {
            Command::Answer { number, payload } => {
                let index = number.checked_sub(self.base).ok_or(Stale)?;
                let slot = usize::try_from(index).ok().and_then(|index| self.slots.get_mut(index));
                let slot = slot.filter(|slot| slot.is_none()).ok_or(Stale)?;
                *slot = Some(Self::encode(&payload));
                while let Some(Some(_)) = self.slots.front() {
                    self.output.extend(self.slots.pop_front().flatten());
                    self.base += 1;
                }
            }
            Command::Drain => {
                self.draining = true;
                self.active = true;
                self.received.clear();
            }
        }
        Ok(())
    }
}

impl OnSecured for Frames {
    fn handle_secured(&mut self, server_name: Option<&str>) {
        self.secured = Some(Event::Secured(server_name.map(str::to_owned)));
    }

    fn handle_unsecured(&mut self, _first_bytes: [u8; 8]) -> bool {
        self.in_clear
    }
}
