use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::name::ProjectName;
use crate::policy::Policy;
use crate::secret::{Secret, SecretHash};

/// The longest id of an access key, in characters.
const ID_CHARS_MAX: usize = 64;

/// The characters of generated ids and secrets. Letters and digits alone survive every
/// configuration format without quotes.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The length of a generated id, in characters: 71 bits.
const GENERATED_ID_CHARS: usize = 12;
/// The length of half a generated secret, in characters; all of it has 178 bits.
const GENERATED_HALF_CHARS: usize = 15;

/// An access key: what a producer logs in with, and what it may do.
///
/// It belongs to one project. Even a policy for every resource gives it no right in another.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// The public half, unique among all access keys.
    pub id: AccessKeyId,
    /// The only project it can log in to.
    pub project: ProjectName,
    /// One live secret, or two while clients move from the old one to the new one.
    pub secrets: Vec<SecretHash>,
    /// What it may do. Without a policy it may do nothing.
    pub policies: Vec<Policy>,
}

impl AccessKey {
    /// How many secrets of a key can be live at once.
    pub const SECRETS_MAX: usize = 2;
    /// How much randomness [`generate`](Self::generate) takes, in bytes.
    pub const ENTROPY_BYTES: usize = 48;

    /// Makes an id and a secret of letters and digits from randomness.
    ///
    /// The result is as good as `entropy`: take it from the operating system, and use it once.
    #[must_use]
    pub fn generate(entropy: [u8; Self::ENTROPY_BYTES]) -> (AccessKeyId, Secret) {
        // Each part takes far more bits than its characters hold, so the remainders of the
        // division are even to within 2^-38.
        let mut numbers = entropy.chunks_exact(16).map(|bytes| {
            bytes.iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte))
        });
        let mut text = |chars: usize| -> String {
            let mut number = numbers.next().unwrap_or_default();
            let digits = std::iter::repeat_with(|| {
                let digit = number % 62;
                number /= 62;
                char::from(ALPHABET[digit as usize])
            });
            digits.take(chars).collect()
        };
        let id = AccessKeyId(Arc::from(text(GENERATED_ID_CHARS)));
        let secret = text(GENERATED_HALF_CHARS) + &text(GENERATED_HALF_CHARS);
        (id, Secret::new(secret))
    }
}

/// The public half of an access key: 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
///
/// It contains no `#`, so that the first `#` of a password always ends it. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(Arc<str>);

impl AccessKeyId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccessKeyId {
    type Err = AccessKeyIdError;

    fn from_str(text: &str) -> Result<Self, AccessKeyIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(AccessKeyIdError)
        }
    }
}

/// So that a map of ids can be searched with text that may be no id at all.
impl Borrow<str> for AccessKeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// A text is not the id of an access key. It does not repeat the text, which may be a secret that
/// was put in the wrong place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessKeyIdError;

impl AccessKeyIdError {
    /// The stable code of this mistake in a configuration.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "LB0109"
    }
}

impl fmt::Display for AccessKeyIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the id of an access key is 1 to {ID_CHARS_MAX} of A-Z, a-z, 0-9, `.`, `_`, `-`")
    }
}

impl std::error::Error for AccessKeyIdError {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn generate(seed: u64) -> (AccessKeyId, Secret) {
        // A small mixing function is enough to spread the bits of a counter.
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut entropy = [0; AccessKey::ENTROPY_BYTES];
        for byte in &mut entropy {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            *byte = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8;
        }
        AccessKey::generate(entropy)
    }

    proptest! {
        #[test]
        fn generated_halves_are_letters_and_digits(
            entropy in proptest::array::uniform32(any::<u8>()),
            more in proptest::array::uniform16(any::<u8>()),
        ) {
            let mut all = [0; AccessKey::ENTROPY_BYTES];
            all[..32].copy_from_slice(&entropy);
            all[32..].copy_from_slice(&more);
            let (id, secret) = AccessKey::generate(all);
            prop_assert_eq!(id.as_str().len(), 12);
            prop_assert_eq!(secret.expose().len(), 30);
            prop_assert!(id.as_str().bytes().all(|b| b.is_ascii_alphanumeric()));
            prop_assert!(secret.expose().bytes().all(|b| b.is_ascii_alphanumeric()));
            prop_assert_eq!(id.as_str().parse::<AccessKeyId>(), Ok(id.clone()));
        }
    }

    #[test]
    fn every_bit_of_the_entropy_counts() {
        let text = |entropy| {
            let (id, secret) = AccessKey::generate(entropy);
            format!("{id}#{}", secret.expose())
        };
        let zero = text([0; AccessKey::ENTROPY_BYTES]);
        for byte in 0..AccessKey::ENTROPY_BYTES {
            // The top bits of each number fall beyond the last character: test the lowest byte.
            if byte % 16 >= 6 {
                let mut entropy = [0; AccessKey::ENTROPY_BYTES];
                entropy[byte] = 1;
                assert_ne!(text(entropy), zero, "byte {byte}");
            }
        }
    }

    #[test]
    fn the_characters_are_evenly_spread() {
        let mut counts = BTreeMap::<char, u32>::new();
        let rounds = 5_000;
        for seed in 1..=rounds {
            let (id, secret) = generate(seed);
            for c in id.as_str().chars().chain(secret.expose().chars()) {
                *counts.entry(c).or_default() += 1;
            }
        }
        let expected = f64::from(u32::try_from(rounds).expect("small") * 42) / 62.0;
        assert_eq!(counts.len(), 62);
        for (c, count) in counts {
            assert!((f64::from(count) / expected - 1.0).abs() < 0.1, "{c} came {count} times");
        }
    }

    #[test]
    fn ids_of_other_services_are_accepted_and_hashes_are_not() {
        for id in ["LTAI4hXw9Qp", "STS.NUgY-x_1", "a"] {
            assert!(id.parse::<AccessKeyId>().is_ok(), "{id}");
        }
        for id in ["", "a#b", "a b", "ä", &"x".repeat(65)] {
            assert!(id.parse::<AccessKeyId>().is_err(), "{id}");
        }
    }
}
