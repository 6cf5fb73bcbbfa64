//! One table of a configuration, read strictly: every key that is not known is a finding, and so
//! is every value of the wrong type. Reading goes on after a finding, so that one run finds all.

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::model::Located;
use crate::diagnostics::{Finding, Findings, SourceId, Span};
use crate::suggest::nearest;
use crate::units;

/// A value with its place in the text.
pub(super) type Value<'d> = Spanned<DeValue<'d>>;

/// The one table with too many keys to list them in a finding.
pub(super) const LIMITS_SECTION: &str = "[node.limits]";

/// A table with a name, and the keys that are allowed in it.
pub(super) struct Section<'d> {
    /// As a person would write its header: `[[project.logstore]]`.
    name: &'static str,
    header: Span,
    table: &'d DeTable<'d>,
    /// Whether something in it was refused, so that what is missing may be a consequence.
    damaged: Cell<bool>,
}

impl<'d> Section<'d> {
    /// Takes a table, reporting the keys that do not belong there. None if it is no table.
    pub(super) fn open(
        findings: &mut Findings,
        source: SourceId,
        name: &'static str,
        value: &'d Value<'d>,
        allowed: &[&str],
    ) -> Option<Self> {
        let header = Span::new(source, value.span());
        let Some(table) = value.get_ref().as_table() else {
            findings.push(wrong_type(header, "a table", value, &format!("write {name}")));
            return None;
        };
        let section = Self { name, header, table, damaged: Cell::new(false) };
        section.refuse_unknown_keys(findings, allowed);
        Some(section)
    }

    /// The top level of a file, which has no header.
    pub(super) fn top(
        findings: &mut Findings,
        source: SourceId,
        table: &'d DeTable<'d>,
        allowed: &[&str],
    ) -> Self {
        let header = Span::new(source, 0..0);
        let section = Self { name: "the top level", header, table, damaged: Cell::new(false) };
        section.refuse_unknown_keys(findings, allowed);
        section
    }

    /// Where its header stands.
    pub(super) fn header(&self) -> Span {
        self.header
    }

    /// Where a value of this section stands.
    pub(super) fn span(&self, value: &Value<'_>) -> Span {
        Span::new(self.header.source, value.span())
    }

    /// The value of a key, whatever its type.
    pub(super) fn get(&self, key: &str) -> Option<&'d Value<'d>> {
        self.table.get(key)
    }

    /// A string.
    pub(super) fn string(&self, findings: &mut Findings, key: &str) -> Option<Located<String>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Located::at(text.clone().into_owned(), self.span(value))),
            _ => self.refuse_type(findings, value, "a string"),
        }
    }

    /// A string that `parse` understands.
    pub(super) fn parsed<T>(
        &self,
        findings: &mut Findings,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Located<T>> {
        let text = self.string(findings, key)?;
        match parse(&text) {
            Ok(value) => Some(text.map(|_| value)),
            Err(problem) => {
                self.refuse_value(findings, text.origin, key, &problem);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &self,
        findings: &mut Findings,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<Located<T>> {
        self.parsed(findings, key, |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let all: Vec<String> =
                    words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                format!("write one of {}", all.join(", "))
            })
        })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, findings: &mut Findings, key: &str) -> Option<Located<bool>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(Located::at(*flag, self.span(value))),
            _ => self.refuse_type(findings, value, "true or false"),
        }
    }

    /// A whole number in a range.
    pub(super) fn integer(
        &self,
        findings: &mut Findings,
        key: &str,
        range: &RangeInclusive<u64>,
    ) -> Option<Located<u64>> {
        let value = self.get(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            return self.refuse_type(findings, value, "a whole number");
        };
        let span = self.span(value);
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if range.contains(&number) => Some(Located::at(number, span)),
            _ => {
                let problem = format!("it is a number from {} to {}", range.start(), range.end());
                self.refuse_value(findings, Some(span), key, &problem);
                None
            }
        }
    }

    /// A size in bytes.
    pub(super) fn size(&self, findings: &mut Findings, key: &str) -> Option<Located<u64>> {
        self.parsed(findings, key, units::parse_size_bytes)
    }

    /// A duration.
    pub(super) fn duration(&self, findings: &mut Findings, key: &str) -> Option<Located<Duration>> {
        self.parsed(findings, key, units::parse_duration)
    }

    /// A list of strings. Empty if the key is absent.
    pub(super) fn strings(&self, findings: &mut Findings, key: &str) -> Vec<Located<String>> {
        let mut strings = Vec::new();
        for value in self.list(findings, key) {
            match value.get_ref() {
                DeValue::String(text) => {
                    strings.push(Located::at(text.clone().into_owned(), self.span(value)));
                }
                _ => {
                    self.refuse_type::<()>(findings, value, "a string");
                }
            }
        }
        strings
    }

    /// The values of a list, or the tables of an array of tables. Empty if the key is absent.
    pub(super) fn list(&self, findings: &mut Findings, key: &str) -> Vec<&'d Value<'d>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(values) => values.iter().collect(),
            // `[listener]` instead of `[[listener]]`: the one table that is meant.
            DeValue::Table(_) => {
                let found = format!("{key} is a list of tables");
                findings.push(
                    Finding::error("LB0104", found)
                        .at(self.span(value), "")
                        .suggest("write the name in double brackets: [[...]]"),
                );
                vec![value]
            }
            _ => {
                self.refuse_type::<()>(findings, value, "a list");
                Vec::new()
            }
        }
    }

    /// Reports a key that must be there and is not. `example` is the whole line.
    pub(super) fn require(&self, findings: &mut Findings, key: &str, example: &str) {
        if self.get(key).is_some() || self.damaged.get() {
            return;
        }
        findings.push(
            Finding::error("LB0106", format!("missing key `{key}` in {}", self.name))
                .at(self.header, "")
                .suggest(format!("add {example}")),
        );
    }

    /// Reports a value that has the right type and still cannot be.
    pub(super) fn refuse_value(
        &self,
        findings: &mut Findings,
        place: Option<Span>,
        key: &str,
        problem: &str,
    ) {
        let title = format!("invalid value of `{key}` in {}", self.name);
        let span = place.unwrap_or(self.header);
        findings.push(Finding::error("LB0105", title).at(span, problem));
    }

    /// Reports a value of the wrong type. Returns nothing, of any type.
    fn refuse_type<T>(
        &self,
        findings: &mut Findings,
        value: &Value<'_>,
        expected: &str,
    ) -> Option<T> {
        findings.push(wrong_type(self.span(value), expected, value, ""));
        None
    }

    /// What may stand where `unknown` does.
    fn allowed_in_words(&self, unknown: &str, allowed: &[&str]) -> String {
        if self.name == LIMITS_SECTION {
            return "`explain limits` lists the keys allowed here".to_owned();
        }
        let list = format!("keys allowed here: {}", allowed.join(", "));
        if self.header.end == 0 && ["node", "include"].contains(&unknown) {
            return format!("{list}; `{unknown}` stands in the main file only");
        }
        list
    }

    fn refuse_unknown_keys(&self, findings: &mut Findings, allowed: &[&str]) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if allowed.contains(&name) {
                continue;
            }
            let title = match self.header.end {
                0 => format!("unknown key `{name}` at {}", self.name),
                _ => format!("unknown key `{name}` in {}", self.name),
            };
            let mut finding = Finding::error("LB0103", title)
                .at(Span::new(self.header.source, key.span()), "")
                .note(self.allowed_in_words(name, allowed));
            if self.header.end != 0 {
                finding = finding.with_context(self.header, "in this table");
            }
            if let Some(near) = nearest(name, allowed.iter().copied()) {
                finding = finding.suggest(format!("did you mean `{near}`?"));
                // What the misspelt key was to say is not missing.
                self.damaged.set(true);
            }
            findings.push(finding);
        }
    }
}

/// A finding about a value of the wrong type.
fn wrong_type(span: Span, expected: &str, found: &Value<'_>, help: &str) -> Finding {
    let kind = match found.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    let finding = Finding::error("LB0104", format!("expected {expected}, found {kind}"))
        .at(span, format!("this is {kind}"));
    if help.is_empty() { finding } else { finding.help(help) }
}
