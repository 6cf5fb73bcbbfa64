use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use logboom_wire::error::ErrorCode;
use logboom_wire::response::{ClusterView, PartitionOutcome};

use crate::memory::Reservation;
use crate::ticket::{AuthTicket, InitTicket, MemoryTicket, MetadataTicket, ProduceTicket};

/// What the application tells a connection: answers to its events, and orders.
#[derive(Debug)]
pub enum Command {
    /// Answers [`Event::Authenticate`](crate::Event::Authenticate).
    Authenticated(AuthTicket, AuthVerdict),
    /// Answers [`Event::Metadata`](crate::Event::Metadata).
    Metadata(MetadataTicket, Arc<ClusterView>),
    /// Answers [`Event::InitProducerId`](crate::Event::InitProducerId).
    ProducerId(InitTicket, Result<ProducerIdGrant, ErrorCode>),
    /// Answers [`Event::Produce`](crate::Event::Produce): one outcome for each partition, in the
    /// order of the request, over all its topics. Missing ones are answered
    /// `UNKNOWN_SERVER_ERROR`.
    Produced(ProduceTicket, Vec<PartitionOutcome>),
    /// Answers [`Event::Memory`](crate::Event::Memory) with as many bytes as it asked for.
    MemoryGranted(MemoryTicket, Reservation),
    /// Answer every request whose first byte has arrived, then close in an orderly way. What is not
    /// answered at `until` is given up.
    Drain {
        /// The latest time to wait for answers. An earlier one of another drain stays.
        until: Instant,
    },
    /// Close at once, whatever is unanswered or unsent.
    Abort(AbortReason),
}

/// Whether a peer is who it says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthVerdict {
    /// It is.
    Accepted,
    /// It is not. The peer is told so after a delay, if its protocol version has a way to tell it,
    /// and the connection closes.
    Rejected {
        /// What the peer's user is shown. Must not say which half of the credentials was wrong.
        message: Cow<'static, str>,
    },
    /// Nobody knows. The connection closes without an answer, and the client comes back: error 58
    /// would make some clients drop their data.
    Unavailable,
}

/// The identity of an idempotent producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerIdGrant {
    /// The producer id.
    pub producer_id: i64,
    /// The epoch of the id.
    pub producer_epoch: i16,
}

/// Why the application closed a connection at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AbortReason {
    /// The server stops, and not in the patient way.
    Shutdown,
    /// The key the peer has authenticated with is not valid any more.
    KeyRevoked,
    /// Something else, in words for a log.
    Other(Cow<'static, str>),
}

impl std::fmt::Display for AbortReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Shutdown => "the server stops",
            Self::KeyRevoked => "the access key was revoked",
            Self::Other(reason) => reason,
        })
    }
}
