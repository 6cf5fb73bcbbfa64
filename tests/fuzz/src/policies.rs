//! Policy documents, and what they decide.

use std::sync::OnceLock;

use logboom_access::{
    AccessKey, AccessKeyId, Action, Directory, Logstore, LogstoreName, Policy, Project, SecretHash,
};

use crate::memory::bounded;

/// What may be kept of mistakes besides: each has a text, and they come at the price of a few bytes.
/// Only the operator of a server writes policies.
const MISTAKES_BYTES_MAX: usize = 256 * 1024;

/// A policy document. What is accepted is JSON, decides the same twice, and never allows what it
/// denies.
pub fn policy_json(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let parsed = bounded(input.len(), MISTAKES_BYTES_MAX, || Policy::parse(text));
    match parsed {
        Ok(policy) => check_policy(text, policy),
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            assert!(mistakes.iter().all(|mistake| !mistake.to_string().is_empty()));
        }
    }
}

fn check_policy(text: &str, policy: Policy) {
    let document: serde_json::Value = serde_json::from_str(text).expect("a policy is JSON");
    let statements = document["Statement"].as_array().cloned();
    let statements = statements.unwrap_or_else(|| vec![document["Statement"].clone()]);
    let has = |effect: &str| statements.iter().any(|statement| statement["Effect"] == effect);
    let alone = Decisions::of(vec![policy.clone()]);
    let twice = Decisions::of(vec![policy.clone(), policy.clone()]);
    let with_everything = Decisions::of(vec![Policy::full_access(), policy]);
    assert_eq!(alone, twice);
    // Without a denial nothing is taken away, and without an allowance nothing is given.
    assert!(has("Deny") || with_everything.0.iter().all(|allowed| *allowed));
    assert!(has("Allow") || alone.0.iter().all(|allowed| !allowed));
    // A denial wins, so a policy allows nothing that it does not leave of everything.
    let pairs = alone.0.iter().zip(&with_everything.0);
    assert!(pairs.clone().all(|(alone, with_everything)| !alone || *with_everything));
}

/// What a key may do, for every action on every Logstore.
#[derive(Debug, PartialEq, Eq)]
struct Decisions(Vec<bool>);

impl Decisions {
    fn of(policies: Vec<Policy>) -> Self {
        const NAMES: [&str; 3] = ["nginx", "app-log", "audit_2026"];
        let Key { id, hash, password } = key();
        let logstores: Vec<LogstoreName> = NAMES.map(|name| name.parse().expect("a name")).to_vec();
        let project = Project {
            name: "demo".parse().expect("a name"),
            logstores: logstores.iter().cloned().map(Logstore::new).collect(),
        };
        let mut builder = Directory::builder();
        builder.project(project);
        builder.access_key(AccessKey {
            id: id.clone(),
            project: "demo".parse().expect("a name"),
            secrets: vec![hash.clone()],
            policies,
        });
        let directory = builder.build().expect("no mistakes");
        let principal = directory.authenticate("demo", password.as_bytes()).expect("its password");
        let may = |action, logstore| directory.may(&principal, action, logstore);
        let all = Action::ALL.iter().flat_map(|action| logstores.iter().map(|l| may(*action, l)));
        Self(all.collect())
    }
}

struct Key {
    id: AccessKeyId,
    hash: SecretHash,
    password: String,
}

fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        let (id, secret) = AccessKey::generate([7; AccessKey::ENTROPY_BYTES]);
        let password = format!("{id}#{}", secret.expose());
        Key { id, hash: SecretHash::new(&secret, [0; SecretHash::SALT_BYTES]), password }
    })
}
