use super::{Position, SourceId, SourceKind, Sources, Span, json, render};

/// Whether a finding stops the server from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not, but somebody should look at it.
    Warning,
}

impl Severity {
    /// `error` or `warning`, as printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A stretch of a text and what is to be said about it. The text may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The stretch.
    pub span: Span,
    /// The words beside it.
    pub text: String,
}

/// One thing that is wrong, where it is, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable code, `LBnnnn`; `explain` prints the page about it. None for what is said only once,
    /// about the command line itself.
    pub code: Option<&'static str>,
    /// Whether it stops the server.
    pub severity: Severity,
    /// The title: lower case, no full stop.
    pub message: String,
    /// Where it is; the line and column of the finding are its start.
    pub place: Option<Label>,
    /// Other places that help to understand it.
    pub context: Vec<Label>,
    /// What to write at the place instead, shown beside it.
    pub suggestion: Option<String>,
    /// What else to do.
    pub help: Vec<String>,
    /// What else to know.
    pub notes: Vec<String>,
}

impl Finding {
    /// A finding that stops the server.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Some(code), Severity::Error, message.into())
    }

    /// A finding that does not stop the server.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Some(code), Severity::Warning, message.into())
    }

    /// An error of one run of a command, which no page explains further.
    #[must_use]
    pub fn plain(message: impl Into<String>) -> Self {
        Self::new(None, Severity::Error, message.into())
    }

    /// Puts the finding at a place, with words beside it.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.place = Some(Label { span, text: text.into() });
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn with_context(mut self, span: Span, text: impl Into<String>) -> Self {
        self.context.push(Label { span, text: text.into() });
        self
    }

    /// Says what to write at the place instead.
    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Adds what else to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds what else to know.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    fn new(code: Option<&'static str>, severity: Severity, message: String) -> Self {
        Self {
            code,
            severity,
            message,
            place: None,
            context: Vec::new(),
            suggestion: None,
            help: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// Everything that one run found, with the texts that it points into.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    sources: Sources,
    list: Vec<Finding>,
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        let mut findings = Self::default();
        findings.push(finding);
        findings
    }
}

impl Findings {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    /// Adds a finding if there is one.
    pub(crate) fn extend_from(&mut self, finding: Option<Finding>) {
        self.list.extend(finding);
    }

    /// Adds a text for findings to point into.
    pub fn add_source(
        &mut self,
        name: impl Into<String>,
        kind: SourceKind,
        text: String,
    ) -> SourceId {
        self.sources.add(name, kind, text)
    }

    /// The texts.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What was found, in the order of the files and of their lines; what has no place comes last.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Finding> {
        let mut sorted: Vec<&Finding> = self.list.iter().collect();
        sorted.sort_by_key(|finding| {
            finding.place.as_ref().map_or((true, None), |place| (false, Some(place.span)))
        });
        sorted
    }

    /// Where a finding starts, if it has a place.
    #[must_use]
    pub fn position(&self, finding: &Finding) -> Option<Position> {
        let span = finding.place.as_ref()?.span;
        Some(self.sources.get(span.source).position(span.start))
    }

    /// How many findings stop the server.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.list.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// How many findings do not.
    #[must_use]
    pub fn warning_count(&self) -> usize {
        self.list.len() - self.error_count()
    }

    /// All findings for people, each followed by an empty line. `color` allows ANSI escapes.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let mut out = String::new();
        for finding in self.sorted() {
            out.push_str(&render::finding(finding, &self.sources, color));
            out.push('\n');
        }
        out
    }

    /// All findings for scripts: one JSON object a line.
    #[must_use]
    pub fn render_json(&self) -> String {
        self.sorted().into_iter().map(|finding| json::line(finding, &self.sources)).collect()
    }

    /// Replaces a stretch by asterisks, so that no finding on its line prints it.
    pub(crate) fn redact(&mut self, span: Span) {
        self.sources.redact(span);
    }

    /// Keeps only the findings for which `keep` says so.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Finding) -> bool) {
        self.list.retain(keep);
    }
}
