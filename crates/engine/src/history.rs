use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use logboom_conn::CloseReason;

/// How many closed connections are remembered.
pub const CLOSED_CONNECTIONS_MAX: usize = 10_000;

/// A connection that is over, for whoever asks later what went wrong.
#[derive(Debug, Clone)]
pub struct ClosedConnection {
    /// Where it came from.
    pub peer: SocketAddr,
    /// The listener that accepted it.
    pub listener: String,
    /// The project it named at its login, whether or not it was let in.
    pub project: Option<String>,
    /// Name and version of the client software, if it told.
    pub client: Option<String>,
    /// When it was accepted, in milliseconds since 1970.
    pub opened_at_ms: i64,
    /// When it ended, in milliseconds since 1970.
    pub closed_at_ms: i64,
    /// Why it ended; `None` for a bug of ours.
    pub reason: Option<CloseReason>,
}

/// The last [`CLOSED_CONNECTIONS_MAX`] closed connections, oldest first.
#[derive(Debug, Default)]
pub struct History {
    closed: Mutex<VecDeque<ClosedConnection>>,
}

impl History {
    /// Remembers a connection, and forgets the oldest one if there are too many.
    pub(crate) fn remember(&self, connection: ClosedConnection) {
        let mut closed = self.lock();
        if closed.len() == CLOSED_CONNECTIONS_MAX {
            closed.pop_front();
        }
        closed.push_back(connection);
    }

    /// A copy of what is remembered, oldest first.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ClosedConnection> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<ClosedConnection>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_connection_is_forgotten_first() {
        let history = History::default();
        for number in 0..=CLOSED_CONNECTIONS_MAX {
            history.remember(ClosedConnection {
                peer: SocketAddr::from(([127, 0, 0, 1], 1)),
                listener: "public".into(),
                project: None,
                client: None,
                opened_at_ms: number as i64,
                closed_at_ms: number as i64,
                reason: Some(CloseReason::PeerClosed),
            });
        }
        let remembered = history.snapshot();
        assert_eq!(remembered.len(), CLOSED_CONNECTIONS_MAX);
        assert_eq!(remembered[0].opened_at_ms, 1);
    }
}
