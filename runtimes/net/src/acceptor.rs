use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::{or, yield_now};
use logboom_driver::Timer;
use logboom_sans_io::{Accepted, Service, Session as _, Shutdown};

use crate::Open;

/// How long accepting rests after a failure, doubled with each further one, up to the maximum.
pub const REST_MIN: Duration = Duration::from_millis(5);
/// The longest rest.
pub const REST_MAX: Duration = Duration::from_secs(1);

/// A listening socket of a runtime.
pub trait Listen {
    /// A connection that was accepted.
    type Stream;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>>;

    /// Runs `connection` over `stream` to its end, beside everything else, and drops `open` then.
    /// `service` is told when whoever runs it is idle, as the session has been promised.
    ///
    /// # Errors
    ///
    /// If the machine has no means for one more connection, for instance no thread.
    fn spawn<S: Service>(
        &self,
        service: &Arc<S>,
        connection: Accepted<S::Machine, S::Session>,
        stream: Self::Stream,
        open: Open,
    ) -> io::Result<()>;
}

/// Accepts the connections of one listener.
#[derive(Debug)]
pub struct Acceptor<L, S> {
    /// The number of the listener, for the service.
    pub index: usize,
    /// Where the connections come from.
    pub listener: L,
    /// What is served on them.
    pub service: Arc<S>,
    /// Held until accepting has ended; each connection gets a clone.
    pub open: Open,
}

impl<L: Listen, S: Service> Acceptor<L, S> {
    /// Accepts until the switch is thrown. The listener is closed then.
    pub async fn run_until(self, shutdown: Shutdown, timer: impl Timer) {
        or(poll_fn(|context| shutdown.poll(context)), self.run(timer)).await;
    }

    async fn run(&self, mut timer: impl Timer) {
        let mut rest = REST_MIN;
        loop {
            let accepted = self.listener.accept().await;
            let connected = accepted.and_then(|(stream, peer)| self.connect(stream, peer, &timer));
            match connected {
                Ok(()) => {
                    rest = REST_MIN;
                    // A flood of connections must not starve those that are open.
                    yield_now().await;
                }
                Err(error) if concerns_one_peer(&error) => {}
                Err(error) => {
                    // Most likely out of file descriptors: trying again at once would only spin.
                    self.service.accept_failed(self.index, &error);
                    timer.set(timer.now() + rest);
                    poll_fn(|context| timer.poll_rung(context)).await;
                    rest = (rest * 2).min(REST_MAX);
                }
            }
        }
    }

    fn connect(&self, stream: L::Stream, peer: SocketAddr, timer: &impl Timer) -> io::Result<()> {
        let accept = || self.service.accept(self.index, peer, timer.now());
        // A panic must cost this connection and not the listener.
        match catch_unwind(AssertUnwindSafe(accept)) {
            Ok(Some(mut connection)) => {
                connection.session.expect_idle();
                self.listener.spawn(&self.service, connection, stream, self.open.clone())
            }
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

/// Whether accepting failed because the peer was gone before it was accepted.
fn concerns_one_peer(error: &io::Error) -> bool {
    let kinds = [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::Interrupted];
    kinds.contains(&error.kind())
}
