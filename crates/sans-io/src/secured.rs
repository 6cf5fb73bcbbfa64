use crate::Machine;

/// A machine that can live inside a TLS layer.
///
/// The layer around it has the same face as the machine itself, so the only things that pass
/// between the two are these: what the handshake found out, and how it failed.
pub trait OnSecured: Machine<Closed: From<TlsFailure>> {
    /// Takes note that the TLS handshake is complete. `server_name` is the SNI the peer sent
    /// (RFC 6066, section 3), lower case; clients that connect to an address send none.
    fn handle_secured(&mut self, server_name: Option<&str>);
}

/// Why a TLS layer gave up on its peer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The first bytes are no TLS record: plaintext on a TLS port. No alert was sent, because
    /// Kafka clients read an alert as the length of a huge frame.
    NotTls {
        /// The first eight bytes of the peer, zero where it sent fewer.
        first_bytes: [u8; 8],
    },
    /// The handshake cannot succeed, for instance for want of a common version or cipher suite.
    Handshake {
        /// What was wrong, in words that contain nothing secret.
        reason: String,
    },
    /// The peer refused with an alert: typically it does not trust the certificate.
    PeerAlert {
        /// The description number of the alert (RFC 8446, section 6).
        description: u8,
    },
    /// Undecryptable or malformed records after the handshake.
    Corrupt {
        /// What was wrong, in words that contain nothing secret.
        reason: String,
    },
    /// The stream ended inside the handshake.
    EndedInHandshake,
}

impl std::fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotTls { .. } => f.write_str("the peer does not speak TLS"),
            Self::Handshake { reason } => write!(f, "TLS handshake failed: {reason}"),
            Self::PeerAlert { description } => {
                write!(f, "the peer refused the TLS handshake with alert {description}")
            }
            Self::Corrupt { reason } => write!(f, "bad TLS record: {reason}"),
            Self::EndedInHandshake => f.write_str("the stream ended inside the TLS handshake"),
        }
    }
}

impl std::error::Error for TlsFailure {}
