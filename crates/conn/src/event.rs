use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;
use logboom_wire::request::{MetadataRequest, ProduceRequest};

use crate::client::ClientInfo;
use crate::command::ProducerIdGrant;
use crate::request::Request;
use crate::sasl::Secret;
use crate::ticket::{AuthTicket, InitTicket, MemoryTicket, MetadataTicket, ProduceTicket};

/// What a connection asks of the application, in the order in which the peer asked it.
///
/// All but [`Event::Ready`] and [`Event::Refused`] hold a ticket and want a [`Command`](crate::Command) back; answers may
/// come in any order.
#[derive(Debug)]
pub enum Event {
    /// The peer has been authenticated. Comes once, before anything else that needs it.
    Ready(ClientInfo),
    /// The peer says who it is.
    Authenticate(AuthAttempt),
    /// The peer asks which topics there are and where.
    Metadata(MetadataQuery),
    /// The peer asks for an identity as an idempotent producer.
    InitProducerId(InitProducerId),
    /// The peer sends records.
    Produce(Produce),
    /// There is no memory for the next request. Nothing is read until there is.
    Memory(MemoryRequest),
    /// The peer asked for something that is never served, and was told so. Only for a log.
    Refused(RefusedRequest),
}

/// A request that the connection has refused by itself and lives on after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedRequest {
    /// The API: Produce with `acks` that mean nothing, an API of consumers, or a second login.
    pub api: ApiKey,
    /// The version of the request.
    pub version: i16,
    /// What the peer was told.
    pub error: ErrorCode,
}

/// Credentials to check.
#[derive(Debug)]
pub struct AuthAttempt {
    /// Moves into [`Command::Authenticated`](crate::Command::Authenticated).
    pub ticket: AuthTicket,
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The token came without a request around it (SaslHandshake version 0): a refusal cannot be
    /// put into words.
    pub raw: bool,
    /// Who sends it, as far as it has said so.
    pub client: ClientInfo,
}

/// A Metadata request.
#[derive(Debug)]
pub struct MetadataQuery {
    /// Moves into [`Command::Metadata`](crate::Command::Metadata).
    pub ticket: MetadataTicket,
    /// The name by which the peer reached this server: where clients should be sent again.
    pub server_name: Option<Arc<str>>,
    pub(crate) request: Request,
}

impl MetadataQuery {
    /// What is asked.
    #[must_use]
    pub fn request(&self) -> MetadataRequest<'_> {
        // Decoded before the event was made, so the default never shows.
        MetadataRequest::decode(self.request.version, self.request.body()).unwrap_or_default()
    }

    /// The version of the request.
    #[must_use]
    pub const fn version(&self) -> i16 {
        self.request.version
    }
}

/// An InitProducerId request.
#[derive(Debug)]
pub struct InitProducerId {
    /// Moves into [`Command::ProducerId`](crate::Command::ProducerId).
    pub ticket: InitTicket,
    /// The producer wants transactions, too.
    pub transactional: bool,
    /// The identity it has already, if it has one: it asks for the next epoch of it (KIP-360).
    pub current: Option<ProducerIdGrant>,
}

/// A Produce request.
pub struct Produce {
    /// Moves into [`Command::Produced`](crate::Command::Produced).
    pub ticket: ProduceTicket,
    /// When the producer considers its records safe.
    pub acks: Acks,
    /// How long the answer may take. After this the peer is told `REQUEST_TIMED_OUT`, and the ticket
    /// is stale.
    pub timeout: Duration,
    /// What the client calls itself, exactly as it was sent.
    pub client_id: Option<Bytes>,
    pub(crate) request: Request,
}

impl Produce {
    /// What is to be stored, as a view of the frame.
    #[must_use]
    pub fn request(&self) -> ProduceRequest<'_> {
        // Decoded before the event was made.
        ProduceRequest::decode_again(self.request.version, self.request.body())
    }

    /// A part of the request, for instance the records of a partition, that shares its memory.
    ///
    /// # Panics
    ///
    /// If `part` is not a part of what [`request`](Self::request) returned.
    #[must_use]
    pub fn slice(&self, part: &[u8]) -> Bytes {
        self.request.frame().slice_ref(part)
    }

    /// The version of the request.
    #[must_use]
    pub const fn version(&self) -> i16 {
        self.request.version
    }
}

impl fmt::Debug for Produce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Produce")
            .field("ticket", &self.ticket)
            .field("acks", &self.acks)
            .field("timeout", &self.timeout)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// When a producer considers its records safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// As soon as they are sent: there is no response (acks=0).
    None,
    /// When the leader has them (acks=1).
    Leader,
    /// When all replicas have them (acks=-1, "all").
    All,
}

impl Acks {
    /// The meaning of a number on the wire, if it has one.
    #[must_use]
    pub const fn from_i16(acks: i16) -> Option<Self> {
        match acks {
            -1 => Some(Self::All),
            0 => Some(Self::None),
            1 => Some(Self::Leader),
            _ => None,
        }
    }
}

/// A wish for memory that [`Memory::try_reserve`](crate::Memory::try_reserve) did not have.
#[derive(Debug)]
pub struct MemoryRequest {
    /// Moves into [`Command::MemoryGranted`](crate::Command::MemoryGranted).
    pub ticket: MemoryTicket,
    /// How many bytes are wanted.
    pub bytes: usize,
}
