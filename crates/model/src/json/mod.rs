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

/// Gives the members of the object that `text` is to `each`, in order and with repeats, but not more than
/// `members_max`. What was given counts only if the answer is good: whether a text is JSON shows at its
/// end.
///
/// Takes time and memory in proportion to `text`, and never more stack for deeper nesting.
pub(crate) fn split(
    text: &[u8],
    members_max: usize,
    mut each: impl FnMut(Member),
) -> Result<(), NotSplit> {
    let mut left = members_max;
    let mut too_many = false;
    let complete = Scanner::new(text).object(|member| {
        if left > 0 {
            left -= 1;
            each(member);
        } else {
            too_many = true;
        }
    });
    match (complete, too_many) {
        (None, _) => Err(NotSplit::NotAnObject),
        (Some(()), true) => Err(NotSplit::TooManyMembers),
        (Some(()), false) => Ok(()),
    }
}
