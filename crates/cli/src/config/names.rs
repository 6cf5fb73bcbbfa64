//! The rules for names, as findings.

use std::fmt::Display;
use std::str::FromStr;

use super::model::Located;
use crate::diagnostics::{Finding, Findings};

/// Reports a name that cannot be one. `what` says of what, with its article.
pub(super) fn check<N>(findings: &mut Findings, name: &Located<String>, what: &str)
where
    N: FromStr<Err: Display>,
{
    let Some(span) = name.origin else { return };
    if let Err(reason) = name.parse::<N>() {
        let title = format!("{} cannot be the name of {what}", shown(name));
        findings.push(Finding::error("LB0109", title).at(span, reason.to_string()));
    }
}

/// A name between backquotes, with control characters escaped.
fn shown(name: &str) -> String {
    format!("`{}`", name.escape_default())
}
