//! What runs behind the simulated listeners, as in the real server.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use logboom_conn::{AbortReason, CloseReason, Command, Config, Connection, Event, Peer};
use logboom_engine::{Engine, EngineSession, Listener};
use logboom_sans_io::{Accepted, Machine, Service, Session};
use logboom_tls::Tls;

use super::observed::Observed;
use crate::coverage::State;
use crate::dice::Dice;
use crate::outcome::Violation;

/// The listener without TLS.
pub(crate) const PLAIN: usize = 0;
/// The one with.
pub(crate) const ENCRYPTED: usize = 1;

/// What the world wants to know of its connections.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// There may be something to commit.
    pub(crate) commit_wanted: AtomicBool,
    /// State machines that panicked.
    pub(crate) panics: AtomicU64,
    /// What a connection has promised to its host and not held.
    violation: Mutex<Option<Violation>>,
}

impl Watch {
    pub(crate) fn violation(&self) -> MutexGuard<'_, Option<Violation>> {
        self.violation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct SimService {
    pub(crate) engine: Arc<Engine>,
    pub(crate) config: Arc<Config>,
    pub(crate) listener: Arc<Listener>,
    pub(crate) tls: Mutex<Arc<rustls::ServerConfig>>,
    pub(crate) dice: Dice,
    pub(crate) watch: Arc<Watch>,
}

pub(crate) type AnyMachine =
    Box<dyn Machine<Event = Event, Command = Command, Closed = CloseReason> + Send>;

impl SimService {
    /// Gives later connections another certificate.
    pub(crate) fn swap(&self, tls: Arc<rustls::ServerConfig>) {
        *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = tls;
    }
}

impl Service for SimService {
    type Machine = Observed;
    type Session = Watched;

    fn accept(
        &self,
        listener: usize,
        peer: SocketAddr,
        now: Instant,
    ) -> Option<Accepted<Observed, Watched>> {
        let Some((mut session, inbox)) = self.engine.accept(peer, &self.listener) else {
            self.dice.reached(State::ConnectionRefused);
            return None;
        };
        let config = Arc::clone(&self.config);
        let peer = Peer { address: peer, server_name: None };
        let connection = Connection::new(config, peer, self.dice.entropy(), now);
        session.spoken_on(&connection);
        let machine: AnyMachine = if listener == ENCRYPTED {
            let tls = Arc::clone(&self.tls.lock().unwrap_or_else(PoisonError::into_inner));
            Box::new(Tls::new(tls, connection).ok()?)
        } else {
            Box::new(connection)
        };
        let limits = self.config.limits().clone();
        let plain = listener == PLAIN;
        let machine = Observed::new(machine, limits, plain, &self.watch, now);
        let session = Watched { session, watch: Arc::clone(&self.watch), dice: self.dice.clone() };
        Some(Accepted { machine, inbox, session })
    }

    fn accept_failed(&self, _listener: usize, _error: &std::io::Error) {}
}

/// A session of the engine, and what the world learns from it.
#[derive(Debug)]
pub(crate) struct Watched {
    session: EngineSession,
    watch: Arc<Watch>,
    dice: Dice,
}

impl Session for Watched {
    type Event = Event;
    type Closed = CloseReason;

    fn on_event(&mut self, event: Event) {
        match &event {
            Event::Produce(_) | Event::InitProducerId(_) => {
                self.watch.commit_wanted.store(true, Ordering::Relaxed);
            }
            Event::Memory(_) => self.dice.reached(State::BackPressure),
            _ => {}
        }
        self.session.on_event(event);
    }

    fn on_closed(&mut self, reason: CloseReason) {
        match &reason {
            CloseReason::Aborted(AbortReason::KeyRevoked) => {
                self.dice.reached(State::SessionRevoked);
            }
            CloseReason::Aborted(AbortReason::Shutdown) | CloseReason::DrainTimeout => {
                self.dice.reached(State::DrainForced);
            }
            CloseReason::Drained => self.dice.reached(State::Drained),
            CloseReason::Tls(_) => self.dice.reached(State::TlsFailed),
            _ => {}
        }
        self.dice.trace(|| format!("server: connection closed: {reason}"));
        self.session.on_closed(reason);
    }

    fn on_panic(&mut self) {
        self.watch.panics.fetch_add(1, Ordering::Relaxed);
        self.dice.reached(State::ConnectionPanicked);
        self.session.on_panic();
    }
}
