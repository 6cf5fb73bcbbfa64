//! Findings for scripts. The names and order of the members are stable.

use serde::Serialize;

use super::{Finding, Sources};

#[derive(Serialize)]
struct Line<'a> {
    code: Option<&'a str>,
    severity: &'a str,
    file: Option<&'a str>,
    line: Option<usize>,
    col: Option<usize>,
    end_col: Option<usize>,
    message: &'a str,
    help: Option<String>,
}

/// One JSON object, ending in a line break.
pub(super) fn line(finding: &Finding, sources: &Sources) -> String {
    let mut line = Line {
        code: finding.code,
        severity: finding.severity.name(),
        file: None,
        line: None,
        col: None,
        end_col: None,
        message: &finding.message,
        help: help(finding),
    };
    if let Some(place) = &finding.place {
        let source = sources.get(place.span.source);
        let start = source.position(place.span.start);
        let end = source.position(place.span.end);
        line.file = Some(&source.name);
        line.line = Some(start.line);
        line.col = Some(start.column);
        // What goes over several lines ends, for an editor, where its first line does.
        line.end_col = Some(if end.line == start.line {
            end.column
        } else {
            start.column + first_line_chars(&source.text[place.span.start..])
        });
    }
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

fn first_line_chars(text: &str) -> usize {
    text.lines().next().map_or(0, |line| line.chars().count())
}

fn help(finding: &Finding) -> Option<String> {
    let all: Vec<&str> =
        finding.suggestion.iter().chain(&finding.help).map(String::as_str).collect();
    if all.is_empty() { None } else { Some(all.join("; ")) }
}

#[cfg(test)]
mod tests {
    use crate::diagnostics::{Finding, Findings, SourceKind, Span};

    #[test]
    fn one_object_a_line_with_the_columns_of_the_place() {
        let mut findings = Findings::default();
        let source =
            findings.add_source("a.toml", SourceKind::File, "x = 1\nretension = 2\n".into());
        findings.push(
            Finding::error("LB0103", "unknown key `retension`")
                .at(Span::new(source, 6..15), "")
                .suggest("did you mean `retention`?"),
        );
        findings.push(Finding::warning("LB0148", "no place"));
        assert_eq!(
            findings.render_json(),
            concat!(
                r#"{"code":"LB0103","severity":"error","file":"a.toml","line":2,"col":1,"end_col":10,"#,
                r#""message":"unknown key `retension`","help":"did you mean `retention`?"}"#,
                "\n",
                r#"{"code":"LB0148","severity":"warning","file":null,"line":null,"col":null,"#,
                r#""end_col":null,"message":"no place","help":null}"#,
                "\n"
            )
        );
    }
}
