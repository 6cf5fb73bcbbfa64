//! What the environment and the command line say instead of the file, for the keys of `[node]`.

use std::path::PathBuf;
use std::time::Duration;

use super::limits::{self, LIMITS, Limit, LimitKind};
use super::model::{AccessKey, Located, Node, SecretSource};
use crate::diagnostics::{Finding, Findings, SourceKind, Span};
use crate::environment::Environment;
use crate::suggest::nearest;
use crate::units;

const PREFIX: &str = "LOGBOOM_";

/// Variables that are no configuration keys: the options of the command line of that name.
pub(crate) const OPTION_VARIABLES: [&str; 2] = ["LOGBOOM_LOG", "LOGBOOM_LOG_FORMAT"];

/// The variable of a key: `node.data_dir` is `LOGBOOM_NODE__DATA_DIR`.
#[must_use]
pub fn variable_name(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

/// Applies the variables of the process. Those that are not known are warned about, except those
/// that hold secrets of `keys`.
pub(super) fn apply_environment(
    findings: &mut Findings,
    node: &mut Node,
    environment: &Environment,
    keys: &[AccessKey],
) {
    let known: Vec<(String, String)> = node_keys().map(|key| (variable_name(&key), key)).collect();
    let ours: Vec<(&str, &str)> = environment
        .iter()
        .filter(|(name, _)| name.starts_with(PREFIX) && !OPTION_VARIABLES.contains(name))
        .filter(|(name, value)| !value.is_empty() && !holds_a_secret(keys, name))
        .collect();
    // A stranger's value may be a secret under a misspelt name, so it is not shown.
    let shown = |name: &str, value: &str| {
        if known.iter().any(|(variable, _)| variable == name) {
            value.to_owned()
        } else {
            "***".to_owned()
        }
    };
    let lines: Vec<(String, String)> =
        ours.iter().map(|(name, value)| ((*name).to_owned(), shown(name, value))).collect();
    for (name, value, place) in add_lines(findings, SourceKind::Environment, &lines) {
        if let Some((_, key)) = known.iter().find(|(variable, _)| *variable == name) {
            apply(findings, node, key, &value, &place);
            continue;
        }
        let mut finding =
            Finding::warning("LB0103", format!("unknown variable `{name}`")).at(place.name, "");
        if let Some(near) = nearest(&name, known.iter().map(|(variable, _)| variable.as_str())) {
            finding = finding.suggest(format!("did you mean `{near}`?"));
        }
        findings.push(finding);
    }
}

/// Applies the `--set KEY=VALUE` options.
pub(super) fn apply_settings(findings: &mut Findings, node: &mut Node, settings: &[String]) {
    let lines: Vec<(String, String)> = settings
        .iter()
        .map(|setting| setting.split_once('=').unwrap_or((setting, "")))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let known: Vec<String> = node_keys().collect();
    for (key, value, place) in add_lines(findings, SourceKind::CommandLine, &lines) {
        if known.contains(&key) {
            apply(findings, node, &key, &value, &place);
            continue;
        }
        let mut finding = Finding::error("LB0103", format!("unknown key `{key}`"))
            .at(place.name, "")
            .note("--set takes the keys of [node] and [node.limits]");
        if let Some(near) = nearest(&key, known.iter().map(String::as_str)) {
            finding = finding.suggest(format!("did you mean `{near}`?"));
        }
        findings.push(finding);
    }
}

/// The keys that can be given outside of files.
fn node_keys() -> impl Iterator<Item = String> {
    std::iter::once("node.data_dir".to_owned())
        .chain(LIMITS.iter().map(|limit| format!("node.limits.{}", limit.name)))
}

fn holds_a_secret(keys: &[AccessKey], name: &str) -> bool {
    let names_it = |secret: &Located<SecretSource>| match &secret.value {
        SecretSource::Environment(variable) => variable == name,
        SecretSource::Sha256(_) | SecretSource::File(_) => false,
    };
    keys.iter().any(|key| key.secrets.iter().any(names_it))
}

/// Where a setting stands in its text.
struct Place {
    name: Span,
    value: Span,
}

/// Makes a text of settings, one a line, that findings can point into.
fn add_lines(
    findings: &mut Findings,
    kind: SourceKind,
    lines: &[(String, String)],
) -> Vec<(String, String, Place)> {
    if lines.is_empty() {
        return Vec::new();
    }
    let mut text = String::new();
    let mut ranges = Vec::new();
    for (name, value) in lines {
        let start = text.len();
        text.push_str(name);
        let name_range = start..text.len();
        text.push('=');
        let value_start = text.len();
        text.push_str(&value.replace('\n', " "));
        ranges.push((name_range, value_start..text.len()));
        text.push('\n');
    }
    let title = match kind {
        SourceKind::CommandLine => "command line",
        _ => "environment",
    };
    let source = findings.add_source(title, kind, text);
    lines
        .iter()
        .zip(ranges)
        .map(|((name, value), (name_range, value_range))| {
            let place = Place {
                name: Span::new(source, name_range),
                value: Span::new(source, value_range),
            };
            (name.clone(), value.clone(), place)
        })
        .collect()
}

/// Gives one key of `[node]` a value that was written as plain text.
fn apply(findings: &mut Findings, node: &mut Node, key: &str, value: &str, place: &Place) {
    if key == "node.data_dir" {
        node.data_dir = Located::at(PathBuf::from(value), place.value);
        return;
    }
    let Some(limit) = key.strip_prefix("node.limits.").and_then(limits::limit) else { return };
    match parse_limit(limit, value) {
        Ok(number) => {
            limit.set(&mut node.limits, number);
            node.limit_origins.insert(limit.name, place.value);
        }
        Err(problem) => findings.push(
            Finding::error("LB0105", format!("invalid value of `{key}`")).at(place.value, problem),
        ),
    }
}

fn parse_limit(limit: &Limit, text: &str) -> Result<u64, String> {
    let number = match limit.kind {
        LimitKind::Count => {
            text.parse::<u64>().map_err(|_| format!("`{text}` is no whole number"))?
        }
        LimitKind::Size => units::parse_size_bytes(text)?,
        LimitKind::Duration => millis(units::parse_duration(text)?),
    };
    if limit.range.contains(&number) { Ok(number) } else { Err(limit.range_in_words()) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
