//! Findings for people, in the style of rustc.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Finding, Label, Severity, Sources};

/// One finding, ending in a line break.
pub(super) fn finding(finding: &Finding, sources: &Sources, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(finding.message.as_str());
    if let Some(code) = finding.code {
        title = title.id(code);
    }
    let Some(place) = &finding.place else {
        return without_place(&renderer, Group::with_title(title), finding);
    };

    let mut group = title.elements(snippets(finding, place, sources));
    group = group.elements(finding.help.iter().map(|help| Level::HELP.message(help.as_str())));
    group = group.elements(finding.notes.iter().map(|note| Level::NOTE.message(note.as_str())));
    renderer.render(&[group]) + "\n"
}

/// The place with its context: one snippet for each text that is pointed into.
fn snippets<'a>(
    finding: &'a Finding,
    place: &'a Label,
    sources: &'a Sources,
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut ids = vec![place.span.source];
    for label in &finding.context {
        if !ids.contains(&label.span.source) {
            ids.push(label.span.source);
        }
    }
    let snippet = |id| {
        let source = sources.get(id);
        let mut snippet = Snippet::source(source.text.as_str()).path(source.name.as_str());
        if place.span.source == id {
            let text = match &finding.suggestion {
                Some(suggestion) => format!("help: {suggestion}"),
                None => place.text.clone(),
            };
            snippet = snippet.annotation(annotation(AnnotationKind::Primary, place, text));
        }
        snippet.annotations(
            finding
                .context
                .iter()
                .filter(|label| label.span.source == id)
                .map(|label| annotation(AnnotationKind::Context, label, label.text.clone())),
        )
    };
    ids.into_iter().map(snippet).collect()
}

fn annotation(kind: AnnotationKind, label: &Label, text: String) -> Annotation<'_> {
    let text = if text.is_empty() { None } else { Some(text) };
    kind.span(label.span.start..label.span.end).label(text)
}

/// Without a snippet, help and notes follow as lines of their own.
fn without_place(renderer: &Renderer, title: Group<'_>, finding: &Finding) -> String {
    let mut out = renderer.render(&[title]) + "\n";
    let help = finding.suggestion.iter().chain(&finding.help);
    for (level, text) in help
        .map(|text| (Level::HELP, text))
        .chain(finding.notes.iter().map(|text| (Level::NOTE, text)))
    {
        out += &renderer.render(&[Group::with_title(level.primary_title(text.as_str()))]);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::diagnostics::{Finding, Findings, SourceKind, Span};

    const UNKNOWN_KEY: &str = "\
error[LB0103]: unknown key `retension` in [[project.logstore]]
  --> logboom.toml:31:1
   |
28 | [[project.logstore]]
   | -------------------- in this table
...
31 | retension = \"30d\"
   | ^^^^^^^^^ help: did you mean `retention`?
   |
   = note: keys allowed here: name, shards, retention, json

";

    #[test]
    fn a_finding_looks_like_one_of_rustc() {
        let mut findings = Findings::default();
        let text = "\n".repeat(27)
            + "[[project.logstore]]\nname = \"nginx\"\nshards = 2\nretension = \"30d\"\n";
        let header = text.find("[[").unwrap();
        let key = text.find("retension").unwrap();
        let source = findings.add_source("logboom.toml", SourceKind::File, text);
        findings.push(
            Finding::error("LB0103", "unknown key `retension` in [[project.logstore]]")
                .at(Span::new(source, key..key + 9), "")
                .suggest("did you mean `retention`?")
                .with_context(Span::new(source, header..header + 20), "in this table")
                .note("keys allowed here: name, shards, retention, json"),
        );
        assert_eq!(findings.render(false), UNKNOWN_KEY);
        assert!(findings.render(true).contains("\u{1b}["));
    }

    #[test]
    fn a_finding_without_a_place_is_two_lines() {
        let mut findings = Findings::default();
        findings.push(
            Finding::error("LB0203", "127.0.0.1:10012 is in use by another process")
                .help("--listen 127.0.0.1:0 takes any free port"),
        );
        assert_eq!(
            findings.render(false),
            "error[LB0203]: 127.0.0.1:10012 is in use by another process\n\
             help: --listen 127.0.0.1:0 takes any free port\n\n"
        );
    }
}
