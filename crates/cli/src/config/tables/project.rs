use logboom_access::{LogstoreName, ProjectName};
use logboom_model::{FieldNames, KeyMapping};

use crate::config::model::{Located, Logstore, Project, Retention};
use crate::config::names;
use crate::config::section::{Section, Value};
use crate::diagnostics::{Findings, SourceId};

const LOGSTORE_KEYS: [&str; 6] =
    ["name", "shards", "retention", "retention_bytes", "key", "field_names"];

/// One shard keeps all logs of a Logstore in one order. More are rarely needed: shards are no unit
/// of parallelism in the store.
const SHARDS_DEFAULT: u32 = 1;

/// Reads one `[[project]]`. None if it has no name.
pub(super) fn read(
    findings: &mut Findings,
    source: SourceId,
    value: &Value<'_>,
) -> Option<Project> {
    let section = Section::open(findings, source, "[[project]]", value, &["name", "logstore"])?;
    section.require(findings, "name", "name = \"acme\"");
    let name = section.string(findings, "name");
    if let Some(name) = &name {
        names::check::<ProjectName>(findings, name, "a project");
    }
    let logstores = section
        .list(findings, "logstore")
        .into_iter()
        .filter_map(|value| read_logstore(findings, source, value))
        .collect();
    Some(Project { name: name?, logstores })
}

fn read_logstore(findings: &mut Findings, source: SourceId, value: &Value<'_>) -> Option<Logstore> {
    let section = Section::open(findings, source, "[[project.logstore]]", value, &LOGSTORE_KEYS)?;
    section.require(findings, "name", "name = \"nginx\"");
    let name = section.string(findings, "name");
    if let Some(name) = &name {
        names::check::<LogstoreName>(findings, name, "a Logstore");
    }
    let shards = section
        .integer(findings, "shards", &(1..=u64::from(logboom_access::Logstore::SHARDS_MAX)))
        .map(|shards| shards.map(|shards| u32::try_from(shards).unwrap_or(SHARDS_DEFAULT)));
    let keys = [
        ("field", KeyMapping::Field),
        ("name", KeyMapping::NameOfValue),
        ("drop", KeyMapping::Drop),
    ];
    let field_names = [("as-is", FieldNames::AsIs), ("strict", FieldNames::Strict)];
    Some(Logstore {
        shards: shards.unwrap_or(Located::default_value(SHARDS_DEFAULT)),
        retention: Retention {
            age: section.duration(findings, "retention"),
            bytes: section.size(findings, "retention_bytes"),
        },
        key: section
            .word(findings, "key", &keys)
            .unwrap_or(Located::default_value(KeyMapping::Field)),
        field_names: section
            .word(findings, "field_names", &field_names)
            .unwrap_or(Located::default_value(FieldNames::AsIs)),
        name: name?,
    })
}
