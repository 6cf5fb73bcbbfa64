//! The configuration as it is in force: each value with where it comes from, and the digest.

use std::fmt::Write as _;

use logboom_access::{AuthFailure, SecretHash};
use logboom_model::{FieldNames, KeyMapping};
use sha2::{Digest, Sha256};

use super::limits::LIMITS;
use super::model::{AccessKey, Config, Listener, Logstore, Origin, SecretSource};
use crate::diagnostics::{SourceKind, Sources};
use crate::units;

/// One value in force.
struct Entry {
    key: String,
    /// As it would be written in TOML.
    value: String,
    /// What counts for the digest instead of the value, and is never shown.
    hidden: Option<String>,
    origin: Origin,
}

/// All values in force, one a line, with where each comes from. Secrets are `***`.
pub(super) fn render(config: &Config, sources: &Sources) -> String {
    let entries = entries(config);
    let column = entries.iter().map(|entry| entry.key.len() + entry.value.len()).max();
    let width = column.unwrap_or(0).min(72) + 3;
    let mut out = String::new();
    for entry in &entries {
        let line = format!("{} = {}", entry.key, entry.value);
        let _ = writeln!(out, "{line:<width$}  # {}", origin_in_words(entry, sources));
    }
    out
}

/// The first eight hexadecimal digits of SHA-256 over all values in force.
pub(super) fn digest(config: &Config) -> String {
    let mut hash = Sha256::new();
    for entry in entries(config) {
        let value = entry.hidden.as_ref().unwrap_or(&entry.value);
        // The lengths keep two neighbouring values apart.
        hash.update((entry.key.len() as u64).to_le_bytes());
        hash.update(entry.key.as_bytes());
        hash.update((value.len() as u64).to_le_bytes());
        hash.update(value.as_bytes());
    }
    hash.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn origin_in_words(entry: &Entry, sources: &Sources) -> String {
    let Some(span) = entry.origin else { return "default".to_owned() };
    let source = sources.get(span.source);
    match source.kind {
        SourceKind::File | SourceKind::Policy => {
            format!("{}:{}", source.name, source.position(span.start).line)
        }
        SourceKind::Environment => super::variable_name(&entry.key),
        SourceKind::CommandLine => "--set".to_owned(),
    }
}

fn entries(config: &Config) -> Vec<Entry> {
    let mut entries = Vec::new();
    let node = &config.node;
    add(&mut entries, "node.data_dir", quoted(node.data_dir.display()), node.data_dir.origin);
    let answer = match node.auth_failure.value {
        AuthFailure::Error => "error",
        AuthFailure::Topic => "topic",
    };
    add(&mut entries, "node.auth_failure", quoted(answer), node.auth_failure.origin);
    for limit in LIMITS {
        let value = limit.kind.format(limit.get(&node.limits));
        let origin = node.limit_origins.get(limit.name).copied();
        add(&mut entries, &format!("node.limits.{}", limit.name), value, origin);
    }
    for listener in &config.listeners {
        add_listener(&mut entries, listener);
    }
    for project in &config.projects {
        let prefix = format!("project.{}", *project.name);
        add(&mut entries, &format!("{prefix}.name"), quoted(&*project.name), project.name.origin);
        for logstore in &project.logstores {
            add_logstore(&mut entries, &prefix, logstore);
        }
    }
    for key in &config.access_keys {
        add_access_key(&mut entries, key);
    }
    entries
}

fn add(entries: &mut Vec<Entry>, key: &str, value: String, origin: Origin) {
    entries.push(Entry { key: key.to_owned(), value, hidden: None, origin });
}

fn add_listener(entries: &mut Vec<Entry>, listener: &Listener) {
    let prefix = format!("listener.{}", *listener.name);
    let mut add =
        |name: &str, value, origin| add(entries, &format!("{prefix}.{name}"), value, origin);
    add("address", quoted(*listener.address), listener.address.origin);
    add("tls", listener.tls.value.to_string(), listener.tls.origin);
    for pair in &listener.certificates {
        add("cert", quoted(pair.cert.display()), pair.cert.origin);
        add("key", quoted(pair.key.display()), pair.key.origin);
    }
    add("advertise", quoted(&*listener.advertise), listener.advertise.origin);
}

fn add_logstore(entries: &mut Vec<Entry>, project: &str, logstore: &Logstore) {
    let prefix = format!("{project}.logstore.{}", *logstore.name);
    let mut add =
        |name: &str, value, origin| add(entries, &format!("{prefix}.{name}"), value, origin);
    add("shards", logstore.shards.to_string(), logstore.shards.origin);
    if let Some(age) = &logstore.retention.age {
        add("retention", quoted(units::format_duration(age.value)), age.origin);
    }
    if let Some(bytes) = &logstore.retention.bytes {
        add("retention_bytes", quoted(units::format_size_bytes(bytes.value)), bytes.origin);
    }
    let key = match logstore.key.value {
        KeyMapping::Field => "field",
        KeyMapping::NameOfValue => "name",
        KeyMapping::Drop => "drop",
    };
    add("key", quoted(key), logstore.key.origin);
    let names = match logstore.field_names.value {
        FieldNames::AsIs => "as-is",
        FieldNames::Strict => "strict",
    };
    add("field_names", quoted(names), logstore.field_names.origin);
}

fn add_access_key(entries: &mut Vec<Entry>, key: &AccessKey) {
    let prefix = format!("access_key.{}", *key.id);
    add(entries, &format!("{prefix}.project"), quoted(&*key.project), key.project.origin);
    for secret in &key.secrets {
        let (kind, hidden) = match &secret.value {
            SecretSource::Sha256(hash) => ("sha256", SecretHash::to_text(hash)),
            SecretSource::File(path) => ("file", path.display().to_string()),
            SecretSource::Environment(name) => ("env", name.clone()),
        };
        entries.push(Entry {
            key: format!("{prefix}.secrets"),
            value: format!("{{ {kind} = \"***\" }}"),
            hidden: Some(format!("{kind}={hidden}")),
            origin: secret.origin,
        });
    }
    if let Some(allow) = &key.allow {
        add(entries, &format!("{prefix}.allow"), quoted(allow.name()), allow.origin);
    }
    for policy in &key.policies {
        add(entries, &format!("{prefix}.policies"), quoted(policy.display()), policy.origin);
    }
}

/// A TOML string.
fn quoted(text: impl std::fmt::Display) -> String {
    let text = text.to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}
