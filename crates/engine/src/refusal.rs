use std::borrow::Cow;

use logboom_wire::error::ErrorCode;
use logboom_wire::response::PartitionOutcome;

use crate::Code;

/// What a topic or a partition is refused with: the error for the client, the code and the words
/// for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: ErrorCode,
    pub(crate) code: Code,
    /// Contains no secret, and names of the peer only through [`shown`].
    pub(crate) detail: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(error: ErrorCode, code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { error, code, detail: detail.into() }
    }

    /// The outcome of a refused partition. Its words reach clients from Produce version 8 on
    /// (KIP-467).
    pub(crate) fn outcome(&self) -> PartitionOutcome {
        let message = format!("{} ({}) [{}]", self.code.title(), self.detail, self.code);
        PartitionOutcome::failed(self.error, Some(message.into()))
    }
}

/// How many characters of a name that a peer chose are shown.
const SHOWN_CHARS_MAX: usize = 64;

/// A name that a peer chose, fit for a log line: escaped, quoted, and cut.
pub(crate) fn shown(name: &str) -> String {
    match name.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{:?}...", &name[..end]),
        None => format!("{name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_peers_are_escaped_and_cut() {
        assert_eq!(shown("a\u{1b}[31m\n"), "\"a\\u{1b}[31m\\n\"");
        let long = "é".repeat(1_000);
        assert_eq!(shown(&long).chars().count(), SHOWN_CHARS_MAX + 5);
    }
}
