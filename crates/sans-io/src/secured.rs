use crate::Machine;

/// A machine that can live inside a TLS layer.
///
/// The layer around it has the same face as the machine itself, so the only things that pass
/// between the two are these: what the handshake found out, and how it failed.
pub trait OnSecured: Machine<Closed: From<TlsFailure>> {
    /// Takes note that the TLS handshake is complete. `server_name` is the SNI the peer sent
    /// (RFC 6066, section 3), lower case; clients that connect to an address send none.
    fn handle_secured(&mut self, server_name: Option<&str>);

    /// The peer does not speak TLS: these are its first bytes, zero where it sent fewer. Whether the
    /// machine wants to tell it so in its own protocol.
    ///
    /// If so, the layer steps aside and the machine gets everything from the first byte on, in clear.
    /// It must serve nothing, and ask for nothing secret. By default the layer closes without a byte.
    fn handle_unsecured(&mut self, first_bytes: [u8; 8]) -> bool {
        let _nothing_to_say = first_bytes;
        false
    }
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
    /// The peer gave up with an alert, before or after the end of the handshake: typically it
    /// does not trust the certificate.
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
    /// A TLS 1.2 connection has sent as many records as its keys may protect, and this version
    /// cannot renew them. The client has only to connect again.
    KeysExhausted,
}

impl std::fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotTls { .. } => f.write_str("the peer does not speak TLS"),
            Self::Handshake { reason } => write!(f, "TLS handshake failed: {reason}"),
            Self::PeerAlert { description } => {
                write!(f, "the peer gave up TLS with alert {description}")?;
                alert_name(*description).map_or(Ok(()), |name| write!(f, " ({name})"))
            }
            Self::Corrupt { reason } => write!(f, "bad TLS record: {reason}"),
            Self::EndedInHandshake => f.write_str("the stream ended inside the TLS handshake"),
            Self::KeysExhausted => f.write_str("the keys of the TLS 1.2 connection are worn out"),
        }
    }
}

impl std::error::Error for TlsFailure {}

/// The name of an alert that a client sends, as RFC 8446, section 6 writes it.
fn alert_name(description: u8) -> Option<&'static str> {
    Some(match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        90 => "user_canceled",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_told_by_number_and_name() {
        let told = |description| TlsFailure::PeerAlert { description }.to_string();
        assert_eq!(told(48), "the peer gave up TLS with alert 48 (unknown_ca)");
        assert_eq!(told(201), "the peer gave up TLS with alert 201");
    }
}
