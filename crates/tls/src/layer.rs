use std::fmt;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logboom_sans_io::{Machine, OnSecured, Stale, Step, TlsFailure, Wait};
use rustls::{ServerConfig, ServerConnection};

use crate::buffer::{CIPHERTEXT_BYTES_MAX, Incoming, Outgoing};
use crate::record::{HANDSHAKE, RecordCursor};

/// How long a failed or finished connection waits for its peer to read the last words.
pub const LINGER: Duration = Duration::from_secs(1);

/// At most so many bytes are held for one connection, beside the memory of the inner machine:
/// ciphertext in and out, one flight inside rustls, and what rustls keeps of an unfinished
/// handshake message (64 KiB) or record and of its plaintext (twice 18 KiB).
pub const BYTES_PER_CONNECTION_MAX: usize =
    2 * CIPHERTEXT_BYTES_MAX + FLIGHT_BYTES_MAX + (64 << 10) + 2 * (18 << 10);

/// At most so much plaintext is encrypted before the transport has taken what came before: three
/// full records, whose ciphertext stays below [`CIPHERTEXT_BYTES_MAX`].
const FLIGHT_BYTES_MAX: usize = 3 << 14;

/// So many pieces of the output of the inner machine are encrypted at a time.
const SLICES_MAX: usize = 64;

/// So many bytes of a peer that does not speak TLS are waited for, to tell what it speaks.
const FIRST_BYTES: usize = 8;

/// A machine that speaks TLS around one that does not. See the [crate] for what it promises.
pub struct Tls<M> {
    inner: M,
    session: ServerConnection,
    phase: Phase,
    incoming: Incoming,
    outgoing: Outgoing,
    /// Where in a record the ciphertext ends that rustls has taken.
    record: RecordCursor,
    /// rustls may hold plaintext that the inner machine has not taken.
    plaintext: bool,
    /// What follows the last byte of plaintext, as soon as it is known.
    end: Option<End>,
    /// So many bytes of the output of the inner machine are encrypted but not sent.
    unsent: usize,
    peer_ended: bool,
    broken: bool,
}

/// Where a connection stands.
#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// The peer has not yet shown that it speaks TLS.
    Greeting,
    /// The peer does not speak TLS, and the inner machine tells it so, in clear.
    Clear,
    Handshake,
    Open,
    /// The inner machine wants to end: what arrives is discarded.
    Closing,
    /// TLS has failed, or the inner machine has closed: only last words are left to send.
    Leaving {
        failure: Option<TlsFailure>,
        until: Instant,
    },
}

/// How the plaintext ends.
enum End {
    /// In order; the inner machine has yet to be told.
    Eof,
    /// In order, and the inner machine knows.
    Told,
    /// In a failure of TLS.
    Failed(TlsFailure),
}

impl<M: OnSecured> Tls<M> {
    /// TLS with the certificates of `config` around `inner`, for a connection just accepted.
    ///
    /// # Errors
    ///
    /// If rustls refuses `config`: its `max_fragment_size` is out of range. What
    /// [`server_config`](crate::server_config) makes is never refused.
    pub fn new(config: Arc<ServerConfig>, inner: M) -> Result<Self, rustls::Error> {
        let mut session = ServerConnection::new(config)?;
        session.set_buffer_limit(Some(FLIGHT_BYTES_MAX));
        Ok(Self {
            inner,
            session,
            phase: Phase::Greeting,
            incoming: Incoming::new(),
            outgoing: Outgoing::default(),
            record: RecordCursor::default(),
            plaintext: false,
            end: None,
            unsent: 0,
            peer_ended: false,
            broken: false,
        })
    }

    /// The machine inside.
    #[must_use]
    pub fn inner(&self) -> &M {
        &self.inner
    }

    /// Moves bytes of the peer inwards as far as the inner machine takes them. Whether there was
    /// anything to move.
    fn receive(&mut self) -> bool {
        let mut moved = false;
        loop {
            if self.plaintext {
                moved |= self.deliver();
                if self.plaintext {
                    return moved;
                }
            }
            if self.end.is_some() || self.phase == Phase::Closing {
                self.incoming.clear();
            }
            if self.incoming.as_slice().is_empty() {
                return self.receive_end() || moved;
            }
            let goes_on = match self.phase {
                Phase::Greeting => self.recognise(),
                Phase::Clear => self.pass_on(),
                _ => self.decrypt(),
            };
            if !goes_on {
                return moved;
            }
            moved = true;
        }
    }

    /// Whether it is known by now if the peer speaks TLS.
    fn recognise(&mut self) -> bool {
        let received = self.incoming.as_slice();
        if received.first() == Some(&HANDSHAKE) {
            self.phase = Phase::Handshake;
        } else if received.len() < FIRST_BYTES && !self.peer_ended {
            return false;
        } else {
            let mut first_bytes = [0; FIRST_BYTES];
            first_bytes.iter_mut().zip(received).for_each(|(to, from)| *to = *from);
            if self.inner.handle_unsecured(first_bytes) {
                self.phase = Phase::Clear;
                return true;
            }
            self.end = Some(End::Failed(TlsFailure::NotTls { first_bytes }));
        }
        true
    }

    /// Moves what has arrived into the inner machine as it is. Whether it has taken any.
    fn pass_on(&mut self) -> bool {
        let Some(space) = self.inner.recv_space() else { return false };
        let received = self.incoming.as_slice();
        let bytes = received.len().min(space.len());
        space[..bytes].copy_from_slice(&received[..bytes]);
        self.incoming.consume(bytes);
        self.inner.handle_received(bytes);
        true
    }

    /// Gives rustls one record, or what has arrived of it. Always takes something.
    ///
    /// Not more: the next one has to wait until the inner machine has taken this one, so that
    /// back-pressure is exact and a bad record never overtakes a good one.
    fn decrypt(&mut self) -> bool {
        let received = self.incoming.as_slice();
        let record_bytes = self.record.advance(received);
        let mut ciphertext = &received[..record_bytes];
        let mut taken = Ok(1);
        while !ciphertext.is_empty() && taken.as_ref().is_ok_and(|&n| n > 0) {
            taken = self.session.read_tls(&mut ciphertext).map_err(|error| error.to_string());
        }
        self.incoming.consume(record_bytes);
        let processed = self.session.process_new_packets();
        if self.phase == Phase::Handshake && !self.session.is_handshaking() {
            self.phase = Phase::Open;
            self.inner.handle_secured(self.session.server_name());
        }
        self.plaintext = self.phase == Phase::Open && processed.is_ok();
        self.end = match (taken, processed) {
            (_, Err(rustls::Error::AlertReceived(alert))) => {
                Some(End::Failed(TlsFailure::PeerAlert { description: alert.into() }))
            }
            (_, Err(error)) => Some(self.failed(error.to_string())),
            (Err(reason), Ok(_)) => Some(self.failed(reason)),
            (Ok(_), Ok(state)) => state.peer_has_closed().then_some(End::Eof),
        };
        true
    }

    fn failed(&self, reason: String) -> End {
        End::Failed(match self.phase {
            Phase::Greeting | Phase::Handshake => TlsFailure::Handshake { reason },
            _ => TlsFailure::Corrupt { reason },
        })
    }

    /// Moves plaintext from rustls into the inner machine. Whether there was any.
    fn deliver(&mut self) -> bool {
        let mut moved = false;
        while let Some(space) = self.inner.recv_space() {
            match self.session.reader().read(space) {
                Ok(n) if n > 0 => {
                    self.inner.handle_received(n);
                    moved = true;
                }
                // `WouldBlock`, or zero behind a close_notify: there is no more plaintext. The inner
                // machine is told, so that it need not keep what it has lent.
                _ => {
                    self.inner.handle_received(0);
                    self.plaintext = false;
                    break;
                }
            }
        }
        moved
    }

    /// Everything received has moved: whether the end of the stream has now moved too.
    fn receive_end(&mut self) -> bool {
        if self.peer_ended && self.end.is_none() {
            self.end = Some(match self.phase {
                Phase::Greeting | Phase::Handshake => End::Failed(TlsFailure::EndedInHandshake),
                _ => End::Eof,
            });
        }
        let moved = matches!(self.end, Some(End::Eof));
        if moved {
            self.end = Some(End::Told);
            self.inner.handle_eof();
        }
        moved
    }

    /// Moves output outwards, if the transport has taken what came before. Whether there was any.
    fn send(&mut self, inner: Wait) -> bool {
        let idle = self.outgoing.is_empty();
        match self.phase {
            Phase::Open | Phase::Closing if idle && inner.write => return self.encrypt(),
            Phase::Open if idle && inner.fin => {
                self.session.send_close_notify();
                self.phase = Phase::Closing;
            }
            Phase::Clear => return false,
            // A peer without a finished handshake gets no alert with its end of stream.
            Phase::Greeting | Phase::Handshake if idle && inner.fin => self.phase = Phase::Closing,
            _ => {}
        }
        self.outgoing.fill_from(&mut self.session)
    }

    /// Why TLS has failed, if it has.
    fn failure(&self) -> Option<TlsFailure> {
        match &self.end {
            Some(End::Failed(failure)) => Some(failure.clone()),
            _ => None,
        }
    }

    /// Encrypts output of the inner machine. Whether there was any.
    fn encrypt(&mut self) -> bool {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = self.inner.transmit(&mut slices);
        self.unsent = self.session.writer().write_vectored(&slices[..count]).unwrap_or(0);
        let moved = self.outgoing.fill_from(&mut self.session);
        // Ciphertext is longer than its plaintext, unless rustls has dropped it: that is how it
        // says that the keys of a TLS 1.2 connection are worn out.
        if self.outgoing.len() < self.unsent {
            self.unsent = 0;
            self.end = Some(End::Failed(TlsFailure::KeysExhausted));
        }
        moved
    }

    /// From now on there are only last words: an alert that rustls has queued, or a close_notify.
    fn leave(&mut self, failure: Option<TlsFailure>, now: Instant) {
        if failure.is_none() {
            self.session.send_close_notify();
        }
        self.outgoing.fill_from(&mut self.session);
        // The inner machine is over and may have forgotten what it had to send: it is not told any
        // more that this has left.
        self.unsent = 0;
        self.phase = Phase::Leaving { failure, until: now + LINGER };
    }

    /// What is next when only last words are left.
    fn linger(&mut self, until: Instant, now: Instant) -> Step<M::Event, M::Closed> {
        self.incoming.clear();
        let flushed = self.outgoing.is_empty();
        if !self.broken && now < until && !(flushed && self.peer_ended) {
            return Step::Wait(Wait {
                read: !self.peer_ended,
                write: !flushed,
                fin: flushed,
                want: 1,
                deadline: Some(until),
            });
        }
        match &self.phase {
            Phase::Leaving { failure: Some(failure), .. } => Step::Closed(failure.clone().into()),
            // Closed is sticky: the inner machine says again why.
            _ => self.inner.poll(now),
        }
    }

    fn wait(&self, inner: Wait) -> Wait {
        let (welcome, want) = match self.phase {
            Phase::Greeting => (true, 1),
            Phase::Clear => (inner.read && self.incoming.as_slice().is_empty(), 1),
            Phase::Handshake => (true, self.record.missing()),
            Phase::Open => {
                let behind_record = inner.want.saturating_sub(self.record.partial());
                (inner.read, behind_record.max(self.record.missing()))
            }
            Phase::Closing | Phase::Leaving { .. } => (true, 1),
        };
        let closing = self.phase == Phase::Closing;
        let clear = self.phase == Phase::Clear;
        Wait {
            read: welcome && !self.peer_ended && (closing || self.end.is_none()),
            write: !self.outgoing.is_empty() || clear && inner.write,
            fin: (closing || clear) && inner.fin && !inner.write && self.outgoing.is_empty(),
            want,
            deadline: inner.deadline,
        }
    }
}

impl<M: OnSecured> Machine for Tls<M> {
    type Event = M::Event;
    type Command = M::Command;
    type Closed = M::Closed;

    fn recv_space(&mut self) -> Option<&mut [u8]> {
        self.incoming.space()
    }

    fn handle_received(&mut self, n: usize) {
        self.incoming.handle_filled(n);
    }

    fn handle_eof(&mut self) {
        self.peer_ended = true;
    }

    fn handle_transport_error(&mut self, kind: ErrorKind) {
        self.broken = true;
        self.inner.handle_transport_error(kind);
    }

    fn transmit<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        if self.phase == Phase::Clear {
            return self.inner.transmit(out);
        }
        match out.first_mut() {
            Some(slot) if !self.outgoing.is_empty() => {
                *slot = IoSlice::new(self.outgoing.as_slice());
                1
            }
            _ => 0,
        }
    }

    fn handle_sent(&mut self, n: usize) {
        if self.phase == Phase::Clear {
            return self.inner.handle_sent(n);
        }
        self.outgoing.handle_sent(n);
        // A record is longer than what it carries, so no more than this can still be on its way.
        let unsent = self.unsent.min(self.outgoing.len());
        if unsent < self.unsent {
            self.inner.handle_sent(self.unsent - unsent);
            self.unsent = unsent;
        }
    }

    fn poll(&mut self, now: Instant) -> Step<M::Event, M::Closed> {
        loop {
            if let Phase::Leaving { until, .. } = self.phase {
                return self.linger(until, now);
            }
            let received = self.receive();
            match self.inner.poll(now) {
                Step::Event(event) => return Step::Event(event),
                Step::Closed(_) if self.phase == Phase::Open && !self.broken => {
                    self.leave(None, now);
                }
                Step::Closed(reason) => return Step::Closed(reason),
                Step::Wait(wait) => {
                    let sent = self.send(wait);
                    if let Some(failure) = self.failure() {
                        self.leave(Some(failure), now);
                    } else if !received && !sent && !self.receive() {
                        // Received once more: the inner machine may have made room, and what waits
                        // for that here wakes nobody.
                        return Step::Wait(self.wait(wait));
                    }
                }
            }
        }
    }

    fn apply(&mut self, command: M::Command) -> Result<(), Stale> {
        match self.phase {
            Phase::Leaving { .. } => Err(Stale),
            _ => self.inner.apply(command),
        }
    }
}

impl<M> fmt::Debug for Tls<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("phase", &self.phase)
            .field("incoming_bytes", &self.incoming.as_slice().len())
            .field("outgoing_bytes", &self.outgoing.len())
            .finish_non_exhaustive()
    }
}
