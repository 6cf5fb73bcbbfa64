use std::fmt;

use crate::recv::wipe;

/// The one SASL mechanism.
pub(crate) const PLAIN: &str = "PLAIN";

/// The name by which a client without TLS learns what to change, since most of them show it. 24 bytes:
/// librdkafka cuts at 32.
pub(crate) const PLAIN_OVER_TLS: &str = "PLAIN over SASL_SSL only";

/// A password. It has no printed form, and its memory is overwritten when it is dropped.
pub struct Secret(Vec<u8>);

impl Secret {
    /// The bytes of the password, to compare them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a PLAIN token says (RFC 4616).
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) username: String,
    pub(crate) password: Secret,
}

impl Plain {
    /// Takes a token apart: `[authzid] NUL authcid NUL passwd`.
    ///
    /// Clients leave the identity to act as empty or repeat the user name there. Any other is
    /// refused: acting as somebody else does not exist here (CVE-2017-12610). Name and password must
    /// not be empty, as the RFC demands.
    pub(crate) fn parse(token: &[u8]) -> Option<Self> {
        let mut parts = token.split(|byte| *byte == 0);
        let (authzid, authcid, password) = (parts.next()?, parts.next()?, parts.next()?);
        let whole = parts.next().is_none() && !authcid.is_empty() && !password.is_empty();
        let as_itself = authzid.is_empty() || authzid == authcid;
        let username = std::str::from_utf8(authcid).ok()?.to_owned();
        std::str::from_utf8(password).ok()?;
        (whole && as_itself).then(|| Self { username, password: Secret::from(password) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(token: &[u8]) -> Option<(String, Vec<u8>)> {
        Plain::parse(token).map(|plain| (plain.username, plain.password.expose().to_vec()))
    }

    #[test]
    fn the_identity_to_act_as_is_empty_or_the_user() {
        let expected = Some(("acme".to_owned(), b"id#secret".to_vec()));
        assert_eq!(parsed(b"\0acme\0id#secret"), expected);
        assert_eq!(parsed(b"acme\0acme\0id#secret"), expected);
        assert_eq!(parsed(b"root\0acme\0id#secret"), None);
    }

    #[test]
    fn passwords_may_be_any_text() {
        let password = "a#b \u{e9}\u{1f600}";
        let token = format!("\0acme\0{password}");
        assert_eq!(parsed(token.as_bytes()), Some(("acme".to_owned(), password.into())));
    }

    #[test]
    fn what_is_no_plain_token_is_refused() {
        let tokens: [&[u8]; 8] = [
            b"",
            b"acme",
            b"\0acme",
            b"\0acme\0",
            b"\0\0id#secret",
            b"\0acme\0id#secret\0",
            b"\0\xff\0id#secret",
            b"\0acme\0\xff",
        ];
        for token in tokens {
            assert_eq!(parsed(token), None, "{}", token.escape_ascii());
        }
    }

    #[test]
    fn a_secret_has_no_printed_form() {
        let plain = Plain::parse(b"\0acme\0id#secret").unwrap();
        assert!(!format!("{plain:?}").contains("id#secret"));
    }
}
