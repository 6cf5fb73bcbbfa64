//! Who may do what on the servers of the tests.

use std::sync::Arc;

use logboom_access::{
    AccessKey, AuthFailure, Directory, Logstore, Policy, Project, Secret, SecretHash,
};
use logboom_conn::Limits;
use logboom_engine::{Advertise, Options};

/// What a client logs in with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credentials {
    pub(crate) project: &'static str,
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
}

impl Credentials {
    pub(crate) fn password(self) -> String {
        format!("{}#{}", self.id, self.secret)
    }
}

/// May write to every Logstore of `acme`, whether or not it exists.
pub(crate) const ACME: Credentials =
    Credentials { project: "acme", id: "acme-full", secret: "s3cr3t-of-acme-full" };
/// May write to `nginx` of `acme`, and to nothing else.
pub(crate) const WRITER: Credentials =
    Credentials { project: "acme", id: "acme-writer", secret: "s3cr3t-of-acme-writer" };
/// May write to nothing.
pub(crate) const NOBODY: Credentials =
    Credentials { project: "acme", id: "acme-nobody", secret: "s3cr3t-of-acme-nobody" };
/// May write to every Logstore of `beta`.
pub(crate) const BETA: Credentials =
    Credentials { project: "beta", id: "beta-full", secret: "s3cr3t-of-beta-full" };

/// A secret of nobody, for those who guess.
pub(crate) const WRONG_SECRET: &str = "s3cr3t-that-was-guessed";

/// What no log line may contain: the secrets of the keys, and what is sent in their place.
pub(crate) const SECRETS: [&str; 5] =
    [ACME.secret, WRITER.secret, NOBODY.secret, BETA.secret, WRONG_SECRET];

const WRITER_POLICY: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow",
    "Action": "log:PostLogStoreLogs", "Resource": "acs:log:*:*:project/acme/logstore/nginx"}]}"#;

/// A server as it is configured.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) projects: Vec<Project>,
    pub(crate) keys: Vec<AccessKey>,
    pub(crate) auth_failure: AuthFailure,
    pub(crate) connection: Limits,
    pub(crate) engine: Options,
    pub(crate) store: logboom_store::Options,
    pub(crate) advertise: Advertise,
    pub(crate) disk_bytes: u64,
}

impl Default for Setup {
    fn default() -> Self {
        let segments = logboom_store::Options { segment_bytes: 1 << 20, ..Default::default() };
        Self {
            projects: vec![
                project("acme", &[("nginx", 2), ("audit", 1), ("mysql", 1)]),
                project("beta", &[("nginx", 3), ("payroll", 1)]),
            ],
            keys: vec![
                key(ACME, vec![Policy::full_access()]),
                key(WRITER, vec![Policy::parse(WRITER_POLICY).expect("a policy")]),
                key(NOBODY, vec![]),
                key(BETA, vec![Policy::full_access()]),
            ],
            auth_failure: AuthFailure::Error,
            connection: Limits::default(),
            engine: Options::default(),
            store: segments,
            advertise: super::advertised(),
            disk_bytes: 64 << 20,
        }
    }
}

impl Setup {
    pub(crate) fn directory(&self) -> Arc<Directory> {
        let mut builder = Directory::builder();
        builder.auth_failure(self.auth_failure);
        for project in &self.projects {
            builder.project(project.clone());
        }
        for key in &self.keys {
            builder.access_key(key.clone());
        }
        Arc::new(builder.build().expect("no mistakes"))
    }

    /// The Logstores of a project, to change them.
    pub(crate) fn logstores(&mut self, project: &str) -> &mut Vec<Logstore> {
        let project = self.projects.iter_mut().find(|p| p.name.as_str() == project);
        &mut project.expect("a project of the setup").logstores
    }
}

pub(crate) fn project(name: &str, logstores: &[(&str, u32)]) -> Project {
    let logstores = logstores.iter().map(|(name, shards)| logstore(name, *shards));
    Project { name: name.parse().expect("a name"), logstores: logstores.collect() }
}

pub(crate) fn logstore(name: &str, shards: u32) -> Logstore {
    Logstore { shards, ..Logstore::new(name.parse().expect("a name")) }
}

pub(crate) fn key(credentials: Credentials, policies: Vec<Policy>) -> AccessKey {
    AccessKey {
        id: credentials.id.parse().expect("an id"),
        project: credentials.project.parse().expect("a name"),
        secrets: vec![SecretHash::new(&Secret::new(credentials.secret), [9; 16])],
        policies,
    }
}
