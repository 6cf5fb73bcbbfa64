use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;
use logboom_wire::request::{ApiVersionsRequest, SaslAuthenticateRequest, SaslHandshakeRequest};

use crate::answer::Answer;
use crate::client::{ClientInfo, shown};
use crate::close::CloseReason;
use crate::command::AuthVerdict;
use crate::connection::Connection;
use crate::event::{AuthAttempt, Event};
use crate::phase::{Phase, Trigger};
use crate::request::Request;
use crate::sasl::{PLAIN, Plain};
use crate::serve::bad_request;
use crate::spoken::Spoken;
use crate::ticket::AuthTicket;
use crate::timer::Timer;

/// What the peer is told about a token that is none.
const MALFORMED_TOKEN: &str = "Authentication failed: malformed SASL/PLAIN token";

/// What is known of a peer until it is authenticated.
#[derive(Debug)]
pub(crate) struct Login {
    client: ClientInfo,
    /// The stream is inside TLS.
    secured: bool,
    frames: usize,
    attempt: Option<Attempt>,
    announced: bool,
}

/// A token whose response has not been decided, or not been given yet.
#[derive(Debug)]
struct Attempt {
    sequence: u64,
    /// The token came without a request around it: no response but success has a form.
    raw: bool,
    since: Instant,
    refusal: Option<Refusal>,
}

#[derive(Debug)]
struct Refusal {
    message: Cow<'static, str>,
    reason: CloseReason,
}

impl Login {
    pub(crate) fn new(server_name: Option<&str>) -> Self {
        let client = ClientInfo { server_name: server_name.map(Arc::from), ..Default::default() };
        Self { client, secured: false, frames: 0, attempt: None, announced: false }
    }

    pub(crate) fn secured(&mut self, server_name: Option<&str>) {
        self.secured = true;
        if let Some(name) = server_name {
            self.client.server_name = Some(Arc::from(name));
        }
    }

    pub(crate) const fn is_secured(&self) -> bool {
        self.secured
    }

    /// Whether no frame has been taken yet.
    pub(crate) const fn is_first_frame(&self) -> bool {
        self.frames == 0
    }

    pub(crate) fn server_name(&self) -> Option<Arc<str>> {
        self.client.server_name.clone()
    }

    /// Counts a frame of a peer that is not authenticated.
    pub(crate) fn count_frame(&mut self, frames_max: usize) -> Result<(), CloseReason> {
        self.frames += 1;
        let allowed = self.frames <= frames_max;
        if allowed { Ok(()) } else { Err(CloseReason::TooManyFramesBeforeAuth { frames_max }) }
    }

    /// Why a client that speaks plaintext where TLS is wanted is not served.
    pub(crate) fn unsecured(&self) -> CloseReason {
        let ClientInfo { software_name, software_version, client_id, .. } = &self.client;
        let parts = [software_name, software_version, client_id];
        let words: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        CloseReason::PlaintextOnTlsPort { client: words.join(" ") }
    }

    /// Says who it is that will never be announced.
    pub(crate) fn introduce(&self, spoken: &Spoken) {
        if !self.announced {
            spoken.introduce(&self.client);
        }
    }

    /// Keeps what the client calls itself, until that has been announced.
    pub(crate) fn note_client_id(&mut self, request: &Request) {
        if let Some(client_id) = request.client_id().filter(|_| !self.announced) {
            self.client.client_id = Some(shown(&client_id));
        }
    }

    /// Keeps what the client says about its software.
    pub(crate) fn note_software(&mut self, request: &ApiVersionsRequest<'_>) {
        if let Some(name) = request.client_software_name {
            self.client.software_name = Some(shown(name));
        }
        if let Some(version) = request.client_software_version {
            self.client.software_version = Some(shown(version));
        }
    }
}

impl Connection {
    /// The announcement that the peer is authenticated, once.
    pub(crate) fn announce(&mut self) -> Option<Event> {
        if self.phase != Phase::Ready || self.login.announced {
            return None;
        }
        self.login.announced = true;
        Some(Event::Ready(self.login.client.clone()))
    }

    pub(crate) fn serve_handshake(&mut self, request: Request) -> Result<(), CloseReason> {
        if self.phase == Phase::Unsecured {
            self.answer_at_once(request, Answer::TlsWanted);
            return Err(self.login.unsecured());
        }
        let (api, version) = (request.api, request.version);
        let asked = SaslHandshakeRequest::decode(version, request.body())
            .map_err(bad_request(api, version))?;
        if asked.mechanism != PLAIN {
            let refused = CloseReason::MechanismRefused(shown(asked.mechanism.as_bytes()));
            self.answer_at_once(request, Answer::Error(ErrorCode::UnsupportedSaslMechanism));
            return Err(refused);
        }
        self.answer_at_once(request, Answer::Success);
        self.enter(if version == 0 { Trigger::HandshakeV0 } else { Trigger::HandshakeV1 });
        Ok(())
    }

    pub(crate) fn serve_token(&mut self, request: Request) -> Result<Option<Event>, CloseReason> {
        let asked = SaslAuthenticateRequest::decode(request.version, request.body())
            .map_err(bad_request(request.api, request.version))?;
        let plain = Plain::parse(asked.auth_bytes);
        Ok(self.take_token(request, plain, false))
    }

    /// Takes a token that came without a request around it (SaslHandshake version 0).
    pub(crate) fn take_raw_token(&mut self, token: &Bytes) -> Option<Event> {
        self.spoken.note_token();
        self.take_token(Request::bare(ApiKey::SaslAuthenticate, 0), Plain::parse(token), true)
    }

    fn take_token(&mut self, request: Request, plain: Option<Plain>, raw: bool) -> Option<Event> {
        self.enter(Trigger::TokenArrived);
        let address = self.await_answer(request);
        let (sequence, since) = (address.sequence, self.now);
        self.login.attempt = Some(Attempt { sequence, raw, since, refusal: None });
        let Some(Plain { username, password }) = plain else {
            self.delay_refusal(MALFORMED_TOKEN.into(), CloseReason::MalformedSaslToken);
            return None;
        };
        let (ticket, client) = (AuthTicket(address), self.login.client.clone());
        Some(Event::Authenticate(AuthAttempt { ticket, username, password, raw, client }))
    }

    /// Does what the application says about the credentials.
    pub(crate) fn judge(&mut self, verdict: AuthVerdict) {
        match verdict {
            AuthVerdict::Accepted => {
                let raw = self.login.attempt.as_ref().is_some_and(|attempt| attempt.raw);
                self.answer_attempt(if raw { Answer::RawTokenAccepted } else { Answer::Success });
                self.enter(Trigger::Accepted);
                self.timers.clear(Timer::Auth);
            }
            AuthVerdict::Rejected { message } => {
                self.delay_refusal(message, CloseReason::CredentialsRefused);
            }
            AuthVerdict::Unavailable => {
                self.answer_attempt(Answer::Silence);
                self.begin_closing(CloseReason::AuthUnavailable);
            }
        }
    }

    /// Refuses a token whose delay is over.
    pub(crate) fn refuse_login(&mut self) {
        let refused = self.login.attempt.as_mut().and_then(|attempt| {
            let refusal = attempt.refusal.take()?;
            Some((attempt.raw, refusal))
        });
        if let Some((raw, Refusal { message, reason })) = refused {
            self.answer_attempt(if raw { Answer::Silence } else { Answer::Rejected(message) });
            self.begin_closing(reason);
        }
    }

    /// The delay counts from the arrival of the token, so that the time of a refusal does not tell
    /// how long the credentials were looked at.
    fn delay_refusal(&mut self, message: Cow<'static, str>, reason: CloseReason) {
        if let Some(attempt) = &mut self.login.attempt {
            let delay = self.config.limits().failed_auth_delay;
            attempt.refusal = Some(Refusal { message, reason });
            self.timers.clear(Timer::Auth);
            self.timers.set(Timer::FailedAuth, attempt.since.checked_add(delay));
        }
    }

    fn answer_attempt(&mut self, answer: Answer) {
        let answered =
            self.login.attempt.take().map(|attempt| self.slots.answer(attempt.sequence, answer));
        debug_assert_eq!(answered, Some(Ok(())), "the attempt waits as long as it is unanswered");
    }
}
