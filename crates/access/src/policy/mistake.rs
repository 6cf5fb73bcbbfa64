use std::fmt;
use std::ops::Range;

/// A mistake in a policy document, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyMistake {
    /// What it is about, as JSONPath (RFC 9535): `$.Statement[1].Effect`.
    pub path: String,
    /// The bytes of the document it is about. If something is missing, those of what lacks it.
    pub bytes: Range<usize>,
    /// The line on which they start, from 1.
    pub line: usize,
    /// The column at which they start, in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: PolicyProblem,
}

impl PolicyMistake {
    pub(super) fn new(
        document: &str,
        path: String,
        bytes: Range<usize>,
        problem: PolicyProblem,
    ) -> Self {
        let before = document.get(..bytes.start).unwrap_or(document);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Self { path, bytes, line, column, problem }
    }

    /// The stable code of this mistake.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "LB0110"
    }
}

impl fmt::Display for PolicyMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}: {}", self.path, self.line, self.column, self.problem)
    }
}

impl std::error::Error for PolicyMistake {}

/// What is wrong in a policy document. `Display` says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// Not JSON.
    Syntax(String),
    /// A value of another type than this one.
    Expected(&'static str),
    /// A key is missing.
    Missing(&'static str),
    /// A key that means nothing here.
    UnknownKey {
        /// The key.
        key: String,
        /// The keys that mean something here.
        allowed: &'static [&'static str],
    },
    /// A key of the policy language that this server does not support.
    Unsupported(String),
    /// A key that is there already. Which of the two counts is anybody's guess.
    Repeated(String),
    /// A `Version` other than `"1"`.
    Version,
    /// An `Effect` other than `Allow` and `Deny`.
    Effect,
    /// A list without elements: the statement would never apply.
    Empty,
    /// Not `*` and not `service:action`.
    Action,
    /// Not `*` and not `acs:service:region:account:resource`.
    Resource,
    /// A region or an account, which this server does not have.
    RegionOrAccount,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(what) => write!(f, "not JSON: {what}"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::Missing(key) => write!(f, "`{key}` is missing"),
            Self::UnknownKey { key, allowed } => {
                write!(f, "unknown key {key:?}; allowed here: {}", allowed.join(", "))
            }
            Self::Unsupported(key) => {
                write!(
                    f,
                    "{key:?} is not supported, and without it the statement means more or less"
                )
            }
            Self::Repeated(key) => write!(f, "{key:?} is there twice; keep one"),
            Self::Version => f.write_str("the version has to be \"1\", in quotes"),
            Self::Effect => f.write_str("the effect has to be \"Allow\" or \"Deny\""),
            Self::Empty => f.write_str("the list is empty, so that nothing would ever match"),
            Self::Action => f.write_str("an action is `log:PostLogStoreLogs`, `log:*` or `*`"),
            Self::Resource => f.write_str(
                "a resource is `acs:log:*:*:project/PROJECT/logstore/LOGSTORE` or `*`, \
                 with any wildcards",
            ),
            Self::RegionOrAccount => {
                f.write_str("there are no regions and accounts here; write `*` for both")
            }
        }
    }
}
