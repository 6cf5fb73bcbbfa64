use logboom_conn::{AbortReason, CloseReason, RefusedRequest};
use logboom_sans_io::TlsFailure;
use logboom_wire::error::ErrorCode;

use crate::Code;

/// TLS alerts by which a peer says that it does not accept the certificate (RFC 8446, section 6.2):
/// `bad_certificate`, `unsupported_certificate`, `certificate_revoked`, `certificate_expired`,
/// `certificate_unknown` and `unknown_ca`; and `decrypt_error`, which says that a signature is wrong:
/// clients send it that know another authority of the same name.
const CERTIFICATE_ALERTS: [u8; 7] = [42, 43, 44, 45, 46, 48, 51];

/// The code of a close that is a refusal, and of none that was reported when it was decided or is
/// the peer's own wish.
pub(crate) fn code(reason: &CloseReason) -> Option<Code> {
    Some(match reason {
        CloseReason::PeerClosed
        | CloseReason::PeerClosedInFrame
        | CloseReason::Transport(_)
        | CloseReason::Drained
        | CloseReason::DrainTimeout
        | CloseReason::CredentialsRefused
        | CloseReason::AuthUnavailable
        | CloseReason::AcksZeroFailed(_)
        | CloseReason::Aborted(AbortReason::Shutdown | AbortReason::Other(_)) => return None,
        CloseReason::Aborted(AbortReason::KeyRevoked) => Code::KeyRevoked,
        CloseReason::Tls(failure) => return tls_code(failure),
        CloseReason::PlaintextOnTlsPort { .. } => Code::PlaintextOnTls,
        CloseReason::TlsOnPlaintextPort => Code::TlsOnPlaintext,
        CloseReason::HttpRequest => Code::Http,
        CloseReason::AuthTimeout => Code::LoginTimeout,
        CloseReason::IdleTimeout | CloseReason::FrameTimeout | CloseReason::WriteTimeout => {
            Code::PeerTimeout
        }
        CloseReason::MemoryTimeout => Code::MemoryTimeout,
        CloseReason::FrameTooLarge { .. }
        | CloseReason::TooManyItems { .. }
        | CloseReason::ResponseTooLarge { .. } => Code::FrameTooLarge,
        CloseReason::BadFrame(_) | CloseReason::BadRequest { .. } => Code::MalformedFrame,
        CloseReason::UnsupportedApi { .. } => Code::UnsupportedApi,
        CloseReason::ApiNotAllowed { .. } => Code::LoginFirst,
        CloseReason::TooManyFramesBeforeAuth { .. } => Code::TooManyBeforeLogin,
        CloseReason::MechanismRefused(_) => Code::Mechanism,
        CloseReason::IllegalSaslState => Code::IllegalSaslState,
        CloseReason::MalformedSaslToken => Code::MalformedToken,
    })
}

/// The code of a request that the connection has refused by itself.
pub(crate) const fn code_of_refused(refused: &RefusedRequest) -> Code {
    match refused.error {
        ErrorCode::InvalidRequiredAcks => Code::Acks,
        ErrorCode::IllegalSaslState => Code::IllegalSaslState,
        _ => Code::UnsupportedApi,
    }
}

/// A peer that leaves in the middle of a handshake has refused nothing: port scans and load
/// balancers do it all day.
fn tls_code(failure: &TlsFailure) -> Option<Code> {
    Some(match failure {
        TlsFailure::EndedInHandshake => return None,
        TlsFailure::NotTls { first_bytes } if is_http(first_bytes) => Code::Http,
        TlsFailure::NotTls { .. } => Code::PlaintextOnTls,
        TlsFailure::PeerAlert { description } if CERTIFICATE_ALERTS.contains(description) => {
            Code::CertificateRefused
        }
        _ => Code::TlsHandshake,
    })
}

fn is_http(first_bytes: &[u8; 8]) -> bool {
    [&b"GET "[..], b"POST ", b"HEAD ", b"PUT ", b"PRI ", b"OPTIONS "]
        .iter()
        .any(|method| first_bytes.starts_with(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_trust_the_certificate_is_told_apart_from_one_without_tls() {
        let plaintext = TlsFailure::NotTls { first_bytes: [0, 0, 0, 36, 0, 18, 0, 3] };
        assert_eq!(code(&plaintext.into()), Some(Code::PlaintextOnTls));
        let http = TlsFailure::NotTls { first_bytes: *b"GET / HT" };
        assert_eq!(code(&http.into()), Some(Code::Http));
        let unknown_ca = TlsFailure::PeerAlert { description: 48 };
        assert_eq!(code(&unknown_ca.into()), Some(Code::CertificateRefused));
    }

    #[test]
    fn a_peer_that_leaves_is_not_refused() {
        assert_eq!(code(&CloseReason::PeerClosed), None);
        assert_eq!(code(&TlsFailure::EndedInHandshake.into()), None);
    }
}
