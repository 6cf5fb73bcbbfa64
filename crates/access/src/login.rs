use std::fmt;

use crate::access_key::AccessKeyId;
use crate::name::ProjectName;

/// Why a login was refused.
///
/// The variants are for the server's own log. A client gets [`client_message`], which depends on
/// what it sent and never on what the server knows. Nothing here repeats a password or a part of
/// one: a key id is only named if it is the id of a key that exists.
///
/// [`client_message`]: Self::client_message
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginError {
    /// The password has no `#`.
    NoHash {
        /// The key whose id is exactly the password.
        known_key: Option<AccessKeyId>,
    },
    /// The password has nothing before its first `#`, or nothing behind it.
    EmptyHalf {
        /// The key whose id stands before the `#`.
        known_key: Option<AccessKeyId>,
    },
    /// No project has the user name as its name.
    UnknownProject {
        /// The key whose id stands before the `#`.
        known_key: Option<AccessKeyId>,
    },
    /// No key has this id.
    UnknownKey,
    /// The key exists, but belongs to another project.
    KeyOfAnotherProject {
        /// The key.
        key: AccessKeyId,
        /// The project it belongs to.
        owner: ProjectName,
    },
    /// The key exists and belongs to the project, and the secret is not one of its live ones.
    WrongSecret {
        /// The key.
        key: AccessKeyId,
    },
}

/// What a refused password looks like. Never says "a secret", even if it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LooksLike {
    /// It is exactly the id of a key: the `#` and the secret are missing.
    AccessKeyId,
    /// Nothing that is known.
    NothingKnown,
}

impl LooksLike {
    /// The value for a log field.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessKeyId => "access_key_id",
            Self::NothingKnown => "nothing_known",
        }
    }
}

impl LoginError {
    /// The stable code: `LB0402` if the password has the wrong form, `LB0401` for everything else.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoHash { .. } | Self::EmptyHalf { .. } => "LB0402",
            Self::UnknownProject { .. }
            | Self::UnknownKey
            | Self::KeyOfAnotherProject { .. }
            | Self::WrongSecret { .. } => "LB0401",
        }
    }

    /// What the client is told: one line of ASCII, short enough for the buffers of client
    /// libraries (librdkafka has 512 bytes).
    ///
    /// Everything that depends on what exists has the same message, so that nobody can find out
    /// project names or key ids by trying.
    #[must_use]
    pub const fn client_message(&self) -> &'static str {
        match self {
            Self::NoHash { .. } => {
                "Authentication failed: the password must be AccessKeyID#AccessKeySecret, but no \
                 '#' arrived. If your configuration format treats # as a comment, put the password \
                 in quotes. [LB0402]"
            }
            Self::EmptyHalf { .. } => {
                "Authentication failed: the password must be AccessKeyID#AccessKeySecret, but one \
                 side of the '#' is empty. [LB0402]"
            }
            Self::UnknownProject { .. }
            | Self::UnknownKey
            | Self::KeyOfAnotherProject { .. }
            | Self::WrongSecret { .. } => {
                "Authentication failed: unknown project, key or secret. The log of the server says \
                 which. [LB0401]"
            }
        }
    }

    /// The key that the client seems to mean, if there is such a key.
    #[must_use]
    pub const fn known_key(&self) -> Option<&AccessKeyId> {
        match self {
            Self::NoHash { known_key }
            | Self::EmptyHalf { known_key }
            | Self::UnknownProject { known_key } => known_key.as_ref(),
            Self::UnknownKey => None,
            Self::KeyOfAnotherProject { key, .. } | Self::WrongSecret { key } => Some(key),
        }
    }

    /// What the password as a whole looks like.
    #[must_use]
    pub const fn looks_like(&self) -> LooksLike {
        match self {
            Self::NoHash { known_key: Some(_) } => LooksLike::AccessKeyId,
            _ => LooksLike::NothingKnown,
        }
    }

    /// What the operator can do about it, or tell the owner of the client.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::NoHash { known_key: Some(_) } => {
                "password must be AccessKeyID#AccessKeySecret; the part after '#' is missing"
            }
            Self::NoHash { known_key: None } => {
                "password must be AccessKeyID#AccessKeySecret; in many formats it needs quotes"
            }
            Self::EmptyHalf { .. } => {
                "password must be AccessKeyID#AccessKeySecret, both not empty"
            }
            Self::UnknownProject { .. } => "user name must be the name of a project",
            Self::UnknownKey => "part before '#' must be the id of an access key that still exists",
            Self::KeyOfAnotherProject { .. } => "user name must be the project the key belongs to",
            Self::WrongSecret { .. } => "part after '#' must be a live secret of the key",
        }
    }
}

/// For the server's log; a client gets [`LoginError::client_message`].
impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHash { .. } => f.write_str("the password has no '#'"),
            Self::EmptyHalf { .. } => f.write_str("one side of the '#' in the password is empty"),
            Self::UnknownProject { .. } => f.write_str("no such project"),
            Self::UnknownKey => f.write_str("no such access key"),
            Self::KeyOfAnotherProject { owner, .. } => {
                write!(f, "the access key belongs to project {owner}")
            }
            Self::WrongSecret { .. } => f.write_str("wrong secret"),
        }
    }
}

impl std::error::Error for LoginError {}
