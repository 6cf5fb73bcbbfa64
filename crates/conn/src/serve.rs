use std::time::Duration;

use bytes::Bytes;
use logboom_wire::api::ApiKey;
use logboom_wire::error::{DecodeError, ErrorCode};
use logboom_wire::frame::FrameError;
use logboom_wire::header::{REQUEST_BYTES_MIN, RequestHeader};
use logboom_wire::request::{
    ApiVersionsRequest, FetchRequest, FindCoordinatorRequest, InitProducerIdRequest,
    MetadataRequest, ProduceRequest, TopicSelection,
};
use logboom_wire::response::PartitionOutcome;

use crate::answer::Answer;
use crate::close::CloseReason;
use crate::command::ProducerIdGrant;
use crate::connection::Connection;
use crate::event::{Acks, Event, InitProducerId, MetadataQuery, Produce, RefusedRequest};
use crate::phase::{Permission, Phase};
use crate::request::Request;
use crate::slots::Waiting;
use crate::ticket::{Address, InitTicket, MetadataTicket, ProduceTicket};

impl Connection {
    /// Looks at the first bytes of a frame, and further only if the phase allows its API.
    pub(crate) fn handle_frame(&mut self, frame: Bytes) -> Result<Option<Event>, CloseReason> {
        if self.phase == Phase::RawToken {
            return Ok(self.take_raw_token(&frame));
        }
        let (bytes, bytes_min) = (frame.len(), REQUEST_BYTES_MIN);
        let peek = RequestHeader::peek(&frame)
            .map_err(|_| CloseReason::BadFrame(FrameError::TooSmall { bytes, bytes_min }))?;
        let (key, version) = (peek.api_key, peek.api_version);
        let unsupported = CloseReason::UnsupportedApi { key, version };
        let Some(api) = ApiKey::from_i16(key) else { return Err(unsupported) };
        let permission = self.phase.permission(api).ok_or_else(|| match self.phase {
            Phase::Unsecured => self.login.unsecured(),
            phase => CloseReason::ApiNotAllowed { phase, api },
        })?;
        self.spoken.note(api, version);
        if !api.supports(version) {
            return self.refuse_version(api, peek.correlation_id, unsupported);
        }
        let request = Request::decode(api, frame).map_err(bad_request(api, version))?;
        match permission {
            Permission::Serve => self.serve(request),
            Permission::Refuse(error) => {
                self.check_items(&request)?;
                Ok(Some(self.refuse(request, error)))
            }
            Permission::RefuseAndClose(error) => {
                self.answer_at_once(request, Answer::Error(error));
                Err(CloseReason::IllegalSaslState)
            }
        }
    }

    /// Puts a request in its place that the connection answers itself.
    pub(crate) fn answer_at_once(&mut self, request: Request, answer: Answer) {
        let bytes = request.frame().len();
        self.slots.push_answered(request, bytes, answer);
    }

    /// Answers a request with an error, and lets the application know.
    fn refuse(&mut self, request: Request, error: ErrorCode) -> Event {
        let refused = RefusedRequest { api: request.api, version: request.version, error };
        self.answer_at_once(request, Answer::Error(error));
        Event::Refused(refused)
    }

    /// Puts a request in its place that the application has to answer.
    pub(crate) fn await_answer(&mut self, request: Request) -> Address {
        self.await_large_answer(request, 0, Waiting::default())
    }

    /// Like [`await_answer`](Self::await_answer), for an answer that takes `answer_bytes` of memory
    /// before its turn comes.
    fn await_large_answer(
        &mut self,
        request: Request,
        answer_bytes: usize,
        waiting: Waiting,
    ) -> Address {
        let bytes = request.frame().len() + answer_bytes;
        let sequence = self.slots.push_waiting(request, bytes, waiting);
        self.address(sequence)
    }

    pub(crate) const fn address(&self, sequence: u64) -> Address {
        Address { stamp: self.stamp, sequence }
    }

    fn serve(&mut self, request: Request) -> Result<Option<Event>, CloseReason> {
        self.login.note_client_id(&request);
        match request.api {
            ApiKey::ApiVersions => self.serve_api_versions(request),
            ApiKey::SaslHandshake => self.serve_handshake(request).map(|()| None),
            ApiKey::SaslAuthenticate => self.serve_token(request),
            ApiKey::Metadata => self.serve_metadata(request),
            ApiKey::InitProducerId => self.serve_init_producer_id(request),
            ApiKey::Produce => self.serve_produce(request),
            // Never served, see the table of the phases.
            ApiKey::Fetch | ApiKey::FindCoordinator => {
                let (key, version) = (request.api.id(), request.version);
                Err(CloseReason::UnsupportedApi { key, version })
            }
        }
    }

    /// A client may ask for a version of ApiVersions that is not there, since it cannot know yet
    /// (KIP-511). It is told in version 0, and asks again. Any other API it has been told about.
    fn refuse_version(
        &mut self,
        api: ApiKey,
        correlation_id: i32,
        unsupported: CloseReason,
    ) -> Result<Option<Event>, CloseReason> {
        if api != ApiKey::ApiVersions {
            return Err(unsupported);
        }
        let answer = Answer::Error(ErrorCode::UnsupportedVersion);
        self.answer_at_once(Request::bare(api, correlation_id), answer);
        Ok(None)
    }

    fn serve_api_versions(&mut self, request: Request) -> Result<Option<Event>, CloseReason> {
        let asked = ApiVersionsRequest::decode(request.version, request.body())
            .map_err(bad_request(request.api, request.version))?;
        self.login.note_software(&asked);
        self.answer_at_once(request, Answer::Success);
        Ok(None)
    }

    fn serve_metadata(&mut self, request: Request) -> Result<Option<Event>, CloseReason> {
        self.check_items(&request)?;
        let ticket = MetadataTicket(self.await_answer(request.clone()));
        let server_name = self.login.server_name();
        Ok(Some(Event::Metadata(MetadataQuery { ticket, server_name, request })))
    }

    fn serve_init_producer_id(&mut self, request: Request) -> Result<Option<Event>, CloseReason> {
        let asked = InitProducerIdRequest::decode(request.version, request.body())
            .map_err(bad_request(request.api, request.version))?;
        let transactional = asked.transactional_id.is_some();
        let current = (asked.producer_id >= 0).then_some(ProducerIdGrant {
            producer_id: asked.producer_id,
            producer_epoch: asked.producer_epoch,
        });
        let ticket = InitTicket(self.await_answer(request));
        Ok(Some(Event::InitProducerId(InitProducerId { ticket, transactional, current })))
    }

    fn serve_produce(&mut self, request: Request) -> Result<Option<Event>, CloseReason> {
        let asked = ProduceRequest::decode(request.version, request.body())
            .map_err(bad_request(request.api, request.version))?;
        let partitions = asked.partition_count();
        self.limit_items(request.api, partitions)?;
        let Some(acks) = Acks::from_i16(asked.acks) else {
            return Ok(Some(self.refuse(request, ErrorCode::InvalidRequiredAcks)));
        };
        let timeout = self.produce_timeout(acks, asked.timeout_ms);
        let waiting =
            Waiting { deadline: self.now.checked_add(timeout), silent: acks == Acks::None };
        let answer_bytes = partitions * size_of::<PartitionOutcome>();
        let address = self.await_large_answer(request.clone(), answer_bytes, waiting);
        let (ticket, client_id) = (ProduceTicket(address), request.client_id());
        Ok(Some(Event::Produce(Produce { ticket, acks, timeout, client_id, request })))
    }

    /// The time the client allows, but no longer than the limit. A client that allows none, or that
    /// waits for no response anyway, gets the limit.
    fn produce_timeout(&self, acks: Acks, timeout_ms: i32) -> Duration {
        let max = self.config.limits().produce_timeout_max;
        match u64::try_from(timeout_ms) {
            Ok(ms) if ms > 0 && acks != Acks::None => Duration::from_millis(ms).min(max),
            _ => max,
        }
    }

    /// Decodes the body of a request and limits what it wants an answer for.
    fn check_items(&self, request: &Request) -> Result<(), CloseReason> {
        let items = count_items(request).map_err(bad_request(request.api, request.version))?;
        self.limit_items(request.api, items)
    }

    fn limit_items(&self, api: ApiKey, items: usize) -> Result<(), CloseReason> {
        let items_max = self.config.limits().items_per_request_max;
        let allowed = items <= items_max;
        if allowed { Ok(()) } else { Err(CloseReason::TooManyItems { api, items, items_max }) }
    }
}

fn count_items(request: &Request) -> Result<usize, DecodeError> {
    let (version, body) = (request.version, request.body());
    Ok(match request.api {
        ApiKey::Produce => ProduceRequest::decode(version, body)?.partition_count(),
        ApiKey::Fetch => FetchRequest::decode(version, body)?.partition_count(),
        ApiKey::FindCoordinator => FindCoordinatorRequest::decode(version, body)?.keys.len(),
        ApiKey::Metadata => match MetadataRequest::decode(version, body)?.topics {
            TopicSelection::All => 0,
            TopicSelection::Named(topics) => topics.len(),
        },
        ApiKey::SaslHandshake
        | ApiKey::SaslAuthenticate
        | ApiKey::ApiVersions
        | ApiKey::InitProducerId => 1,
    })
}

pub(crate) fn bad_request(api: ApiKey, version: i16) -> impl FnOnce(DecodeError) -> CloseReason {
    move |error| CloseReason::BadRequest { api, version, error }
}
