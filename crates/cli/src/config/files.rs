//! Reading files: the main one, what it includes, and what is no TOML in them.

use std::path::Path;

use toml::de::DeTable;

use super::model::Located;
use super::tables::{self, Draft};
use crate::diagnostics::{Finding, Findings, SourceId, SourceKind, Span};
use crate::io_reason::io_reason;

/// Reads `path` and the files that it includes.
pub(super) fn read(findings: &mut Findings, path: &Path) -> Draft {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            findings.push(
                Finding::error(
                    "LB0102",
                    format!("cannot read {}: {}", path.display(), io_reason(&error)),
                )
                .help("`init` prints a commented configuration to start from"),
            );
            return Draft::default();
        }
    };
    let (mut draft, includes) = read_main(findings, &path.display().to_string(), text);
    for pattern in includes {
        read_included(findings, &pattern, &mut draft);
    }
    draft
}

/// Reads the text of the main file. Returns the patterns it includes, too.
pub(super) fn read_main(
    findings: &mut Findings,
    name: &str,
    text: String,
) -> (Draft, Vec<Located<String>>) {
    let mut draft = Draft::default();
    let includes = read_text(findings, name, text, |findings, source, table| {
        tables::read_main(findings, source, table, &mut draft)
    });
    (draft, includes)
}

/// Reads the files of one pattern of `include`, sorted by name.
fn read_included(findings: &mut Findings, pattern: &Located<String>, draft: &mut Draft) {
    let Some(span) = pattern.origin else { return };
    let full = findings.sources().resolve(span.source, pattern);
    let paths = match glob::glob(&full.to_string_lossy()) {
        Ok(paths) => paths,
        Err(error) => {
            let title = "invalid value of `include`";
            findings.push(Finding::error("LB0105", title).at(span, error.msg));
            return;
        }
    };
    let mut found = false;
    for path in paths {
        found = true;
        let unreadable = |error: String| {
            Finding::error("LB0102", format!("cannot read an included file: {error}"))
                .at(span, "included here")
        };
        let read =
            path.map_err(|error| error.to_string()).and_then(|path| match std::fs::read_to_string(
                &path,
            ) {
                Ok(text) => Ok((path, text)),
                Err(error) => Err(format!("{}: {}", path.display(), io_reason(&error))),
            });
        match read {
            Ok((path, text)) => {
                let name = path.display().to_string();
                read_text(findings, &name, text, |findings, source, table| {
                    tables::read_included(findings, source, table, draft);
                });
            }
            Err(error) => findings.push(unreadable(error)),
        }
    }
    // A pattern may match nothing, a plain name was meant to be a file.
    if !found && !pattern.contains(['*', '?', '[']) {
        findings.push(
            Finding::error("LB0102", format!("cannot read {}: no such file", full.display()))
                .at(span, "included here"),
        );
    }
}

/// Parses one text as far as it goes, and lets `read` look at what was understood.
fn read_text<T>(
    findings: &mut Findings,
    name: &str,
    text: String,
    read: impl FnOnce(&mut Findings, SourceId, &DeTable<'_>) -> T,
) -> T {
    let source = findings.add_source(name, SourceKind::File, text.clone());
    let (table, errors) = DeTable::parse_recoverable(&text);
    let result = read(findings, source, table.get_ref());

    let broken: Vec<usize> = errors
        .iter()
        .map(|error| line_of(&text, error.span().map_or(0, |span| span.start)))
        .collect();
    if !broken.is_empty() {
        drop_consequences(findings, source, &text, &broken);
    }
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        findings.push(
            Finding::error("LB0101", "this is not TOML")
                .at(Span::new(source, range), error.message()),
        );
    }
    result
}

/// Drops what follows from broken lines: whatever was read from such a line, and what seems to be
/// missing from this file because it was not understood.
fn drop_consequences(findings: &mut Findings, source: SourceId, text: &str, broken: &[usize]) {
    findings.retain(|finding| {
        let Some(place) = finding.place.as_ref().filter(|place| place.span.source == source) else {
            return true;
        };
        finding.code != Some("LB0106") && !broken.contains(&line_of(text, place.span.start))
    });
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}
