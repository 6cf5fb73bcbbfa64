use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The shortest name of a project or Logstore, in characters.
const NAME_CHARS_MIN: usize = 2;
/// The longest name of a project or Logstore, in characters.
const NAME_CHARS_MAX: usize = 63;

/// A name that follows `[a-z0-9][a-z0-9_-]{1,62}`, and the traits that names need.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// It follows `[a-z0-9][a-z0-9_-]{1,62}`. Cloning is cheap.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(Arc::from(text)))
            }
        }

        /// So that a map of names can be searched with text that may be no name at all.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name! {
    /// The name of a project: what a client sends as its SASL user name.
    ProjectName
}

name! {
    /// The name of a Logstore, without the `.json` that a topic may carry.
    LogstoreName
}

/// Why a text is not the name of a project or Logstore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// Fewer than 2 or more than 63 characters.
    Length {
        /// How many characters there were.
        chars: usize,
    },
    /// It begins with something else than a lower-case letter or a digit.
    FirstCharacter {
        /// What it begins with.
        found: char,
    },
    /// It contains something else than lower-case letters, digits, `_` and `-`.
    Character {
        /// The first such character.
        found: char,
    },
}

impl NameError {
    /// The stable code of this mistake in a configuration.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "LB0109"
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { chars } => {
                write!(f, "a name has {NAME_CHARS_MIN} to {NAME_CHARS_MAX} characters, not {chars}")
            }
            Self::FirstCharacter { found } => {
                write!(f, "a name starts with a-z or 0-9, not with {found:?}")
            }
            Self::Character { found } => {
                write!(f, "a name consists of a-z, 0-9, _ and -, without {found:?}")
            }
        }
    }
}

impl std::error::Error for NameError {}

fn check(text: &str) -> Result<(), NameError> {
    // Characters come before the length: for `Nginx.log` the letters are the better advice.
    let mut chars = text.chars();
    match chars.next() {
        None => return Err(NameError::Length { chars: 0 }),
        Some('a'..='z' | '0'..='9') => {}
        Some(found) => return Err(NameError::FirstCharacter { found }),
    }
    if let Some(found) = chars.find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_' | '-')) {
        return Err(NameError::Character { found });
    }
    if (NAME_CHARS_MIN..=NAME_CHARS_MAX).contains(&text.len()) {
        Ok(())
    } else {
        Err(NameError::Length { chars: text.len() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_name_of_the_rule_is_accepted(text in "[a-z0-9][a-z0-9_-]{1,62}") {
            let name: LogstoreName = text.parse().expect("a good name");
            prop_assert_eq!(name.as_str(), &text);
            prop_assert_eq!(name.to_string(), text);
        }

        #[test]
        fn no_other_text_is_accepted(text in "\\PC{0,70}|[a-z0-9_.-]{0,70}") {
            let good = (2..=63).contains(&text.len())
                && text.bytes().all(|b| b"abcdefghijklmnopqrstuvwxyz0123456789_-".contains(&b))
                && !text.starts_with(['_', '-']);
            prop_assert_eq!(text.parse::<ProjectName>().is_ok(), good);
        }
    }

    #[test]
    fn the_error_names_what_is_wrong() {
        let error = |text: &str| text.parse::<ProjectName>().expect_err("a bad name");
        assert_eq!(error(""), NameError::Length { chars: 0 });
        assert_eq!(error("x"), NameError::Length { chars: 1 });
        assert_eq!(error(&"x".repeat(64)), NameError::Length { chars: 64 });
        assert_eq!(error("-x"), NameError::FirstCharacter { found: '-' });
        assert_eq!(error("a/b"), NameError::Character { found: '/' });
        assert_eq!(error("a.json"), NameError::Character { found: '.' });
    }

    #[test]
    fn control_characters_of_a_client_do_not_reach_a_log_raw() {
        let error = "ab\u{1b}[2J".parse::<LogstoreName>().expect_err("a bad name");
        assert!(!error.to_string().contains('\u{1b}'));
    }
}
