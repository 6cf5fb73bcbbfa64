//! Findings about what a person wrote, and how they are shown.
//!
//! A [`Finding`] has a stable code, a place in a [`Source`], and says what to write instead. The
//! same finding is rendered for people in the style of rustc, and as one JSON object for scripts.

mod finding;
mod json;
mod render;
mod source;

pub use finding::{Finding, Findings, Label, Severity};
pub use source::{Position, Source, SourceId, SourceKind, Sources, Span};

/// `1 mistake`, `2 mistakes`: a number with its noun in the right form.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}
