use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// What the text form of a [`SecretHash`] starts with.
const SCHEME: &str = "sha256:";

/// The secret half of an access key, in the clear.
///
/// It exists between its generation and the moment it is shown or hashed. It can be neither
/// printed nor compared: `Debug` says `***`, and there is no `Display`.
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself. Every call is a place where it may leak: keep them few.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// SHA-256 of a salt and a secret behind it: what is kept of a secret.
///
/// One round is enough because secrets are generated, not chosen: there is nothing to guess
/// through. The salt keeps equal secrets from having equal hashes.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash {
    salt: [u8; Self::SALT_BYTES],
    digest: [u8; Self::DIGEST_BYTES],
}

impl SecretHash {
    /// The length of a salt, in bytes.
    pub const SALT_BYTES: usize = 16;
    /// The length of a digest, in bytes.
    const DIGEST_BYTES: usize = 32;

    /// A hash that no secret is known to have. It takes the place of a missing one, so that
    /// refusing an unknown key costs the same work as refusing a wrong secret.
    pub(crate) const OF_NOBODY: Self =
        Self { salt: [0; Self::SALT_BYTES], digest: [0; Self::DIGEST_BYTES] };

    /// Hashes a secret. `salt` is random, or at least different for every secret.
    #[must_use]
    pub fn new(secret: &Secret, salt: [u8; Self::SALT_BYTES]) -> Self {
        Self { salt, digest: digest(&salt, secret.expose().as_bytes()) }
    }

    /// A salt made from text, for a configuration that holds a secret in the clear.
    ///
    /// A random salt would give another hash each time the same configuration is read, and
    /// [`Directory::still_valid`](crate::Directory::still_valid) would take that for a new secret.
    /// The id of the access key is a good `text`.
    #[must_use]
    pub fn salt_from(text: &str) -> [u8; Self::SALT_BYTES] {
        let mut salt = [0; Self::SALT_BYTES];
        salt.copy_from_slice(&Sha256::digest(text.as_bytes())[..Self::SALT_BYTES]);
        salt
    }

    /// Reads the text form: `sha256:`, the salt and the digest in hexadecimal digits, with a colon
    /// between them.
    ///
    /// # Errors
    ///
    /// If it is anything else. The error does not repeat the text: it may be a secret that was
    /// put in the wrong place.
    pub fn parse(text: &str) -> Result<Self, SecretHashError> {
        let rest = text.strip_prefix(SCHEME).ok_or(SecretHashError::Scheme)?;
        let (salt, digest) = rest.split_once(':').ok_or(SecretHashError::Parts)?;
        Ok(Self {
            salt: from_hex(salt).ok_or(SecretHashError::Salt)?,
            digest: from_hex(digest).ok_or(SecretHashError::Digest)?,
        })
    }

    /// The text form. A method and not `Display`, so that no hash is printed by accident.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{SCHEME}{}:{}", to_hex(&self.salt), to_hex(&self.digest))
    }

    /// Whether `candidate` is the secret, in a time that depends on the length of `candidate`
    /// alone.
    #[must_use]
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.compare(candidate).into()
    }

    /// [`matches`](Self::matches), for callers that must not branch yet.
    pub(crate) fn compare(&self, candidate: &[u8]) -> Choice {
        digest(&self.salt, candidate).ct_eq(&self.digest)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a text is not a [`SecretHash`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretHashError {
    /// It does not start with `sha256:`.
    Scheme,
    /// It has no colon between salt and digest.
    Parts,
    /// The salt is not 32 hexadecimal digits.
    Salt,
    /// The digest is not 64 hexadecimal digits.
    Digest,
}

impl SecretHashError {
    /// The stable code of this mistake in a configuration.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "LB0111"
    }
}

impl fmt::Display for SecretHashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the hash of a secret starts with `sha256:`",
            Self::Parts => "the hash of a secret is sha256:SALT:DIGEST",
            Self::Salt => "the salt of a secret is 32 hexadecimal digits",
            Self::Digest => "the digest of a secret is 64 hexadecimal digits",
        })
    }
}

impl std::error::Error for SecretHashError {}

fn digest(salt: &[u8], secret: &[u8]) -> [u8; SecretHash::DIGEST_BYTES] {
    Sha256::new().chain_update(salt).chain_update(secret).finalize().into()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let high = char::from(digits[0]).to_digit(16)?;
        let low = char::from(digits[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_the_secret_matches(secret in "\\PC{1,40}", other in "\\PC{0,40}", salt: [u8; 16]) {
            let hash = SecretHash::new(&Secret::new(secret.as_str()), salt);
            prop_assert!(hash.matches(secret.as_bytes()));
            prop_assert_eq!(hash.matches(other.as_bytes()), secret == other);
        }

        #[test]
        fn the_text_form_reads_back(secret in "\\PC{1,40}", salt: [u8; 16]) {
            let hash = SecretHash::new(&Secret::new(secret), salt);
            prop_assert_eq!(SecretHash::parse(&hash.to_text()), Ok(hash));
        }

        #[test]
        fn hostile_text_is_refused_without_a_panic(text in "(sha256:)?\\PC{0,120}") {
            prop_assert!(SecretHash::parse(&text).is_err());
        }
    }

    #[test]
    fn the_digest_is_sha_256_of_salt_and_secret() {
        // (head -c16 /dev/zero; printf abc) | sha256sum
        let hash = SecretHash::new(&Secret::new("abc"), [0; 16]);
        assert_eq!(
            hash.to_text(),
            "sha256:00000000000000000000000000000000:\
             277e7ff6d232b9763f4a66e8d05d210da32dac9c6dbce1026ad4cc98acb5fefe"
        );
    }

    #[test]
    fn a_bad_text_is_told_what_is_missing() {
        let digest = "0".repeat(64);
        assert_eq!(SecretHash::parse("plain"), Err(SecretHashError::Scheme));
        assert_eq!(SecretHash::parse("sha256:00"), Err(SecretHashError::Parts));
        assert_eq!(SecretHash::parse(&format!("sha256:0:{digest}")), Err(SecretHashError::Salt));
        assert_eq!(
            SecretHash::parse(&format!("sha256:{}:{digest}0", "0".repeat(32))),
            Err(SecretHashError::Digest)
        );
    }

    #[test]
    fn one_text_always_gives_one_salt() {
        assert_eq!(SecretHash::salt_from("LTAI1"), SecretHash::salt_from("LTAI1"));
        assert_ne!(SecretHash::salt_from("LTAI1"), SecretHash::salt_from("LTAI2"));
    }

    #[test]
    fn debug_prints_neither_a_secret_nor_its_hash() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(format!("{:?}", SecretHash::new(&secret, [1; 16])), "***");
    }
}
