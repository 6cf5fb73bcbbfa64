use std::collections::BTreeMap;
use std::fmt;

use super::{AuthFailure, Directory};
use crate::access_key::{AccessKey, AccessKeyId};
use crate::logstore::{Logstore, Project};
use crate::name::{LogstoreName, ProjectName};

/// Collects plain data and makes a [`Directory`] of it, or reports everything that is wrong.
#[derive(Debug, Default)]
pub struct DirectoryBuilder {
    projects: Vec<Project>,
    access_keys: Vec<AccessKey>,
    auth_failure: AuthFailure,
}

impl DirectoryBuilder {
    /// Adds a project. [`Place`] counts projects in the order of these calls.
    pub fn project(&mut self, project: Project) -> &mut Self {
        self.projects.push(project);
        self
    }

    /// Adds an access key. [`Place`] counts keys in the order of these calls.
    pub fn access_key(&mut self, access_key: AccessKey) -> &mut Self {
        self.access_keys.push(access_key);
        self
    }

    /// Chooses what a client meets whose credentials are wrong.
    pub fn auth_failure(&mut self, auth_failure: AuthFailure) -> &mut Self {
        self.auth_failure = auth_failure;
        self
    }

    /// Makes the snapshot.
    ///
    /// # Errors
    ///
    /// Every mistake in what was added: projects and their Logstores first, then keys.
    pub fn build(self) -> Result<Directory, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let projects = index_projects(self.projects, &mut mistakes);
        let mut access_keys = BTreeMap::new();
        for (index, key) in self.access_keys.into_iter().enumerate() {
            let place = Place::AccessKey { key: index };
            for problem in problems_of_key(&key, |name| projects.contains_key(name)) {
                mistakes.push(Mistake { place, problem });
            }
            let id = key.id.clone();
            if access_keys.insert(id.clone(), key).is_some() {
                mistakes.push(Mistake { place, problem: Problem::DuplicateAccessKey(id) });
            }
        }
        if mistakes.is_empty() {
            Ok(Directory { projects, access_keys, auth_failure: self.auth_failure })
        } else {
            Err(mistakes)
        }
    }
}

/// Something wrong with what was given to a [`DirectoryBuilder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What it is about.
    pub place: Place,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for Mistake {}

/// Which of the things given to a [`DirectoryBuilder`], counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A project.
    Project {
        /// Its number among the projects.
        project: usize,
    },
    /// A Logstore of a project.
    Logstore {
        /// The number of the project.
        project: usize,
        /// The number of the Logstore within the project.
        logstore: usize,
    },
    /// An access key.
    AccessKey {
        /// Its number among the keys.
        key: usize,
    },
}

/// What is wrong with a project, a Logstore or an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// An earlier project has the same name.
    DuplicateProject(ProjectName),
    /// An earlier Logstore of the project has the same name.
    DuplicateLogstore(LogstoreName),
    /// An earlier key has the same id.
    DuplicateAccessKey(AccessKeyId),
    /// The number of shards is not 1 to [`Logstore::SHARDS_MAX`].
    Shards(u32),
    /// A retention of no time or no bytes would expire every log at once.
    NoRetention,
    /// A key belongs to a project that is not there.
    UnknownProject(ProjectName),
    /// The number of secrets of a key is not 1 to [`AccessKey::SECRETS_MAX`].
    Secrets(usize),
}

impl Problem {
    /// The stable code of this mistake in a configuration.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DuplicateProject(_)
            | Self::DuplicateLogstore(_)
            | Self::DuplicateAccessKey(_) => "LB0107",
            Self::Shards(_) | Self::NoRetention => "LB0105",
            Self::UnknownProject(_) => "LB0108",
            Self::Secrets(_) => "LB0111",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateProject(name) => write!(f, "there is already a project `{name}`"),
            Self::DuplicateLogstore(name) => {
                write!(f, "there is already a Logstore `{name}` in this project")
            }
            Self::DuplicateAccessKey(id) => write!(f, "there is already an access key `{id}`"),
            Self::Shards(shards) => {
                write!(f, "a Logstore has 1 to {} shards, not {shards}", Logstore::SHARDS_MAX)
            }
            Self::NoRetention => {
                f.write_str("a retention of nothing would expire every log at once; leave it out")
            }
            Self::UnknownProject(name) => write!(f, "there is no project `{name}`"),
            Self::Secrets(count) => {
                write!(f, "an access key has 1 to {} secrets, not {count}", AccessKey::SECRETS_MAX)
            }
        }
    }
}

fn index_projects(
    projects: Vec<Project>,
    mistakes: &mut Vec<Mistake>,
) -> BTreeMap<ProjectName, BTreeMap<LogstoreName, Logstore>> {
    let mut index = BTreeMap::new();
    for (number, project) in projects.into_iter().enumerate() {
        let mut logstores = BTreeMap::new();
        for (logstore_number, logstore) in project.logstores.into_iter().enumerate() {
            let place = Place::Logstore { project: number, logstore: logstore_number };
            for problem in problems_of_logstore(&logstore) {
                mistakes.push(Mistake { place, problem });
            }
            let name = logstore.name.clone();
            if logstores.insert(name.clone(), logstore).is_some() {
                mistakes.push(Mistake { place, problem: Problem::DuplicateLogstore(name) });
            }
        }
        if index.insert(project.name.clone(), logstores).is_some() {
            let place = Place::Project { project: number };
            mistakes.push(Mistake { place, problem: Problem::DuplicateProject(project.name) });
        }
    }
    index
}

fn problems_of_logstore(logstore: &Logstore) -> impl Iterator<Item = Problem> {
    let shards = (!(1..=Logstore::SHARDS_MAX).contains(&logstore.shards))
        .then_some(Problem::Shards(logstore.shards));
    let retention = &logstore.retention;
    let keeps_nothing =
        retention.age.is_some_and(|age| age.is_zero()) || retention.bytes == Some(0);
    shards.into_iter().chain(keeps_nothing.then_some(Problem::NoRetention))
}

fn problems_of_key(
    key: &AccessKey,
    is_project: impl Fn(&ProjectName) -> bool,
) -> impl Iterator<Item = Problem> {
    let project = (!is_project(&key.project)).then(|| Problem::UnknownProject(key.project.clone()));
    let count = key.secrets.len();
    let secrets =
        (!(1..=AccessKey::SECRETS_MAX).contains(&count)).then_some(Problem::Secrets(count));
    project.into_iter().chain(secrets)
}
