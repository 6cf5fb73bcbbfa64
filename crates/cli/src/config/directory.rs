//! From the configuration to the directory of projects, Logstores and access keys.

use std::collections::BTreeMap;

use logboom_access::{
    AccessKey, AccessKeyId, Directory, Logstore, Mistake, Place, Policy, Problem, Project,
    Retention, SecretHash,
};

use super::checks::twice;
use super::model::{self, Allow, Config, Located};
use crate::diagnostics::{Finding, Findings, Span};
use crate::suggest::nearest;

/// What an access key is worth: what its files and variables contain.
#[derive(Debug, Default)]
pub(super) struct KeyMaterial {
    pub(super) secrets: Vec<SecretHash>,
    pub(super) policies: Vec<Policy>,
}

/// Builds the directory. What has a name that cannot be one is left out: it has been reported.
/// `material` gives what belongs to the access key with this number.
pub(super) fn build(
    findings: &mut Findings,
    config: &Config,
    mut material: impl FnMut(usize) -> KeyMaterial,
) -> Option<Directory> {
    let mut builder = Directory::builder();
    builder.auth_failure(config.node.auth_failure.value);
    let mut left_out = Vec::new();

    let mut projects = Vec::new();
    for project in &config.projects {
        let Ok(name) = project.name.parse() else {
            left_out.push(project.name.as_str());
            continue;
        };
        let named =
            |store: &&model::Logstore| store.name.parse::<logboom_access::LogstoreName>().is_ok();
        let known: Vec<&model::Logstore> = project.logstores.iter().filter(named).collect();
        let logstores = known.iter().filter_map(|store| logstore(store)).collect();
        builder.project(Project { name, logstores });
        projects.push((project, known));
    }

    let mut keys = Vec::new();
    for (number, key) in config.access_keys.iter().enumerate() {
        let (Ok(id), Ok(project)) = (key.id.parse::<AccessKeyId>(), key.project.parse()) else {
            continue;
        };
        let KeyMaterial { secrets, policies } = material(number);
        builder.access_key(AccessKey { id, project, secrets, policies });
        keys.push(key);
    }

    match builder.build() {
        Ok(directory) => Some(directory),
        Err(mistakes) => {
            let places = Places { projects, keys, left_out };
            for mistake in mistakes {
                findings.extend_from(places.finding(&mistake));
            }
            None
        }
    }
}

/// The policy that one word stands for.
pub(super) fn policy_of(allow: Allow) -> Policy {
    let actions = match allow {
        Allow::Write => r#""log:PostLogStoreLogs""#,
        Allow::Read => r#""log:GetLogStoreLogs", "log:PullLogs""#,
        Allow::All => return Policy::full_access(),
    };
    let document = format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}]}}"#
    );
    Policy::parse(&document).expect("a test parses the policy of every word")
}

fn logstore(from: &model::Logstore) -> Option<Logstore> {
    Some(Logstore {
        name: from.name.parse().ok()?,
        shards: from.shards.value,
        retention: Retention {
            age: from.retention.age.as_ref().map(|age| age.value),
            bytes: from.retention.bytes.as_ref().map(|bytes| bytes.value),
        },
        mapping: from.mapping(),
    })
}

/// What the numbers of a [`Place`] stand for.
struct Places<'c> {
    projects: Vec<(&'c model::Project, Vec<&'c model::Logstore>)>,
    keys: Vec<&'c model::AccessKey>,
    /// Projects that are in the file but not in the directory.
    left_out: Vec<&'c str>,
}

impl Places<'_> {
    /// The finding for a mistake, unless it is a consequence of another one.
    fn finding(&self, mistake: &Mistake) -> Option<Finding> {
        let title = mistake.problem.to_string();
        let names = || self.projects.iter().map(|(project, _)| &project.name);
        match (&mistake.problem, mistake.place) {
            (Problem::DuplicateProject(_), Place::Project { project }) => {
                let second = &self.projects.get(project)?.0.name;
                Some(duplicate(title, second, names()))
            }
            (Problem::DuplicateLogstore(_), Place::Logstore { project, logstore }) => {
                let (_, logstores) = self.projects.get(project)?;
                let second = &logstores.get(logstore)?.name;
                Some(duplicate(title, second, logstores.iter().map(|store| &store.name)))
            }
            (Problem::DuplicateAccessKey(_), Place::AccessKey { key }) => {
                let second = &self.keys.get(key)?.id;
                Some(duplicate(title, second, self.keys.iter().map(|key| &key.id)))
            }
            (Problem::NoRetention, Place::Logstore { project, logstore }) => {
                let store = self.projects.get(project)?.1.get(logstore)?;
                let zero_age = store.retention.age.as_ref().filter(|age| age.is_zero());
                let origin = match zero_age {
                    Some(age) => age.origin,
                    None => store.retention.bytes.as_ref()?.origin,
                };
                Some(at(Finding::error("LB0105", title), origin, ""))
            }
            (Problem::UnknownProject(name), Place::AccessKey { key }) => {
                if self.left_out.contains(&name.as_str()) {
                    return None;
                }
                let key = self.keys.get(key)?;
                let finding = at(Finding::error("LB0108", title), key.project.origin, "");
                Some(match nearest(name.as_str(), names().map(|name| name.as_str())) {
                    Some(near) => finding.suggest(format!("did you mean `{near}`?")),
                    None => finding.help(format!("add a [[project]] with name = \"{name}\"")),
                })
            }
            // The number of shards and of secrets has been reported when they were read.
            _ => None,
        }
    }
}

fn duplicate<'c>(
    title: String,
    second: &Located<String>,
    all: impl Iterator<Item = &'c Located<String>>,
) -> Finding {
    let mut first: BTreeMap<&str, Option<Span>> = BTreeMap::new();
    for name in all {
        first.entry(name.as_str()).or_insert(name.origin);
    }
    twice(title, second.origin, first.get(second.as_str()).copied().flatten())
}

fn at(finding: Finding, origin: Option<Span>, text: &str) -> Finding {
    match origin {
        Some(span) => finding.at(span, text),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_for_rights_is_a_policy() {
        for allow in [Allow::Write, Allow::Read, Allow::All] {
            let _: Policy = policy_of(allow);
        }
    }
}
