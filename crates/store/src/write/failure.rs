//! The two ways in which a change of the disk can fail.

use std::io;

use crate::error::{AppendError, CatalogueError, IoFailure, Poison};

/// Why something was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing of the store was touched; it can be tried again.
    Refused(IoFailure),
    /// It is unknown what is on the device.
    Fatal(Poison),
}

impl Failure {
    pub(crate) fn refused(error: io::Error) -> Self {
        Self::Refused(error.into())
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Refused(failure) if failure.is_full())
    }
}

/// The error for an operation after whose failure nothing is known.
pub(crate) fn poison(operation: &'static str, file: &str) -> impl FnOnce(io::Error) -> Poison {
    move |error| Poison { operation, file: file.to_owned(), failure: error.into() }
}

/// The error for a group whose commit was begun and not ended, because of a panic.
pub(crate) fn abandoned() -> Poison {
    let failure = IoFailure { kind: io::ErrorKind::Other, os_error: None };
    Poison { operation: "finish a commit in", file: String::new(), failure }
}

impl From<Poison> for Failure {
    fn from(poison: Poison) -> Self {
        Self::Fatal(poison)
    }
}

impl IoFailure {
    /// Whether the disk, or the share of it this process may use, is full.
    pub(crate) fn is_full(self) -> bool {
        matches!(self.kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

impl From<Failure> for AppendError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(failure) if failure.is_full() => Self::NoSpace,
            Failure::Refused(failure) => Self::Unavailable(failure),
            Failure::Fatal(poison) => Self::Poisoned(poison),
        }
    }
}

impl From<Failure> for CatalogueError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(failure) if failure.is_full() => Self::NoSpace,
            Failure::Refused(failure) => Self::Unavailable(failure),
            Failure::Fatal(poison) => Self::Poisoned(poison),
        }
    }
}
