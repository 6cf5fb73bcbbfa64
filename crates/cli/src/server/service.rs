use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use logboom_conn::{CloseReason, Command, Config, Connection, Event, Peer};
use logboom_engine::{Engine, EngineSession, Listener};
use logboom_sans_io::{Accepted, Machine, Service};
use logboom_tls::Tls;

/// What runs on the listeners: a Kafka connection, inside of TLS where the listener wants it.
#[derive(Debug)]
pub(crate) struct KafkaService {
    engine: Arc<Engine>,
    /// The limits of connections that are accepted from now on.
    connections: ArcSwap<Config>,
    listeners: Vec<Port>,
}

/// A listener as the service sees it.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) listener: Arc<Listener>,
    /// Certificates of connections that are accepted from now on; `None` for plaintext.
    pub(crate) tls: Option<ArcSwap<rustls::ServerConfig>>,
}

/// A connection, with or without TLS around it.
type AnyMachine = Box<dyn Machine<Event = Event, Command = Command, Closed = CloseReason> + Send>;

impl KafkaService {
    pub(crate) fn new(engine: Arc<Engine>, connections: Config, listeners: Vec<Port>) -> Self {
        Self { engine, connections: ArcSwap::from_pointee(connections), listeners }
    }

    /// Gives later connections other limits and certificates. Connections that are open keep
    /// theirs.
    pub(crate) fn reconfigure(
        &self,
        connections: Config,
        tls: &[Option<Arc<rustls::ServerConfig>>],
    ) {
        self.connections.store(Arc::new(connections));
        for (port, new) in self.listeners.iter().zip(tls) {
            if let (Some(present), Some(new)) = (&port.tls, new) {
                present.store(Arc::clone(new));
            }
        }
    }
}

impl Service for KafkaService {
    type Machine = AnyMachine;
    type Session = EngineSession;

    fn accept(
        &self,
        listener: usize,
        peer: SocketAddr,
        now: Instant,
    ) -> Option<Accepted<AnyMachine, EngineSession>> {
        let port = self.listeners.get(listener)?;
        let mut entropy = [0; 32];
        if let Err(error) = getrandom::fill(&mut entropy) {
            tracing::error!(target: "logboom::listen", %error, "no randomness: connection refused");
            return None;
        }
        let (session, inbox) = self.engine.accept(peer, &port.listener)?;
        let config = self.connections.load_full();
        let connection =
            Connection::new(config, Peer { address: peer, server_name: None }, entropy, now);
        let machine: AnyMachine = match &port.tls {
            Some(tls) => match Tls::new(tls.load_full(), connection) {
                Ok(tls) => Box::new(tls),
                Err(error) => {
                    tracing::error!(target: "logboom::tls", %error, "TLS cannot start");
                    return None;
                }
            },
            None => Box::new(connection),
        };
        Some(Accepted { machine, inbox, session })
    }

    fn accept_failed(&self, listener: usize, error: &std::io::Error) {
        let name = self.listeners.get(listener).map_or("?", |port| port.listener.name.as_str());
        tracing::error!(
            target: "logboom::listen",
            listener = name,
            %error,
            help = "raise the limit of open files (ulimit -n), or look for a client that leaks",
            "cannot accept connections; trying again",
        );
    }
}
