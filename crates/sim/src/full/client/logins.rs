//! From a connection to one that takes batches.

use std::time::Duration;

use logboom_wire::api::ApiKey;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::Port;
use super::channel::Channel;
use super::producer::{Asked, Producer, Stage};
use super::request::{Request, bare, token};
use super::response;
use crate::coverage::State;
use crate::net::ConnectionId;
use crate::outcome::Violation;

/// How long a connection may take until batches can be sent.
const SETUP_TIMEOUT: Duration = Duration::from_secs(60);

impl Producer {
    /// Begins with a connection that has just been made.
    pub(crate) fn begin(&mut self, id: ConnectionId, port: &mut Port<'_>) {
        self.secret.clone_from(&port.site.projects[self.task.project].known);
        self.setup_due = port.passed() + SETUP_TIMEOUT;
        self.wake_after(SETUP_TIMEOUT, port);
        let tls = self.task.tls.as_ref().map(|config| {
            let name = ServerName::try_from("localhost").expect("a host name");
            ClientConnection::new(std::sync::Arc::clone(config), name)
                .expect("a usable configuration")
        });
        let encrypted = tls.is_some();
        let mut channel = Channel::new(id, tls);
        channel.flush(port);
        self.channel = Some(channel);
        if encrypted {
            self.stage = Stage::Tls;
        } else {
            self.log_in(port);
        }
    }

    pub(crate) fn log_in(&mut self, port: &mut Port<'_>) {
        match self.personality().api_versions {
            Some(version) => {
                self.stage = Stage::ApiVersions;
                self.ask(Asked::ApiVersions, ApiKey::ApiVersions, version, port, |request| {
                    request.api_versions()
                });
            }
            None => self.shake_hands(port),
        }
    }

    /// Sends a request that is not Produce.
    fn ask(
        &mut self,
        asked: Asked,
        api: ApiKey,
        version: i16,
        port: &mut Port<'_>,
        frame: impl FnOnce(&Request<'_>) -> Vec<u8>,
    ) {
        let correlation = self.next_correlation();
        let client_id = self.client_id.clone();
        let bytes = frame(&Request { api, version, correlation, client_id: &client_id });
        self.expect(asked, correlation, Vec::new(), port);
        self.send(&bytes, port);
    }

    pub(crate) fn send(&mut self, bytes: &[u8], port: &mut Port<'_>) {
        if let Some(channel) = &mut self.channel {
            channel.send(port, bytes);
        }
    }

    fn shake_hands(&mut self, port: &mut Port<'_>) {
        self.stage = Stage::Handshake;
        let version = i16::from(!self.personality().raw_sasl);
        self.ask(Asked::Handshake, ApiKey::SaslHandshake, version, port, |request| {
            request.handshake("PLAIN")
        });
    }

    fn show_password(&mut self, port: &mut Port<'_>) {
        self.stage = Stage::Login;
        let project = port.site.projects[self.task.project].name;
        let token = token(project, &port.site.password(self.task.project, &self.secret));
        if self.personality().raw_sasl {
            port.reached(State::RawSasl);
            // The answer to a bare token has no correlation id.
            self.expect(Asked::Login, 0, Vec::new(), port);
            self.send(&bare(&token), port);
            return;
        }
        let version = self.personality().authenticate;
        self.ask(Asked::Login, ApiKey::SaslAuthenticate, version, port, |request| {
            request.authenticate(&token)
        });
    }

    pub(crate) fn ask_metadata(&mut self, port: &mut Port<'_>) {
        self.stage = Stage::Metadata;
        let project = &port.site.projects[self.task.project];
        let raw = project.logstores.iter().map(|logstore| logstore.name.clone());
        let json = project.logstores.iter().map(|logstore| format!("{}.json", logstore.name));
        let topics: Vec<String> = raw.chain(json).collect();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let version = self.personality().metadata;
        self.ask(Asked::Metadata, ApiKey::Metadata, version, port, |request| {
            request.metadata(&topics)
        });
    }

    /// What comes after the login.
    fn prepare(&mut self, port: &mut Port<'_>) {
        if self.personality().idempotent && self.producer_id.is_none() {
            self.stage = Stage::ProducerId;
            self.ask(Asked::ProducerId, ApiKey::InitProducerId, 4, port, |request| {
                request.init_producer_id()
            });
        } else if self.metadata_known && self.personality().metadata_apart {
            self.stage = Stage::Ready;
        } else {
            self.ask_metadata(port);
        }
    }

    /// Takes an answer that is not to Produce.
    pub(crate) fn answered(
        &mut self,
        asked: Asked,
        live: bool,
        frame: &[u8],
        port: &mut Port<'_>,
    ) -> Result<(), Violation> {
        let malformed = |error: logboom_wire::error::DecodeError| {
            Violation::new("responses are well formed", format!("{asked:?}: {error}"))
        };
        let personality = *self.personality();
        match asked {
            Asked::ApiVersions => {
                let error = response::leading_error(ApiKey::ApiVersions, 0, frame);
                self.must_be_0(asked, error.map_err(malformed)?)?;
                if self.stage == Stage::ApiVersions {
                    self.shake_hands(port);
                } else {
                    self.prepare(port);
                }
            }
            Asked::Handshake => {
                let error = response::leading_error(ApiKey::SaslHandshake, 1, frame);
                self.must_be_0(asked, error.map_err(malformed)?)?;
                self.show_password(port);
            }
            Asked::Login => {
                let version = personality.authenticate;
                let error = if personality.raw_sasl {
                    0
                } else {
                    response::leading_error(ApiKey::SaslAuthenticate, version, frame)
                        .map_err(malformed)?
                };
                self.logged_in(error, live, port)?;
            }
            Asked::ProducerId => {
                let (error, id, epoch) = response::producer_id(4, frame).map_err(malformed)?;
                // 56: none is reserved just now.
                if error == 56 {
                    self.go_offline(true, port);
                    return Ok(());
                }
                self.must_be_0(asked, error)?;
                port.reached(State::ProducerIdGranted);
                port.oracle.granted(id)?;
                self.producer_id = Some((id, epoch));
                self.prepare(port);
            }
            Asked::Metadata => {
                let topics = response::metadata(personality.metadata, frame).map_err(malformed)?;
                self.learn(&topics, port)?;
            }
            Asked::Produce => {}
        }
        Ok(())
    }

    fn must_be_0(&self, asked: Asked, error: i16) -> Result<(), Violation> {
        if error == 0 {
            return Ok(());
        }
        let detail = format!("{}: {asked:?} answered with {error}", self.client_id);
        Err(Violation::new("a good client is served", detail))
    }

    fn logged_in(&mut self, error: i16, live: bool, port: &mut Port<'_>) -> Result<(), Violation> {
        if error != 0 {
            port.reached(State::LoginRefused);
            if error != 58 || self.secret_is_live(port) {
                return self.must_be_0(Asked::Login, error);
            }
            self.go_offline(true, port);
            return Ok(());
        }
        if !live {
            let detail = self.client_id.clone();
            return Err(Violation::new("a withdrawn secret opens nothing", detail));
        }
        port.reached(State::LoggedIn);
        match self.personality().api_versions_after {
            Some(version) => {
                self.stage = Stage::ApiVersionsAfter;
                self.ask(Asked::ApiVersions, ApiKey::ApiVersions, version, port, |request| {
                    request.api_versions()
                });
            }
            None => self.prepare(port),
        }
        Ok(())
    }

    fn learn(
        &mut self,
        topics: &[(i16, String, usize)],
        port: &mut Port<'_>,
    ) -> Result<(), Violation> {
        let mut good = true;
        for (error, name, partitions) in topics {
            let project = &port.site.projects[self.task.project];
            let bare = name.strip_suffix(".json").unwrap_or(name);
            let Some(logstore) = project.logstores.iter().find(|known| known.name == bare) else {
                let detail = format!("{}: told of {name}", self.client_id);
                return Err(Violation::new("metadata tells what was asked", detail));
            };
            let expected = match error {
                0 => *partitions == usize::try_from(logstore.shards).unwrap_or(0),
                3 => logstore.was_absent,
                29 => !self.secret_is_live(port),
                _ => false,
            };
            if !expected {
                let detail =
                    format!("{}: {name}: {error}, {partitions} partitions", self.client_id);
                return Err(Violation::new("metadata tells what is there", detail));
            }
            if *error == 3 {
                port.reached(State::UnknownTopic);
            }
            good &= *error == 0;
        }
        if !good {
            self.resume_at = port.passed() + Duration::from_millis(self.personality().backoff_ms);
            self.wake_after(Duration::from_millis(self.personality().backoff_ms), port);
            return Ok(());
        }
        self.metadata_known = true;
        if self.personality().metadata_apart {
            self.go_offline(false, port);
        } else {
            self.stage = Stage::Ready;
        }
        Ok(())
    }
}
