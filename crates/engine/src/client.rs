use std::net::SocketAddr;
use std::sync::Arc;

use logboom_access::Principal;
use logboom_conn::{ClientInfo, CloseReason, Command, Spoken};
use logboom_sans_io::Inbox;

use crate::batches_seen::BatchesSeen;
use crate::refusals::Refused;
use crate::{Code, Engine, Listener};

/// Who is at the other end of a connection, as far as it is known.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) peer: SocketAddr,
    pub(crate) listener: Arc<Listener>,
    pub(crate) inbox: Arc<Inbox<Command>>,
    /// The project it named at its login.
    pub(crate) project: Option<String>,
    /// Who it proved to be. `None` after the login if it lives without rights.
    pub(crate) principal: Option<Arc<Principal>>,
    pub(crate) info: Option<ClientInfo>,
    /// Which APIs it has used.
    pub(crate) spoken: Arc<Spoken>,
    /// What its batches looked like.
    pub(crate) batches: BatchesSeen,
}

impl Client {
    pub(crate) fn new(
        peer: SocketAddr,
        listener: Arc<Listener>,
        inbox: Arc<Inbox<Command>>,
    ) -> Self {
        Self {
            peer,
            listener,
            inbox,
            project: None,
            principal: None,
            info: None,
            spoken: Arc::default(),
            batches: BatchesSeen::default(),
        }
    }

    /// Counts and logs that this client was refused something.
    pub(crate) fn refused(&self, engine: &Engine, code: Code, detail: impl FnOnce() -> String) {
        self.refused_with_help(engine, code, code.help(), detail);
    }

    /// The same, with better advice than the code alone can give.
    pub(crate) fn refused_with_help(
        &self,
        engine: &Engine,
        code: Code,
        help: &str,
        detail: impl FnOnce() -> String,
    ) {
        engine.refuse(code, self.peer, || Refused {
            peer: self.peer,
            listener: &self.listener.name,
            project: self.project.as_deref(),
            client: self.software(),
            detail: detail(),
            help,
        });
    }

    /// Name and version of the client software, or else its client id.
    pub(crate) fn software(&self) -> Option<String> {
        let info = self.info.as_ref()?;
        match (&info.software_name, &info.software_version) {
            (Some(name), Some(version)) => Some(format!("{name} {version}")),
            (Some(name), None) => Some(name.clone()),
            (None, _) => info.client_id.clone(),
        }
    }

    pub(crate) fn log_ready(&self) {
        tracing::debug!(
            target: "logboom::auth",
            peer = %self.peer,
            listener = self.listener.name,
            project = self.project,
            client = self.software(),
            "logged in",
        );
    }

    /// Tells that the connection is over, and what was spoken on it: the first thing to look at when
    /// a client behaves in a strange way.
    pub(crate) fn log_closed(&self, reason: &CloseReason) {
        tracing::debug!(
            target: "logboom::listen",
            peer = %self.peer,
            listener = self.listener.name,
            project = self.project,
            client = self.software(),
            client_id = self.info.as_ref().and_then(|info| info.client_id.as_deref()),
            apis = self.spoken.to_string(),
            batches = self.batches.to_string(),
            reason = %reason,
            "connection closed",
        );
    }
}
