use logboom_wire::frame::PREFIX_BYTES;

use crate::close::CloseReason;

/// A protocol that people point at a Kafka port by mistake, known by its first bytes. As the length
/// of a frame they would be hundreds of megabytes, so no Kafka client is taken for one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    Tls,
    Http,
}

impl Foreign {
    /// What the first bytes of a connection are, if they are not Kafka. Inside TLS there is no
    /// second TLS.
    pub(crate) fn detect(first: [u8; PREFIX_BYTES], secured: bool) -> Option<Self> {
        match &first {
            // A handshake record of any version (RFC 8446, section 5.1).
            [0x16, 0x03, ..] if !secured => Some(Self::Tls),
            b"GET " | b"POST" | b"HEAD" | b"PUT " | b"OPTI" | b"PRI " => Some(Self::Http),
            _ => None,
        }
    }

    /// What the person who made the mistake is told.
    pub(crate) const fn courtesy(self) -> &'static str {
        match self {
            Self::Tls => {
                "logboom: this port speaks plaintext Kafka, not TLS. \
                 Set security.protocol=SASL_PLAINTEXT, or use the TLS port. [LB0312]\n"
            }
            Self::Http => concat!(
                "HTTP/1.1 400 Bad Request\r\n",
                "Content-Type: text/plain\r\n",
                "Connection: close\r\n",
                "\r\n",
                "logboom: this port speaks Kafka, not HTTP. [LB0313]\n",
            ),
        }
    }

    pub(crate) const fn reason(self) -> CloseReason {
        match self {
            Self::Tls => CloseReason::TlsOnPlaintextPort,
            Self::Http => CloseReason::HttpRequest,
        }
    }
}
