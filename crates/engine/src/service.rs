use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use logboom_conn::{CloseReason, Command, Config, Connection, Event, Peer};
use logboom_sans_io::{Accepted, Machine, Service};
#[cfg(feature = "tls")]
use logboom_tls::Tls;

use crate::{Engine, EngineSession, Listener};

/// What a runtime serves to offer a Kafka endpoint: for every connection that it accepts, a
/// [`Connection`] whose events the engine answers, inside of TLS where the listener wants it.
#[derive(Debug)]
pub struct KafkaService {
    engine: Arc<Engine>,
    /// The limits of connections that are accepted from now on.
    connections: ArcSwap<Config>,
    ports: Vec<Port>,
    entropy: Box<dyn Entropy>,
}

/// One of the listeners that a [`KafkaService`] is behind.
#[derive(Debug)]
pub struct Port {
    listener: Arc<Listener>,
    /// Certificates of connections that are accepted from now on; `None` for plaintext.
    #[cfg(feature = "tls")]
    tls: Option<ArcSwap<rustls::ServerConfig>>,
}

impl Port {
    /// A listener that speaks plaintext.
    #[must_use]
    pub fn plaintext(listener: Listener) -> Self {
        Self {
            listener: Arc::new(listener),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// A listener that speaks TLS. [`logboom_tls::server_config`] makes a fitting configuration.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn encrypted(listener: Listener, tls: Arc<rustls::ServerConfig>) -> Self {
        Self { listener: Arc::new(listener), tls: Some(ArcSwap::new(tls)) }
    }
}

/// Where the randomness of connections comes from. A simulator brings its own.
pub trait Entropy: Debug + Send + Sync + 'static {
    /// Fills 32 bytes.
    ///
    /// # Errors
    ///
    /// If there is no randomness. The connection is refused then.
    fn fill(&self, bytes: &mut [u8; 32]) -> io::Result<()>;
}

/// The randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8; 32]) -> io::Result<()> {
        getrandom::fill(bytes).map_err(io::Error::other)
    }
}

/// A connection, with or without TLS around it.
pub type KafkaMachine =
    Box<dyn Machine<Event = Event, Command = Command, Closed = CloseReason> + Send>;

impl KafkaService {
    /// A service on an engine, behind these listeners, in the order in which the runtime numbers
    /// them. Its randomness is that of the operating system.
    #[must_use]
    pub fn new(engine: Arc<Engine>, connections: Config, ports: Vec<Port>) -> Self {
        Self {
            engine,
            connections: ArcSwap::from_pointee(connections),
            ports,
            entropy: Box::new(SystemEntropy),
        }
    }

    /// The same with another source of randomness.
    #[must_use]
    pub fn with_entropy(self, entropy: impl Entropy) -> Self {
        Self { entropy: Box::new(entropy), ..self }
    }

    /// Gives later connections other limits. Connections that are open keep theirs.
    pub fn set_connections(&self, connections: Config) {
        self.connections.store(Arc::new(connections));
    }

    /// Gives later connections of a listener other certificates. Connections that are open keep
    /// theirs. A listener without TLS stays without.
    #[cfg(feature = "tls")]
    pub fn set_tls(&self, listener: usize, tls: Arc<rustls::ServerConfig>) {
        if let Some(present) = self.ports.get(listener).and_then(|port| port.tls.as_ref()) {
            present.store(tls);
        }
    }

    fn secure(port: &Port, connection: Connection) -> Option<KafkaMachine> {
        #[cfg(feature = "tls")]
        if let Some(config) = &port.tls {
            return match Tls::new(config.load_full(), connection) {
                Ok(tls) => Some(Box::new(tls)),
                Err(error) => {
                    tracing::error!(target: "logboom::tls", %error, "TLS cannot start");
                    None
                }
            };
        }
        let _has_no_tls = port;
        Some(Box::new(connection))
    }
}

impl Service for KafkaService {
    type Machine = KafkaMachine;
    type Session = EngineSession;

    fn accept(
        &self,
        listener: usize,
        peer: SocketAddr,
        now: Instant,
    ) -> Option<Accepted<KafkaMachine, EngineSession>> {
        let port = self.ports.get(listener)?;
        let mut entropy = [0; 32];
        if let Err(error) = self.entropy.fill(&mut entropy) {
            tracing::error!(target: "logboom::listen", %error, "no randomness: connection refused");
            return None;
        }
        let (mut session, inbox) = self.engine.accept(peer, &port.listener)?;
        let config = self.connections.load_full();
        let peer = Peer { address: peer, server_name: None };
        let connection = Connection::new(config, peer, entropy, now);
        session.spoken_on(&connection);
        let machine = Self::secure(port, connection)?;
        Some(Accepted { machine, inbox, session })
    }

    fn on_idle(&self) {
        self.engine.store().hurry();
    }

    fn accept_failed(&self, listener: usize, error: &io::Error) {
        let name = self.ports.get(listener).map_or("?", |port| port.listener.name.as_str());
        tracing::error!(
            target: "logboom::listen",
            listener = name,
            %error,
            help = "raise the limit of open files (ulimit -n), or look for a client that leaks",
            "cannot accept connections; trying again",
        );
    }
}
