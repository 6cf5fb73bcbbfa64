use std::fmt;
use std::io::ErrorKind;

use logboom_sans_io::TlsFailure;
use logboom_wire::api::ApiKey;
use logboom_wire::error::{DecodeError, ErrorCode};
use logboom_wire::frame::FrameError;

use crate::command::AbortReason;
use crate::phase::Phase;

/// Why a connection has ended. Every way a peer can be refused has its own variant; the first one
/// that applies stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed between two requests.
    PeerClosed,
    /// The peer closed in the middle of a request.
    PeerClosedInFrame,
    /// The transport broke.
    Transport(ErrorKind),
    /// The TLS layer gave up.
    Tls(TlsFailure),

    /// A drain: everything that had begun was answered and sent.
    Drained,
    /// A drain ran out of time before everything was answered and sent.
    DrainTimeout,
    /// The application wanted it closed at once.
    Aborted(AbortReason),

    /// No authentication within the time for it.
    AuthTimeout,
    /// Nothing happened for too long.
    IdleTimeout,
    /// A frame was begun and not completed in time.
    FrameTimeout,
    /// The peer does not read its responses.
    WriteTimeout,
    /// No memory became free for a request.
    MemoryTimeout,

    /// The peer speaks TLS where plaintext is spoken. It was told so in plain words.
    TlsOnPlaintextPort,
    /// The peer speaks plaintext where TLS is spoken. If it has asked for a SASL mechanism, it was told
    /// so by the name of the only one.
    PlaintextOnTlsPort {
        /// What the peer calls itself, escaped and cut; empty if it has not said.
        client: String,
    },
    /// The peer speaks HTTP. It was told so in HTTP.
    HttpRequest,
    /// A frame above the limit for its phase; before authentication often no Kafka at all.
    FrameTooLarge {
        /// The size the peer announced.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A frame whose length cannot be.
    BadFrame(FrameError),
    /// A request of a known API whose header or body is malformed.
    BadRequest {
        /// The API.
        api: ApiKey,
        /// The version.
        version: i16,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// An API or version that is not advertised.
    UnsupportedApi {
        /// The API key.
        key: i16,
        /// The version.
        version: i16,
    },
    /// An API that is not allowed yet.
    ApiNotAllowed {
        /// How far the connection was.
        phase: Phase,
        /// The API.
        api: ApiKey,
    },
    /// More frames than any client needs to authenticate.
    TooManyFramesBeforeAuth {
        /// The limit.
        frames_max: usize,
    },
    /// A request that names more things to answer for than allowed.
    TooManyItems {
        /// The API.
        api: ApiKey,
        /// How many it names.
        items: usize,
        /// The limit.
        items_max: usize,
    },
    /// A response above the limit.
    ResponseTooLarge {
        /// The API.
        api: ApiKey,
        /// The size of the response.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },

    /// A SASL mechanism other than PLAIN, by the name the peer gave it, escaped and cut.
    MechanismRefused(String),
    /// SASL requests in an order that makes no sense.
    IllegalSaslState,
    /// A token that is no PLAIN message of RFC 4616.
    MalformedSaslToken,
    /// Wrong credentials.
    CredentialsRefused,
    /// Nobody could say whether the credentials are right.
    AuthUnavailable,

    /// A Produce request that wants no response failed; closing is the only way to say so.
    AcksZeroFailed(ErrorCode),
}

impl From<TlsFailure> for CloseReason {
    fn from(failure: TlsFailure) -> Self {
        Self::Tls(failure)
    }
}

impl From<FrameError> for CloseReason {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLarge { bytes, bytes_max } => Self::FrameTooLarge { bytes, bytes_max },
            FrameError::Negative { .. } | FrameError::TooSmall { .. } => Self::BadFrame(error),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerClosed => f.write_str("the peer closed"),
            Self::PeerClosedInFrame => f.write_str("the peer closed in the middle of a request"),
            Self::Transport(kind) => write!(f, "the transport broke: {kind}"),
            Self::Tls(failure) => failure.fmt(f),
            Self::Drained => f.write_str("drained"),
            Self::DrainTimeout => f.write_str("the drain ran out of time"),
            Self::Aborted(reason) => reason.fmt(f),
            Self::AuthTimeout => f.write_str("no authentication in time"),
            Self::IdleTimeout => f.write_str("idle for too long"),
            Self::FrameTimeout => f.write_str("a request was begun and not completed in time"),
            Self::WriteTimeout => f.write_str("the peer does not read its responses"),
            Self::MemoryTimeout => f.write_str("no memory became free for a request"),
            Self::TlsOnPlaintextPort => f.write_str("TLS on a plaintext port"),
            Self::PlaintextOnTlsPort { client } => {
                f.write_str("plaintext Kafka on a TLS port, stopped before any password was sent")?;
                if client.is_empty() { Ok(()) } else { write!(f, "; the client is {client}") }
            }
            Self::HttpRequest => f.write_str("HTTP on a Kafka port"),
            Self::FrameTooLarge { bytes, bytes_max } => {
                write!(f, "frame of {bytes} bytes, the limit is {bytes_max}")
            }
            Self::BadFrame(error) => error.fmt(f),
            Self::BadRequest { api, version, error } => {
                write!(f, "malformed {} request of version {version}: {error}", api.name())
            }
            Self::UnsupportedApi { key, version } => {
                write!(f, "API {key} of version {version} is not supported")
            }
            Self::ApiNotAllowed { phase, api } => {
                write!(f, "{} is not allowed in phase {phase}", api.name())
            }
            Self::TooManyFramesBeforeAuth { frames_max } => {
                write!(f, "more than {frames_max} frames before authentication")
            }
            Self::TooManyItems { api, items, items_max } => {
                write!(f, "{} request with {items} items, the limit is {items_max}", api.name())
            }
            Self::ResponseTooLarge { api, bytes, bytes_max } => {
                write!(f, "{} response of {bytes} bytes, the limit is {bytes_max}", api.name())
            }
            Self::MechanismRefused(mechanism) => {
                write!(f, "SASL mechanism \"{mechanism}\" is not supported")
            }
            Self::IllegalSaslState => f.write_str("SASL requests out of order"),
            Self::MalformedSaslToken => f.write_str("malformed SASL/PLAIN token"),
            Self::CredentialsRefused => f.write_str("wrong credentials"),
            Self::AuthUnavailable => f.write_str("credentials could not be checked"),
            Self::AcksZeroFailed(error) => {
                write!(f, "a Produce request with acks=0 failed: {error}")
            }
        }
    }
}

impl std::error::Error for CloseReason {}
