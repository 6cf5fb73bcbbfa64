use logboom_access::{AccessKeyId, SecretHash};

use crate::config::model::{AccessKey, Allow, Located, SecretSource};
use crate::config::names;
use crate::config::section::{Section, Value};
use crate::diagnostics::{Finding, Findings, SourceId, Span};

const KEYS: [&str; 5] = ["id", "project", "secrets", "allow", "policies"];
const SECRET_KEYS: [&str; 3] = ["sha256", "file", "env"];

/// Reads one `[[access_key]]`. None if it has no ID or no project.
pub(super) fn read(
    findings: &mut Findings,
    source: SourceId,
    value: &Value<'_>,
) -> Option<AccessKey> {
    let section = Section::open(findings, source, "[[access_key]]", value, &KEYS)?;
    section.require(findings, "id", "id = \"...\"; `key new` prints a whole block");
    section.require(findings, "project", "project = \"acme\"");
    section.require(findings, "secrets", "secrets = [...]; `key new` prints a whole block");

    let id = section.string(findings, "id");
    if let Some(id) = &id {
        names::check::<AccessKeyId>(findings, id, "an access key");
    }
    let project = section.string(findings, "project");
    let secrets = read_secrets(findings, source, &section);
    let words = [("write", Allow::Write), ("read", Allow::Read), ("all", Allow::All)];
    let allow = section.word(findings, "allow", &words);
    let policies = section.strings(findings, "policies").into_iter();
    let sources = findings.sources();
    let policies = policies.map(|path| path.map(|path| sources.resolve(source, &path))).collect();
    Some(AccessKey {
        id: id?,
        project: project?,
        secrets,
        allow,
        policies,
        header: section.header(),
    })
}

fn read_secrets(
    findings: &mut Findings,
    source: SourceId,
    section: &Section<'_>,
) -> Vec<Located<SecretSource>> {
    let values = section.list(findings, "secrets");
    if section.get("secrets").is_some()
        && (values.is_empty() || values.len() > logboom_access::AccessKey::SECRETS_MAX)
    {
        let place = section.get("secrets").map(|value| section.span(value));
        let problem = "a key has one secret, or two while it is being rotated";
        section.refuse_value(findings, place, "secrets", problem);
    }
    values.into_iter().filter_map(|value| read_secret(findings, source, value)).collect()
}

fn read_secret(
    findings: &mut Findings,
    source: SourceId,
    value: &Value<'_>,
) -> Option<Located<SecretSource>> {
    let name = "an entry of `secrets`";
    if value.get_ref().is_str() {
        let place = Span::new(source, value.span());
        refuse_clear_secret(findings, place, "a secret in clear in the configuration");
        return None;
    }
    let section = Section::open(findings, source, name, value, &SECRET_KEYS)?;
    let given: Vec<&str> =
        SECRET_KEYS.into_iter().filter(|key| section.get(key).is_some()).collect();
    let [kind] = given[..] else {
        findings.push(
            Finding::error("LB0111", "a secret has exactly one of sha256, file and env")
                .at(section.header(), format!("this has {}", given.len())),
        );
        return None;
    };
    match kind {
        "sha256" => read_hash(findings, &section),
        "file" => section.string(findings, kind).map(|path| {
            path.map(|path| SecretSource::File(findings.sources().resolve(source, &path)))
        }),
        _ => section.string(findings, kind).map(|name| name.map(SecretSource::Environment)),
    }
}

fn read_hash(findings: &mut Findings, section: &Section<'_>) -> Option<Located<SecretSource>> {
    let text = section.string(findings, "sha256")?;
    match SecretHash::parse(&format!("sha256:{}", text.value)) {
        Ok(hash) => Some(text.map(|_| SecretSource::Sha256(hash))),
        Err(reason) => {
            let place = text.origin.unwrap_or(section.header());
            refuse_clear_secret(findings, place, &reason.to_string());
            None
        }
    }
}

/// Reports what may be a secret in the wrong place, without showing it.
fn refuse_clear_secret(findings: &mut Findings, place: Span, title: &str) {
    findings.redact(place);
    findings.push(
        Finding::error("LB0111", title)
            .at(place, "")
            .suggest("write { sha256 = \"SALT:DIGEST\" }, { file = \"...\" } or { env = \"...\" }")
            .note("`key new` prints a whole block with the hash of a new secret"),
    );
}
