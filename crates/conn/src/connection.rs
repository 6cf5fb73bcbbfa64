use std::fmt;
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use logboom_sans_io::{Machine, OnSecured, Stale, Step, Wait};
use logboom_wire::api::ApiKey;
use logboom_wire::frame::parse_length;
use logboom_wire::header::REQUEST_BYTES_MIN;

use crate::close::CloseReason;
use crate::command::Command;
use crate::config::Config;
use crate::event::Event;
use crate::foreign::Foreign;
use crate::intake::MemoryWait;
use crate::login::Login;
use crate::news::News;
use crate::phase::{Phase, Trigger};
use crate::recv::Receiver;
use crate::send::Output;
use crate::slots::Slots;
use crate::spoken::Spoken;
use crate::timer::{Timer, Timers};

/// Who is on the other side of a connection, as far as it is known when it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The name by which it reached this server, if something in front of the server knows. A TLS
    /// layer tells it later, through [`OnSecured`].
    pub server_name: Option<String>,
}

/// One connection of a Kafka server.
///
/// See [`Machine`] for how to drive it, and the crate for what it does.
pub struct Connection {
    pub(crate) config: Arc<Config>,
    pub(crate) peer: Peer,
    pub(crate) stamp: u64,
    pub(crate) now: Instant,
    pub(crate) phase: Phase,
    pub(crate) receiver: Receiver,
    pub(crate) slots: Slots,
    pub(crate) output: Output,
    pub(crate) timers: Timers,
    pub(crate) login: Login,
    pub(crate) memory: MemoryWait,
    pub(crate) news: News,
    pub(crate) spoken: Arc<Spoken>,
    /// When the unfinished frame began to arrive, or to be read if nothing was read before.
    pub(crate) frame_since: Option<Instant>,
    /// The peer will send nothing more.
    pub(crate) eof: bool,
    /// Requests that have begun to arrive are still served, later ones are not.
    pub(crate) draining: bool,
    /// Set when the last request has been decoded.
    pub(crate) reason: Option<CloseReason>,
}

impl Connection {
    /// A connection that was accepted at `now`.
    ///
    /// `entropy` must be unpredictable and different for every connection. Tickets are marked with
    /// it, so that an answer cannot reach another connection.
    #[must_use]
    pub fn new(config: Arc<Config>, peer: Peer, entropy: [u8; 32], now: Instant) -> Self {
        let [e0, e1, e2, e3, e4, e5, e6, e7, ..] = entropy;
        let login = Login::new(peer.server_name.as_deref());
        let mut timers = Timers::default();
        timers.set(Timer::Auth, now.checked_add(config.limits().auth_timeout));
        timers.set(Timer::Idle, now.checked_add(config.limits().idle_timeout));
        Self {
            config,
            peer,
            stamp: u64::from_le_bytes([e0, e1, e2, e3, e4, e5, e6, e7]),
            now,
            phase: Phase::Handshake,
            receiver: Receiver::new(),
            slots: Slots::default(),
            output: Output::default(),
            timers,
            login,
            memory: MemoryWait::No,
            news: News::default(),
            spoken: Arc::default(),
            frame_since: None,
            eof: false,
            draining: false,
            reason: None,
        }
    }

    /// How far the connection is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Who is on the other side.
    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What the other side has asked for so far. Outlives the connection for whoever shares it.
    #[must_use]
    pub const fn spoken(&self) -> &Arc<Spoken> {
        &self.spoken
    }

    /// How many requests are unanswered, or answered behind an unanswered one.
    #[must_use]
    pub fn requests_in_flight(&self) -> usize {
        self.slots.len()
    }

    /// The memory this connection holds, in bytes. Never more than
    /// [`Config::bytes_per_connection_max`].
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        self.receiver.bytes_held() + self.slots.bytes_held() + self.output.bytes_held()
    }

    /// What the deadline of the last [`Wait`] is there for.
    #[must_use]
    pub fn deadline_reason(&self) -> Option<Timer> {
        self.timers.next().map(|(_, timer)| timer)
    }

    /// Goes on to the phase the table names.
    pub(crate) fn enter(&mut self, trigger: Trigger) {
        let next = self.phase.after(trigger);
        debug_assert!(next.is_some(), "{trigger:?} means nothing in phase {}", self.phase);
        self.phase = next.unwrap_or(self.phase);
    }

    /// Moves answers out and frames in, until there is an event or nothing more to do.
    fn advance(&mut self) -> Option<Event> {
        loop {
            self.send_answers();
            if let Some(ready) = self.announce() {
                return Some(ready);
            }
            match self.take_frame() {
                Ok(Some(frame)) => match self.handle_frame(frame) {
                    Ok(None) => {}
                    Ok(event) => return event,
                    Err(reason) => self.begin_closing(reason),
                },
                Ok(None) => return self.take_memory_request(),
                Err(reason) => self.begin_closing(reason),
            }
        }
    }

    /// Moves responses whose turn has come to the output, as long as there is room.
    fn send_answers(&mut self) {
        let limits = self.config.limits();
        let (output_bytes_max, bytes_max) = (limits.output_bytes_max, limits.response_bytes_max);
        while self.output.bytes() < output_bytes_max {
            let Some((request, answer)) = self.slots.take_answered() else { break };
            let bytes = self.output.append(|out| answer.encode(&request, out));
            if bytes > bytes_max {
                let api = request.api;
                self.close(CloseReason::ResponseTooLarge { api, bytes, bytes_max });
            }
        }
    }

    fn wait(&self) -> Wait {
        let read = self.read_room() > 0;
        let open = read && self.phase.is_open();
        Wait {
            read,
            write: !self.output.is_empty(),
            fin: self.phase == Phase::Lingering,
            want: if open { self.receiver.missing().max(1) } else { 1 },
            deadline: self.timers.next().map(|(deadline, _)| deadline),
        }
    }

    fn assert_invariants(&self, wait: &Wait) {
        let limits = self.config.limits();
        debug_assert!(self.slots.len() <= limits.requests_in_flight_max);
        debug_assert!(self.bytes_held() <= self.config.bytes_per_connection_max());
        debug_assert!(wait.deadline.is_some(), "a connection that could wait for ever");
        debug_assert!(!wait.fin || self.slots.is_empty() && self.output.is_empty());
        debug_assert_eq!(self.reason.is_some(), !self.phase.is_open());
        let decodable = self.phase.takes_frames() && self.receiver.has_frame();
        debug_assert!(!(wait.read && decodable), "a whole frame waits while more is read");
    }
}

impl Machine for Connection {
    type Event = Event;
    type Command = Command;
    type Closed = CloseReason;

    fn recv_space(&mut self) -> Option<&mut [u8]> {
        match self.read_room() {
            0 => None,
            room => Some(self.receiver.space(room)),
        }
    }

    fn handle_received(&mut self, n: usize) {
        self.receiver.received(n);
        self.news.received |= n > 0;
    }

    fn handle_eof(&mut self) {
        self.eof = true;
    }

    fn handle_transport_error(&mut self, kind: ErrorKind) {
        self.news.transport_error.get_or_insert(kind);
    }

    fn transmit<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        self.output.transmit(out)
    }

    fn handle_sent(&mut self, n: usize) {
        self.output.sent(n);
        self.news.sent |= n > 0;
    }

    fn poll(&mut self, now: Instant) -> Step<Event, CloseReason> {
        self.now = self.now.max(now);
        self.take_news();
        self.fire_timers();
        if let Some(event) = self.advance() {
            return Step::Event(event);
        }
        self.go_on_closing();
        if let (Phase::Closed, Some(reason)) = (self.phase, &self.reason) {
            return Step::Closed(reason.clone());
        }
        self.arm_timers();
        self.receiver.release();
        let wait = self.wait();
        self.assert_invariants(&wait);
        Step::Wait(wait)
    }

    fn apply(&mut self, command: Command) -> Result<(), Stale> {
        self.take_command(command)
    }
}

impl OnSecured for Connection {
    fn handle_secured(&mut self, server_name: Option<&str>) {
        self.login.secured(server_name);
    }

    /// Clients of Kafka that have yet to send a password are told, and those of HTTP.
    fn handle_unsecured(&mut self, first_bytes: [u8; 8]) -> bool {
        let [l0, l1, l2, l3, k0, k1, ..] = first_bytes;
        let prefix = [l0, l1, l2, l3];
        let bytes_max = self.config.limits().frame_bytes_max_unauthenticated;
        let api = ApiKey::from_i16(i16::from_be_bytes([k0, k1]));
        let begins_login = parse_length(prefix, REQUEST_BYTES_MIN..=bytes_max).is_ok()
            && api.is_some_and(|api| Phase::Unsecured.permission(api).is_some());
        match self.phase {
            Phase::Handshake if begins_login => {
                self.enter(Trigger::Plaintext);
                true
            }
            phase => phase.is_open() && Foreign::detect(prefix, false) == Some(Foreign::Http),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("phase", &self.phase)
            .field("requests_in_flight", &self.slots.len())
            .field("bytes_held", &self.bytes_held())
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}
