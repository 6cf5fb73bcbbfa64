//! What a connection promises to its host, checked from outside.

use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logboom_conn::{Acks, CloseReason, Command, Event, Limits};
use logboom_sans_io::{Machine, Stale, Step, Wait};

use super::service::{AnyMachine, Watch};
use crate::outcome::Violation;

/// A connection waits for so many bytes while it is between two frames.
const PREFIX_BYTES: usize = 4;

/// A machine, and what is known of it from outside.
pub(crate) struct Observed {
    machine: AnyMachine,
    limits: Limits,
    /// Without TLS around it, which has waits of its own.
    plain: bool,
    watch: Arc<Watch>,
    accepted: Instant,
    logged_in: bool,
    /// Since when it has had something to write of which nothing was taken.
    writes_since: Option<Instant>,
    /// When the Produce requests are due that have come out, in their order.
    due: Vec<Instant>,
    /// How many of them have got an answer.
    answered: usize,
    /// One of them wants no response.
    silent: bool,
}

impl Observed {
    pub(crate) fn new(
        machine: AnyMachine,
        limits: Limits,
        plain: bool,
        watch: &Arc<Watch>,
        accepted: Instant,
    ) -> Self {
        Self {
            machine,
            limits,
            plain,
            watch: Arc::clone(watch),
            accepted,
            logged_in: false,
            writes_since: None,
            due: Vec::new(),
            answered: 0,
            silent: false,
        }
    }

    fn note(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Ready(_) => self.logged_in = true,
            Event::Produce(request) => {
                self.due.push(now + request.timeout);
                self.silent |= request.acks == Acks::None;
            }
            _ => {}
        }
    }

    fn check_wait(&mut self, wait: &Wait, now: Instant) {
        let Some(deadline) = wait.deadline else {
            return self.watch.broken("a connection never waits for ever", String::new());
        };
        // The layer of TLS has waits of its own.
        if !self.plain {
            return;
        }
        let limits = &self.limits;
        let left = || format!("the deadline is in {:?}", deadline.saturating_duration_since(now));
        // Whoever discards everything waits for a single byte.
        let discards = wait.read && wait.want == 1;
        let open = wait.read && !discards;
        if open && !self.logged_in && deadline > self.accepted + limits.auth_timeout {
            self.watch.broken("a login has to come in time", left());
        }
        if open && !self.logged_in && wait.want > limits.frame_bytes_max_unauthenticated {
            self.watch.broken("strangers are held to small requests", wait.want.to_string());
        }
        let unfinished = open && wait.want != PREFIX_BYTES;
        if unfinished && deadline > now + limits.frame_timeout + Duration::from_secs(1) {
            self.watch.broken("a request has to become whole in time", left());
        }
        self.writes_since = if wait.write { self.writes_since.or(Some(now)) } else { None };
        if self.writes_since.is_some_and(|since| deadline > since + limits.write_timeout) {
            self.watch.broken("a response has to be read in time", left());
        }
        let last = self.due.last().filter(|due| **due > now && self.answered == 0 && !discards);
        if last.is_some_and(|due| deadline > *due) {
            self.watch.broken("a request is answered in time", left());
        }
    }

    /// An orderly end comes after the answers to everything that was asked.
    fn check_closed(&self, reason: &CloseReason, now: Instant) {
        let overdue = self.due.iter().filter(|due| **due <= now).count();
        let orderly = matches!(reason, CloseReason::PeerClosed | CloseReason::Drained);
        // One that wants no response ends everything behind it when it fails.
        if orderly && !self.silent && self.answered + overdue < self.due.len() {
            let detail = format!("{reason}: {} of {} answers", self.answered, self.due.len());
            self.watch.broken("an orderly end leaves nothing unanswered", detail);
        }
        let spurious = [ErrorKind::Interrupted, ErrorKind::WouldBlock];
        if matches!(reason, CloseReason::Transport(kind) if spurious.contains(kind)) {
            self.watch.broken("an interruption ends nothing", reason.to_string());
        }
    }
}

impl Watch {
    /// Notes that something was promised and does not hold, if it is the first such thing.
    fn broken(&self, invariant: &'static str, detail: String) {
        self.violation().get_or_insert_with(|| Violation::new(invariant, detail));
    }
}

impl Machine for Observed {
    type Event = Event;
    type Command = Command;
    type Closed = CloseReason;

    fn recv_space(&mut self) -> Option<&mut [u8]> {
        self.machine.recv_space()
    }

    fn handle_received(&mut self, n: usize) {
        self.machine.handle_received(n);
    }

    fn handle_eof(&mut self) {
        self.machine.handle_eof();
    }

    fn handle_transport_error(&mut self, kind: ErrorKind) {
        self.machine.handle_transport_error(kind);
    }

    fn transmit<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        self.machine.transmit(out)
    }

    fn handle_sent(&mut self, n: usize) {
        self.writes_since = None;
        self.machine.handle_sent(n);
    }

    fn poll(&mut self, now: Instant) -> Step<Event, CloseReason> {
        let step = self.machine.poll(now);
        match &step {
            Step::Event(event) => self.note(event, now),
            Step::Wait(wait) => self.check_wait(wait, now),
            Step::Closed(reason) => self.check_closed(reason, now),
        }
        step
    }

    fn apply(&mut self, command: Command) -> Result<(), Stale> {
        let answers = matches!(command, Command::Produced(..));
        self.machine.apply(command)?;
        self.answered += usize::from(answers);
        Ok(())
    }
}
