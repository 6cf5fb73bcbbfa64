use std::fmt::Write as _;
use std::sync::Arc;

/// How many bytes are kept of anything a client says about itself, escapes included.
const SHOWN_BYTES_MAX: usize = 255;

/// What a client says about itself. Nothing of it is verified; everything is escaped and cut to 255
/// bytes, so that it is fit for a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The name of the client library (ApiVersions from version 3, KIP-511).
    pub software_name: Option<String>,
    /// The version of the client library.
    pub software_version: Option<String>,
    /// The client id of the last request header before the end of authentication.
    pub client_id: Option<String>,
    /// The name by which the client reached this server: the SNI of its TLS handshake, or what
    /// [`Peer`](crate::Peer) said.
    pub server_name: Option<Arc<str>>,
}

/// Bytes of a stranger as printable ASCII.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let escape = byte.escape_ascii();
        if text.len() + escape.len() > SHOWN_BYTES_MAX {
            break;
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{escape}");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_cannot_forge_a_log_line() {
        assert_eq!(shown(b"librdkafka"), "librdkafka");
        assert_eq!(shown(b"x\r\nINFO all fine\x1b[2J"), "x\\r\\nINFO all fine\\x1b[2J");
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_short_and_printable(bytes: Vec<u8>) {
            let shown = shown(&bytes);
            prop_assert!(shown.len() <= SHOWN_BYTES_MAX);
            prop_assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
