//! The snapshot of everything that rights depend on.

mod authenticate;
mod builder;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use builder::{DirectoryBuilder, Mistake, Place, Problem};

use logboom_planted::planted;

use crate::access_key::{AccessKey, AccessKeyId};
use crate::action::Action;
use crate::logstore::Logstore;
use crate::name::{LogstoreName, ProjectName};
use crate::policy::{Resource, Verdict};
use crate::secret::SecretHash;

/// What a client meets whose credentials are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthFailure {
    /// Its login is refused (`auth_failure = "error"`).
    #[default]
    Error,
    /// Its login is accepted, but it has no right: every topic answers
    /// `TOPIC_AUTHORIZATION_FAILED`, as the reference document on uploading logs over the Kafka
    /// protocol promises in its table of errors (`auth_failure = "topic"`).
    Topic,
}

/// Who a client has proved to be, for as long as its connection lives.
///
/// It holds no rights: those are looked up in the present [`Directory`], so that a changed policy
/// counts from the next request on.
#[derive(Debug, Clone)]
pub struct Principal {
    project: ProjectName,
    access_key: AccessKeyId,
    /// The secret it logged in with, so that retiring one of two secrets ends its sessions only.
    secret: SecretHash,
}

impl Principal {
    /// The project it logged in to.
    #[must_use]
    pub const fn project(&self) -> &ProjectName {
        &self.project
    }

    /// The key it logged in with.
    #[must_use]
    pub const fn access_key(&self) -> &AccessKeyId {
        &self.access_key
    }
}

/// An immutable snapshot of all projects, Logstores, access keys and policies.
#[derive(Debug, Default)]
pub struct Directory {
    projects: BTreeMap<ProjectName, BTreeMap<LogstoreName, Logstore>>,
    access_keys: BTreeMap<AccessKeyId, AccessKey>,
    auth_failure: AuthFailure,
}

impl Directory {
    /// A builder without any project.
    #[must_use]
    pub fn builder() -> DirectoryBuilder {
        DirectoryBuilder::default()
    }

    /// What a client meets whose credentials are wrong.
    #[must_use]
    pub const fn auth_failure(&self) -> AuthFailure {
        self.auth_failure
    }

    /// Whether `principal`, which an earlier snapshot made, could still log in: its key exists, is
    /// of the same project, and the secret it used is still live.
    #[must_use]
    pub fn still_valid(&self, principal: &Principal) -> bool {
        self.access_keys.get(&principal.access_key).is_some_and(|key| {
            key.project == principal.project && key.secrets.contains(&principal.secret)
        })
    }

    /// Whether `principal` may do this with a Logstore of its project, whether or not that exists.
    ///
    /// Always no if the principal is not [`still_valid`](Self::still_valid).
    #[must_use]
    pub fn may(&self, principal: &Principal, action: Action, logstore: &LogstoreName) -> bool {
        self.still_valid(principal)
            && self
                .access_keys
                .get(&principal.access_key)
                .is_some_and(|key| key_may(key, action, logstore))
    }

    /// The Logstores with which `principal` may do this, sorted by name.
    pub fn logstores(
        &self,
        principal: &Principal,
        action: Action,
    ) -> impl Iterator<Item = &Logstore> {
        self.logstores_of(principal.project().as_str())
            .filter(move |logstore| self.may(principal, action, &logstore.name))
    }

    /// The Logstore to which `principal` may write and whose name is nearest to `wanted`, if any
    /// is near enough to be what was meant.
    #[must_use]
    pub fn nearest(&self, principal: &Principal, wanted: &LogstoreName) -> Option<&LogstoreName> {
        let wanted = wanted.as_str();
        let distance_max = (wanted.len() / 3).max(1);
        self.logstores(principal, Action::PostLogStoreLogs)
            .map(|logstore| &logstore.name)
            // A cheap lower bound of the distance; most names end here.
            .filter(|name| name.as_str().len().abs_diff(wanted.len()) <= distance_max)
            .map(|name| (strsim::damerau_levenshtein(name.as_str(), wanted), name))
            .filter(|(distance, _)| *distance <= distance_max)
            .min()
            .map(|(_, name)| name)
    }

    /// The names of all projects, sorted.
    pub fn projects(&self) -> impl Iterator<Item = &ProjectName> {
        self.projects.keys()
    }

    /// Whether there is a project with this name. Also for text that can be no name.
    #[must_use]
    pub fn has_project(&self, project: &str) -> bool {
        self.projects.contains_key(project)
    }

    /// The Logstores of a project, sorted by name; none if there is no such project.
    pub fn logstores_of(&self, project: &str) -> impl Iterator<Item = &Logstore> {
        self.projects.get(project).into_iter().flat_map(BTreeMap::values)
    }

    /// A Logstore, if it exists. Ask [`may`](Self::may) first: existence is not everybody's
    /// business.
    #[must_use]
    pub fn logstore(&self, project: &ProjectName, logstore: &LogstoreName) -> Option<&Logstore> {
        self.projects.get(project)?.get(logstore)
    }

    /// All access keys, sorted by id.
    pub fn access_keys(&self) -> impl Iterator<Item = &AccessKey> {
        self.access_keys.values()
    }

    /// The keys that may do this with no existing Logstore, sorted by id: mostly a forgotten
    /// policy, or one with a misspelt name.
    pub fn keys_without(&self, action: Action) -> impl Iterator<Item = &AccessKey> {
        self.access_keys().filter(move |key| {
            !self
                .logstores_of(key.project.as_str())
                .any(|logstore| key_may(key, action, &logstore.name))
        })
    }
}

/// What the policies of a key say together: some allow it, and none denies it.
fn key_may(key: &AccessKey, action: Action, logstore: &LogstoreName) -> bool {
    let resource = Resource::new(&key.project, logstore);
    let verdict = key.policies.iter().map(|policy| policy.verdict(action, &resource)).max();
    verdict == Some(Verdict::Allowed) || (planted!(AllowBeatsDeny) && verdict.is_some())
}
