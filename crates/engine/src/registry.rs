use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logboom_access::Principal;
use logboom_conn::Command;
use logboom_sans_io::Inbox;

use crate::Code;

/// How many connections may be open. Exceeding a limit closes the new connection before a single
/// byte is read or a TLS handshake paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// All connections together.
    pub connections_max: usize,
    /// Connections of one address.
    pub connections_per_address_max: usize,
    /// Connections that have not logged in yet.
    pub connections_before_login_max: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: 1_024,
            connections_before_login_max: 1_000,
        }
    }
}

/// The connections that are open now.
#[derive(Debug)]
pub(crate) struct Registry {
    limits: ConnectionLimits,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next_id: u64,
    connections: BTreeMap<u64, OpenConnection>,
    per_address: BTreeMap<IpAddr, usize>,
    before_login: usize,
}

#[derive(Debug)]
struct OpenConnection {
    peer: IpAddr,
    inbox: Arc<Inbox<Command>>,
    logged_in: bool,
    /// Who it belongs to; `None` before the login, and for a session that lives without rights.
    principal: Option<Arc<Principal>>,
}

impl Registry {
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, open: Mutex::default() }
    }

    /// Lets a connection in, or says which limit it hit.
    pub(crate) fn enter(&self, peer: SocketAddr, inbox: &Arc<Inbox<Command>>) -> Result<u64, Code> {
        let mut open = self.lock();
        let of_address = open.per_address.get(&peer.ip()).copied().unwrap_or(0);
        if open.connections.len() >= self.limits.connections_max
            || open.before_login >= self.limits.connections_before_login_max
        {
            return Err(Code::ConnectionLimit);
        }
        if of_address >= self.limits.connections_per_address_max {
            return Err(Code::AddressLimit);
        }
        let id = open.next_id;
        open.next_id += 1;
        open.before_login += 1;
        open.per_address.insert(peer.ip(), of_address + 1);
        let inbox = Arc::clone(inbox);
        let connection =
            OpenConnection { peer: peer.ip(), inbox, logged_in: false, principal: None };
        open.connections.insert(id, connection);
        Ok(id)
    }

    /// Takes note that a connection has logged in.
    pub(crate) fn logged_in(&self, id: u64, principal: Option<Arc<Principal>>) {
        let mut open = self.lock();
        let Some(connection) = open.connections.get_mut(&id) else { return };
        connection.principal = principal;
        if !std::mem::replace(&mut connection.logged_in, true) {
            open.before_login -= 1;
        }
    }

    /// Forgets a connection that has ended.
    pub(crate) fn leave(&self, id: u64) {
        let mut open = self.lock();
        let Some(connection) = open.connections.remove(&id) else { return };
        if !connection.logged_in {
            open.before_login -= 1;
        }
        if let Some(count) = open.per_address.get_mut(&connection.peer) {
            *count -= 1;
            if *count == 0 {
                open.per_address.remove(&connection.peer);
            }
        }
    }

    /// How many connections are open.
    pub(crate) fn len(&self) -> usize {
        self.lock().connections.len()
    }

    /// Sends a command to every connection whose owner `select` picks.
    pub(crate) fn command(
        &self,
        select: impl Fn(Option<&Principal>) -> bool,
        command: impl Fn() -> Command,
    ) -> usize {
        // Collected first: a push wakes the host of a connection, which may come back here.
        let inboxes: Vec<_> = {
            let open = self.lock();
            let selected = open.connections.values().filter(|c| select(c.principal.as_deref()));
            selected.map(|connection| Arc::clone(&connection.inbox)).collect()
        };
        inboxes.iter().for_each(|inbox| inbox.push(command()));
        inboxes.len()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, last], port))
    }

    fn registry(all: usize, per_address: usize, before_login: usize) -> Registry {
        Registry::new(ConnectionLimits {
            connections_max: all,
            connections_per_address_max: per_address,
            connections_before_login_max: before_login,
        })
    }

    #[test]
    fn one_address_cannot_take_all_connections() {
        let registry = registry(10, 2, 10);
        let inbox = Arc::default();
        assert!(registry.enter(peer(1, 1), &inbox).is_ok());
        let second = registry.enter(peer(1, 2), &inbox).expect("below the limit");
        assert_eq!(registry.enter(peer(1, 3), &inbox), Err(Code::AddressLimit));
        assert!(registry.enter(peer(2, 3), &inbox).is_ok());
        registry.leave(second);
        assert!(registry.enter(peer(1, 4), &inbox).is_ok());
    }

    #[test]
    fn connections_without_login_cannot_keep_others_out_for_ever() {
        let registry = registry(10, 10, 1);
        let inbox = Arc::default();
        let first = registry.enter(peer(1, 1), &inbox).expect("below the limit");
        assert_eq!(registry.enter(peer(1, 2), &inbox), Err(Code::ConnectionLimit));
        registry.logged_in(first, None);
        registry.logged_in(first, None);
        assert!(registry.enter(peer(1, 2), &inbox).is_ok());
    }

    #[test]
    fn a_command_reaches_every_open_connection() {
        let registry = registry(10, 10, 10);
        let (first, second) = (Arc::default(), Arc::default());
        let id = registry.enter(peer(1, 1), &first).expect("below the limit");
        registry.enter(peer(1, 2), &second).expect("below the limit");
        registry.leave(id);
        let abort = || Command::Abort(logboom_conn::AbortReason::Shutdown);
        assert_eq!(registry.command(|_| true, abort), 1);
        assert!(first.pop().is_none());
        assert!(second.pop().is_some());
        assert_eq!(registry.len(), 1);
    }
}
