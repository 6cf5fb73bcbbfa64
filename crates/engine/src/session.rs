use std::net::SocketAddr;
use std::sync::Arc;

use logboom_conn::{
    AbortReason, CloseReason, Command, Connection, Event, InitProducerId, MemoryRequest,
    ProducerIdGrant, RefusedRequest,
};
use logboom_sans_io::Session;
use logboom_wire::error::ErrorCode;

use crate::client::Client;
use crate::{ClosedConnection, Code, Engine, closing, login, metadata, produce};

/// What a listener tells its clients. One value per listener, shared by its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name in logs.
    pub name: String,
    /// Where clients are told to connect to.
    pub advertise: Advertise,
}

/// The address that Metadata gives to clients. It must be one they reach, and the certificate must
/// be valid for its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advertise {
    /// This host and port. `{project}` in the host stands for the project of the client.
    Fixed {
        /// Host name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// The host name the client used itself, as its TLS handshake told (SNI), or else this address.
    AsReached {
        /// The address for clients that sent no name.
        fallback: SocketAddr,
    },
}

/// Answers the events of one connection.
#[derive(Debug)]
pub struct EngineSession {
    engine: Arc<Engine>,
    client: Client,
    id: u64,
    opened_at_ms: i64,
    over: bool,
}

impl EngineSession {
    pub(crate) fn new(engine: Arc<Engine>, id: u64, client: Client) -> Self {
        let opened_at_ms = engine.clock().unix_ms();
        engine.counters().connections_accepted.increment();
        Self { engine, client, id, opened_at_ms, over: false }
    }

    /// Lets the session know what the connection is asked for, to tell it when it ends.
    pub fn spoken_on(&mut self, connection: &Connection) {
        self.client.spoken = Arc::clone(connection.spoken());
    }

    /// Takes leave of everything that knows this connection, once.
    fn end(&mut self, reason: Option<CloseReason>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.engine.registry().leave(self.id);
        self.engine.budget().leave(&self.client.inbox);
        // Nobody will take these any more, and granted memory is among them.
        while self.client.inbox.pop().is_some() {}
        self.engine.counters().connections_closed.increment();
        self.engine.history().remember(ClosedConnection {
            peer: self.client.peer,
            listener: self.client.listener.name.clone(),
            project: self.client.project.clone(),
            client: self.client.software(),
            opened_at_ms: self.opened_at_ms,
            closed_at_ms: self.engine.clock().unix_ms(),
            reason,
        });
    }
}

impl Session for EngineSession {
    type Event = Event;
    type Closed = CloseReason;

    fn expect_idle(&mut self) {
        self.client.defers_commits = true;
    }

    fn on_event(&mut self, event: Event) {
        let Self { engine, client, .. } = self;
        match event {
            Event::Authenticate(attempt) => login::login(engine, client, self.id, attempt),
            Event::Ready(info) => {
                client.info = Some(info);
                client.log_ready();
            }
            Event::Metadata(query) => metadata::answer(engine, client, query),
            Event::InitProducerId(request) => init_producer_id(engine, client, request),
            Event::Produce(request) => produce::produce(engine, client, request),
            Event::Memory(MemoryRequest { ticket, bytes }) => {
                engine.budget().wait(ticket, bytes, &client.inbox);
            }
            Event::Refused(refused) => {
                let RefusedRequest { api, version, error } = refused;
                client.refused(engine, closing::code_of_refused(&refused), || {
                    format!("{} request of version {version}, answered {error}", api.name())
                });
            }
        }
    }

    fn on_closed(&mut self, reason: CloseReason) {
        if let Some(code) = closing::code(&reason) {
            self.client.refused(&self.engine, code, || reason.to_string());
        }
        self.client.log_closed(&reason);
        self.end(Some(reason));
    }

    fn on_panic(&mut self) {
        self.client.refused(&self.engine, Code::Bug, || "the state machine panicked".into());
        self.end(None);
    }
}

/// A host that drops a connection in the middle, such as a runtime that stops, tells nobody.
impl Drop for EngineSession {
    fn drop(&mut self) {
        let reason = AbortReason::Other("dropped by its host".into());
        self.end(Some(CloseReason::Aborted(reason)));
    }
}

/// Gives an idempotent producer its identity. Its epoch is always 0: without transactions nobody
/// takes a producer id over.
fn init_producer_id(engine: &Arc<Engine>, client: &Client, request: InitProducerId) {
    if request.transactional {
        client.refused(engine, Code::Transactional, || "InitProducerId".into());
        let refusal = Err(ErrorCode::TransactionalIdAuthorizationFailed);
        client.inbox.push(Command::ProducerId(request.ticket, refusal));
        return;
    }
    // A client that finds no id tries again; the committer has reserved more by then, unless the disk
    // failed with it.
    let grant = engine.store().next_producer_id().map_or_else(
        || {
            engine.note_health();
            Err(ErrorCode::KafkaStorageError)
        },
        |producer_id| Ok(ProducerIdGrant { producer_id, producer_epoch: 0 }),
    );
    client.inbox.push(Command::ProducerId(request.ticket, grant));
}
