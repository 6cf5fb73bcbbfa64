//! Who may do what on the simulated server, and how that changes.

use std::sync::{Arc, OnceLock};

use logboom_access::{
    AccessKey, Directory, Logstore, Policy, Project, Retention, Secret, SecretHash,
};

use crate::dice::Dice;
use crate::random::Stream;

/// A project as it is configured, and as its clients know it.
#[derive(Debug, Clone)]
pub(crate) struct ProjectSite {
    pub(crate) name: &'static str,
    pub(crate) logstores: Vec<LogstoreSite>,
    /// The secrets that are live on the server.
    pub(crate) live: Vec<String>,
    /// The one the clients use.
    pub(crate) known: String,
    /// A secret was withdrawn while clients used it.
    pub(crate) was_revoked: bool,
    secrets_made: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct LogstoreSite {
    pub(crate) name: String,
    pub(crate) shards: u32,
    pub(crate) present: bool,
    /// It has not been there all the time.
    pub(crate) was_absent: bool,
    pub(crate) retention: Retention,
}

/// All projects.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) projects: Vec<ProjectSite>,
}

/// The secret of a key of each project that may do nothing.
pub(crate) const NO_RIGHTS: &str = "secret-of-nobody";

const NAMES: [&str; 2] = ["alpha", "omega"];

impl Site {
    pub(crate) fn draw(dice: &Dice) -> Self {
        let stream = Stream::Plan;
        let count = dice.between(stream, 1, 2);
        let small = |low, high| u32::try_from(dice.between(stream, low, high)).expect("small");
        let projects = NAMES.into_iter().take(usize::try_from(count).expect("small"));
        let projects = projects.map(|name| {
            let logstores = (0..small(1, 2)).map(|number| LogstoreSite {
                // The first one of each project has the same name.
                name: if number == 0 { "logs".to_owned() } else { format!("{name}-logs") },
                shards: small(1, 3),
                present: true,
                was_absent: false,
                retention: Retention {
                    age: None,
                    bytes: dice.chance(stream, 300).then(|| dice.between(stream, 1, 20) << 10),
                },
            });
            let secret = format!("secret-of-{name}-0");
            ProjectSite {
                name,
                logstores: logstores.collect(),
                live: vec![secret.clone()],
                known: secret,
                was_revoked: false,
                secrets_made: 1,
            }
        });
        Self { projects: projects.collect() }
    }

    /// A secret that nobody has used before.
    pub(crate) fn new_secret(&mut self, project: usize) -> String {
        let project = &mut self.projects[project];
        project.secrets_made += 1;
        format!("secret-of-{}-{}", project.name, project.secrets_made)
    }

    /// The snapshot that the engine works with.
    pub(crate) fn directory(&self) -> Arc<Directory> {
        let mut builder = Directory::builder();
        for project in &self.projects {
            let present = project.logstores.iter().filter(|logstore| logstore.present);
            let logstores = present.map(|logstore| Logstore {
                shards: logstore.shards,
                retention: logstore.retention,
                ..Logstore::new(logstore.name.parse().expect("a name"))
            });
            builder.project(Project {
                name: project.name.parse().expect("a name"),
                logstores: logstores.collect(),
            });
            builder.access_key(AccessKey {
                id: format!("none-{}", project.name).parse().expect("an id"),
                project: project.name.parse().expect("a name"),
                secrets: vec![SecretHash::new(&Secret::new(NO_RIGHTS), [7; 16])],
                policies: vec![full_access(), no_access()],
            });
            builder.access_key(AccessKey {
                id: format!("key-{}", project.name).parse().expect("an id"),
                project: project.name.parse().expect("a name"),
                secrets: project
                    .live
                    .iter()
                    .map(|secret| SecretHash::new(&Secret::new(secret.as_str()), [7; 16]))
                    .collect(),
                policies: vec![full_access()],
            });
        }
        Arc::new(builder.build().expect("a site without mistakes"))
    }

    /// The password of the key that may do nothing.
    pub(crate) fn password_without_rights(&self, project: usize) -> String {
        format!("none-{}#{NO_RIGHTS}", self.projects[project].name)
    }

    /// The password with that secret.
    pub(crate) fn password(&self, project: usize, secret: &str) -> String {
        format!("key-{}#{secret}", self.projects[project].name)
    }
}

/// A policy that denies everything, whatever others allow.
fn no_access() -> Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    let text =
        r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}"#;
    POLICY.get_or_init(|| Policy::parse(text).expect("a policy")).clone()
}

/// Parsing it takes longer than everything else here.
fn full_access() -> Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(Policy::full_access).clone()
}
