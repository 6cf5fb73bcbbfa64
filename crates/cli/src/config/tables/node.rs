use logboom_access::AuthFailure;

use crate::config::limits::{LIMITS, Limit, LimitKind};
use crate::config::model::{Located, Node};
use crate::config::section::{LIMITS_SECTION, Section, Value};
use crate::diagnostics::{Findings, SourceId};

/// Reads `[node]`.
pub(super) fn read(findings: &mut Findings, source: SourceId, value: &Value<'_>) -> Node {
    let mut node = Node::default();
    let keys = ["data_dir", "auth_failure", "limits"];
    let Some(section) = Section::open(findings, source, "[node]", value, &keys) else {
        return node;
    };
    if let Some(path) = section.string(findings, "data_dir") {
        node.data_dir = path.map(|path| findings.sources().resolve(source, &path));
    }
    let answers = [("error", AuthFailure::Error), ("topic", AuthFailure::Topic)];
    if let Some(answer) = section.word(findings, "auth_failure", &answers) {
        node.auth_failure = answer;
    }
    if let Some(value) = section.get("limits") {
        read_limits(findings, source, value, &mut node);
    }
    node
}

fn read_limits(findings: &mut Findings, source: SourceId, value: &Value<'_>, node: &mut Node) {
    let names: Vec<&str> = LIMITS.iter().map(|limit| limit.name).collect();
    let Some(section) = Section::open(findings, source, LIMITS_SECTION, value, &names) else {
        return;
    };
    for limit in LIMITS {
        let Some(value) = read_limit(findings, &section, limit) else { continue };
        let Some(span) = value.origin else { continue };
        if limit.range.contains(&value) {
            limit.set(&mut node.limits, value.value);
            node.limit_origins.insert(limit.name, span);
        } else {
            let problem = limit.range_in_words();
            section.refuse_value(findings, Some(span), limit.name, &problem);
        }
    }
}

fn read_limit(
    findings: &mut Findings,
    section: &Section<'_>,
    limit: &Limit,
) -> Option<Located<u64>> {
    match limit.kind {
        LimitKind::Count => section.integer(findings, limit.name, &limit.range),
        LimitKind::Size => section.size(findings, limit.name),
        LimitKind::Duration => section.duration(findings, limit.name).map(|duration| {
            duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
        }),
    }
}
