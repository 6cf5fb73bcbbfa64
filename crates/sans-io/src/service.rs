use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::{Inbox, Machine};

/// What a server runs on every connection that it accepts.
///
/// The runtimes know this trait and [`Machine`], and nothing else: a runtime contains no protocol.
pub trait Service: Send + Sync + 'static {
    /// The state machine of one connection.
    type Machine: Machine<Event: Send, Command: Send, Closed: Send> + Send;
    /// Who answers its events.
    type Session: Session<
            Event = <Self::Machine as Machine>::Event,
            Closed = <Self::Machine as Machine>::Closed,
        > + Send;

    /// A machine for a connection of `peer` that was accepted at `now` on the listener with the
    /// index `listener`, or `None` if it is not wanted (a limit is reached); the runtime then
    /// closes the socket without a word.
    fn accept(
        &self,
        listener: usize,
        peer: SocketAddr,
        now: Instant,
    ) -> Option<Accepted<Self::Machine, Self::Session>>;

    /// Takes note that a thread that runs connections has done all there was to do and is about to
    /// wait. Called often; must not block. Hosts that promise it tell each
    /// [session](Session::expect_idle).
    fn on_idle(&self) {}

    /// Takes note that a listener could not accept, for instance because the process has too many
    /// open files. The runtime waits a little and tries again.
    fn accept_failed(&self, listener: usize, error: &std::io::Error);
}

/// A connection that was let in, and the three things that make it.
#[derive(Debug)]
pub struct Accepted<M: Machine, S> {
    /// The protocol.
    pub machine: M,
    /// Where its answers arrive.
    pub inbox: Arc<Inbox<M::Command>>,
    /// Who answers its events.
    pub session: S,
}

/// The application side of one connection.
pub trait Session {
    /// What the machine asks.
    type Event;
    /// Why the machine ended.
    type Closed;

    /// Takes note that the host of this connection will call [`Service::on_idle`]. The session may put
    /// off until then what costs less when it is done for several requests at once.
    ///
    /// Called before the first event, by hosts that can promise this.
    fn expect_idle(&mut self) {}

    /// Takes an event. Must not block; the answer goes into the inbox of the connection, now or
    /// later, from any thread.
    fn on_event(&mut self, event: Self::Event);

    /// Takes note that the connection is over. Called exactly once, as the last call.
    fn on_closed(&mut self, reason: Self::Closed);

    /// Takes note that the machine panicked, which is a bug. The runtime drops this one connection
    /// and lives on; called instead of [`on_closed`](Session::on_closed).
    fn on_panic(&mut self);
}
