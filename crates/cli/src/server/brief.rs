use crate::diagnostics::{Finding, Findings};

/// What of a finding fits into one event of the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Brief<'a> {
    pub(crate) code: Option<&'a str>,
    pub(crate) message: &'a str,
    /// The file, or what else the finding points into.
    pub(crate) file: Option<&'a str>,
    pub(crate) line: Option<usize>,
    pub(crate) col: Option<usize>,
    pub(crate) help: Option<&'a str>,
}

impl<'a> Brief<'a> {
    /// The finding, which is one of `findings`.
    pub(crate) fn new(finding: &'a Finding, findings: &'a Findings) -> Self {
        let source = finding.place.as_ref().map(|place| findings.sources().get(place.span.source));
        let position = findings.position(finding);
        Self {
            code: finding.code,
            message: &finding.message,
            file: source.map(|source| source.name.as_str()),
            line: position.map(|position| position.line),
            col: position.map(|position| position.column),
            help: finding.suggestion.iter().chain(&finding.help).map(String::as_str).next(),
        }
    }

    /// What is no finding in a file.
    pub(crate) const fn without_place(code: &'a str, message: &'a str) -> Self {
        Self { code: Some(code), message, file: None, line: None, col: None, help: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{SourceKind, Span};

    #[test]
    fn the_place_and_the_first_advice_are_kept() {
        let mut findings = Findings::default();
        let source = findings.add_source("a.toml", SourceKind::File, "[node]\nx = 1\n".into());
        let finding = Finding::error("LB0103", "unknown key `x`")
            .at(Span::new(source, 7..8), "here")
            .suggest("did you mean `y`?")
            .help("or leave it out");
        findings.push(finding);
        let sorted = findings.sorted();
        let expected = Brief {
            code: Some("LB0103"),
            message: "unknown key `x`",
            file: Some("a.toml"),
            line: Some(2),
            col: Some(1),
            help: Some("did you mean `y`?"),
        };
        assert_eq!(Brief::new(sorted[0], &findings), expected);
    }
}
