use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use logboom_access::Principal;
use logboom_conn::{ClientInfo, CloseReason, Command, Spoken};
use logboom_sans_io::Inbox;

use crate::advice::Software;
use crate::batches_seen::BatchesSeen;
use crate::refusals::Refused;
use crate::{Code, Engine, Listener, Notice};

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
    /// Whether its batches need not be committed before its host has nothing more to do.
    pub(crate) defers_commits: bool,
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
            defers_commits: false,
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
        engine.refuse(code, self.peer, || {
            let setting = Software::of_some(self.told()).and_then(|known| known.setting(code));
            self.words(detail(), with_setting(help, setting))
        });
    }

    /// Counts and logs something about this client that is no reason to refuse it.
    pub(crate) fn notice(&self, engine: &Engine, notice: Notice, detail: impl FnOnce() -> String) {
        engine.notice(notice, self.peer, || {
            let software = Software::of_some(self.told());
            let setting = software.and_then(|known| known.noticed_setting(notice));
            self.words(detail(), with_setting(notice.help(), setting))
        });
    }

    fn words<'a>(&'a self, detail: String, help: Cow<'a, str>) -> Refused<'a> {
        Refused {
            peer: self.peer,
            listener: &self.listener.name,
            project: self.project.as_deref(),
            client: self.software(),
            detail,
            help,
        }
    }

    /// What it has said about itself, also if it was refused before it could log in.
    fn told(&self) -> Option<&ClientInfo> {
        self.info.as_ref().or_else(|| self.spoken.refused())
    }

    /// Name and version of the client software, or else its client id.
    pub(crate) fn software(&self) -> Option<String> {
        let info = self.told()?;
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
            client_id = self.told().and_then(|info| info.client_id.as_deref()),
            apis = self.spoken.to_string(),
            batches = self.batches.to_string(),
            reason = %reason,
            "connection closed",
        );
    }
}

/// Advice, and what the setting is called in the software that it is for.
fn with_setting<'a>(help: &'a str, setting: Option<&str>) -> Cow<'a, str> {
    match setting {
        Some(setting) if !help.contains(setting) => format!("{help}; there: {setting}").into(),
        _ => help.into(),
    }
}
