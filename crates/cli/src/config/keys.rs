//! What access keys take from outside of the configuration: secrets and policy documents.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use logboom_access::{Action, Directory, Policy, Secret, SecretHash};

use super::directory::{KeyMaterial, policy_of};
use super::model::{AccessKey, Config, Located, SecretSource};
use crate::diagnostics::{Finding, Findings, SourceKind, Span};
use crate::environment::Environment;
use crate::io_reason::io_reason;

/// Reads what belongs to one key, as far as it can be read.
pub(super) fn read(
    findings: &mut Findings,
    key: &AccessKey,
    environment: &Environment,
) -> KeyMaterial {
    let secrets = key
        .secrets
        .iter()
        .filter_map(|secret| read_secret(findings, key, secret, environment))
        .collect();
    let mut policies: Vec<Policy> =
        key.policies.iter().filter_map(|path| read_policy(findings, path)).collect();
    policies.extend(key.allow.as_ref().map(|allow| policy_of(allow.value)));
    KeyMaterial { secrets, policies }
}

/// Warns about keys that may write to no Logstore: mostly a forgotten policy, or one with a
/// misspelt name. A key that says `allow = "read"` means it.
pub(super) fn warn_useless(findings: &mut Findings, config: &Config, directory: &Directory) {
    let useless: Vec<&str> =
        directory.keys_without(Action::PostLogStoreLogs).map(|key| key.id.as_str()).collect();
    for key in &config.access_keys {
        if key.allow.is_some() || !useless.contains(&key.id.as_str()) {
            continue;
        }
        let title = format!("access key `{}` may write to no Logstore", *key.id);
        let mut finding = Finding::warning("LB0146", title).at(key.header, "");
        finding = match key.policies.first().and_then(|path| path.origin) {
            None => finding.suggest("add allow = \"write\", or policies = [\"policy.json\"]"),
            Some(policies) => finding
                .with_context(policies, "no policy here allows log:PostLogStoreLogs")
                .help(format!(
                    "allow it on \"acs:log:*:*:project/{}/logstore/*\", or add allow = \"write\"",
                    *key.project
                )),
        };
        findings.push(finding);
    }
}

/// Warns if everybody on this machine may read a file with a secret.
pub(super) fn warn_world_readable(findings: &mut Findings, path: &Path, origin: Option<Span>) {
    const READABLE_BY_OTHERS: u32 = 0o004;
    let Ok(metadata) = std::fs::metadata(path) else { return };
    if metadata.permissions().mode() & READABLE_BY_OTHERS == 0 {
        return;
    }
    let title = format!("everybody on this machine may read {}", path.display());
    let mut finding =
        Finding::warning("LB0145", title).help(format!("chmod o-r {}", path.display()));
    if let Some(span) = origin {
        finding = finding.at(span, "");
    }
    findings.push(finding);
}

fn read_secret(
    findings: &mut Findings,
    key: &AccessKey,
    source: &Located<SecretSource>,
    environment: &Environment,
) -> Option<SecretHash> {
    let text = match &source.value {
        SecretSource::Sha256(hash) => return Some(hash.clone()),
        SecretSource::File(path) => {
            warn_world_readable(findings, path, source.origin);
            std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {}", path.display(), io_reason(&error)))
        }
        SecretSource::Environment(name) => environment
            .get(name)
            .map(str::to_owned)
            .ok_or_else(|| format!("the variable {name} is not set")),
    };
    let refuse = |findings: &mut Findings, problem: String| {
        let title = format!("no secret for access key `{}`", *key.id);
        let mut finding = Finding::error("LB0111", title);
        if let Some(span) = source.origin {
            finding = finding.at(span, problem);
        }
        findings.push(finding);
        None
    };
    let text = match text {
        Ok(text) => text,
        Err(problem) => return refuse(findings, problem),
    };
    let secret = secret_part(text.trim_end_matches(['\r', '\n']), &key.id);
    if secret.is_empty() || secret.contains(char::is_whitespace) {
        return refuse(findings, "it is one word: AccessKeySecret, or the whole password".into());
    }
    // A salt of the ID keeps the hash the same when the configuration is read again.
    Some(SecretHash::new(&Secret::new(secret), SecretHash::salt_from(&key.id)))
}

/// A file may hold the secret alone, or the whole password as `key new --out` writes it.
fn secret_part<'t>(text: &'t str, id: &str) -> &'t str {
    text.strip_prefix(id).and_then(|rest| rest.strip_prefix('#')).unwrap_or(text)
}

fn read_policy(findings: &mut Findings, path: &Located<std::path::PathBuf>) -> Option<Policy> {
    let text = match std::fs::read_to_string(&path.value) {
        Ok(text) => text,
        Err(error) => {
            let title = format!("cannot read the policy {}", path.display());
            let mut finding = Finding::error("LB0102", title);
            if let Some(span) = path.origin {
                finding = finding.at(span, io_reason(&error));
            }
            findings.push(finding);
            return None;
        }
    };
    let mistakes = match Policy::parse(&text) {
        Ok(policy) => return Some(policy),
        Err(mistakes) => mistakes,
    };
    let source = findings.add_source(path.display().to_string(), SourceKind::Policy, text);
    for mistake in mistakes {
        let mut finding = Finding::error("LB0110", format!("invalid policy at {}", mistake.path))
            .at(Span::new(source, mistake.bytes.clone()), mistake.problem.to_string());
        if let Some(span) = path.origin {
            finding = finding.with_context(span, "named here");
        }
        findings.push(finding);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_be_written_alone_or_as_the_whole_password() {
        assert_eq!(secret_part("s3cret", "key"), "s3cret");
        assert_eq!(secret_part("key#s3cret", "key"), "s3cret");
        assert_eq!(secret_part("other#s3cret", "key"), "other#s3cret");
    }
}
