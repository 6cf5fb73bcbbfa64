//! Splits a JSON object (RFC 8259) into its members, and nothing below them.
//!
//! The whole text is checked, so that what is not JSON is never taken apart. Values keep their text:
//! `1.0` stays `1.0`, and `12345678901234567890` keeps all its digits, which a parser that makes
//! numbers of them would not promise.
//!
//! Two things are accepted that the grammar forbids, because logs contain them and a field that is a
//! little wrong is worth more than no fields: strings that are not UTF-8, and `\u` escapes of a
//! surrogate without its partner.

mod scan;
#[cfg(test)]
mod tests;
mod text;

use std::ops::Range;

use scan::Scanner;
pub(crate) use text::{compact, unescape};

/// A member of an object. The ranges are bytes of the text that was split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: Text,
    pub(crate) value: Value,
}

/// A string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// What stands between the quotes.
    pub(crate) range: Range<usize>,
    /// Whether that contains escapes.
    pub(crate) escaped: bool,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Text),
    /// A number, `true`, `false` or `null`.
    Scalar(Range<usize>),
    /// An object or an array.
    Nested {
        range: Range<usize>,
        /// Whether there is space in it that means nothing.
        spaced: bool,
    },
}

/// Why a text was not split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotSplit {
    /// It is no JSON, or a value other than an object.
    NotAnObject,
    /// The object has more members than the caller wants.
    TooManyMembers,
}

/// Room for so many members is made at once: log records rarely have more.
const MEMBERS_USUAL: usize = 24;

/// The members of the object that `text` is, in order and with repeats.
///
/// Takes time and memory in proportion to `text`, and never more stack for deeper nesting.
pub(crate) fn split(text: &[u8], members_max: usize) -> Result<Vec<Member>, NotSplit> {
    let mut scanner = Scanner::new(text);
    let mut members = Vec::with_capacity(members_max.min(MEMBERS_USUAL));
    let mut too_many = false;
    let complete = scanner.object(|member| {
        if members.len() < members_max {
            members.push(member);
        } else {
            too_many = true;
        }
    });
    match (complete, too_many) {
        (None, _) => Err(NotSplit::NotAnObject),
        (Some(()), true) => Err(NotSplit::TooManyMembers),
        (Some(()), false) => Ok(members),
    }
}
