//! What a key may see and write, as topics.

use logboom_access::{Action, Directory, Form, Logstore, Principal, Topic};
use logboom_planted::planted;

use crate::refusal::Refusal;

/// A topic that a client may write to.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) logstore: &'a Logstore,
    pub(crate) form: Form,
}

/// The topic under which a Logstore is known to clients that write values in this form.
pub(crate) fn name(logstore: &Logstore, form: Form) -> String {
    Topic::new(logstore.name.clone(), form).to_string()
}

/// Finds the Logstore that a topic names, if `principal` may write to it.
///
/// Rights come before existence: who has no right learns nothing about what exists.
pub(crate) fn find<'a>(
    directory: &'a Directory,
    principal: Option<&Principal>,
    name: &str,
) -> Result<Target<'a>, Refusal> {
    let topic = Topic::parse(name).map_err(|error| Refusal::InvalidName(error.reason))?;
    let principal = principal.ok_or(Refusal::NoWriteRight)?;
    if !planted!(RightsNotChecked)
        && !directory.may(principal, Action::PostLogStoreLogs, topic.logstore())
    {
        return Err(Refusal::NoWriteRight);
    }
    let logstore = directory.logstore(principal.project(), topic.logstore());
    let logstore = logstore.ok_or(Refusal::UnknownLogstore)?;
    Ok(Target { logstore, form: topic.form() })
}

/// The topic that a client probably meant by a name that is refused, if it may write to that.
///
/// Looks at every Logstore of the project: not for every name of a long request.
pub(crate) fn nearest(
    directory: &Directory,
    principal: Option<&Principal>,
    refusal: &Refusal,
    name: &str,
) -> Option<String> {
    if !matches!(refusal, Refusal::UnknownLogstore | Refusal::InvalidName(_)) {
        return None;
    }
    let meant = guess(name)?;
    let found = directory.nearest(principal?, meant.logstore())?;
    Some(Topic::new(found.clone(), meant.form()).to_string())
}

/// A name without what people do to names: capitals, dots and spaces, and more behind `.json`.
fn guess(name: &str) -> Option<Topic> {
    if name.len() > GUESSED_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let (logstore, form) = match name.split_once(".json") {
        Some((logstore, _)) => (logstore, Form::Json),
        None => (name.as_str(), Form::Raw),
    };
    let fits = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let logstore = logstore.trim().replace(|char| !fits(char), "-");
    Some(Topic::new(logstore.parse().ok()?, form))
}

/// Longer names than any topic of Kafka are no misspellings.
const GUESSED_BYTES_MAX: usize = 249;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use logboom_access::{AccessKey, NameError, Policy, Project, Secret, SecretHash};

    use super::*;

    /// A project with one Logstore, and a key that may write to `nginx` and `ngin*` only.
    fn directory() -> (Directory, Arc<Principal>) {
        let policy = r#"{"Version": "1", "Statement": [{"Effect": "Allow",
            "Action": "log:PostLogStoreLogs",
            "Resource": "acs:log:*:*:project/demo/logstore/ngin*"}]}"#;
        let mut builder = Directory::builder();
        builder.project(Project {
            name: "demo".parse().expect("a name"),
            logstores: ["nginx", "audit"]
                .map(|name| Logstore::new(name.parse().expect("a name")))
                .to_vec(),
        });
        builder.access_key(AccessKey {
            id: "key".parse().expect("an id"),
            project: "demo".parse().expect("a name"),
            secrets: vec![SecretHash::new(&Secret::new("secret"), [0; 16])],
            policies: vec![Policy::parse(policy).expect("a policy")],
        });
        let directory = builder.build().expect("no mistakes");
        let principal = directory.authenticate("demo", b"key#secret").expect("the right secret");
        (directory, principal)
    }

    #[test]
    fn both_names_of_a_logstore_find_it() {
        let (directory, principal) = directory();
        for (topic, form) in [("nginx", Form::Raw), ("nginx.json", Form::Json)] {
            let target = find(&directory, Some(&principal), topic).expect("a right to it");
            assert_eq!(target.logstore.name.as_str(), "nginx");
            assert_eq!(target.form, form);
            assert_eq!(name(target.logstore, target.form), topic);
        }
    }

    #[test]
    fn without_a_right_nobody_learns_what_exists() {
        let (directory, principal) = directory();
        let refused = |principal, topic| find(&directory, principal, topic).expect_err(topic);
        for topic in ["audit", "absent", "audit.json"] {
            assert_eq!(refused(Some(&*principal), topic), Refusal::NoWriteRight);
        }
        for topic in ["nginx", "audit", "absent"] {
            assert_eq!(refused(None, topic), Refusal::NoWriteRight);
        }
    }

    #[test]
    fn a_name_that_cannot_be_is_told_apart_from_one_that_is_not() {
        let (directory, principal) = directory();
        let refused = |topic| find(&directory, Some(&principal), topic).expect_err(topic);
        assert_eq!(refused("ngin"), Refusal::UnknownLogstore);
        assert_eq!(refused("n"), Refusal::InvalidName(NameError::Length { chars: 1 }));
        assert_eq!(refused("a.b"), Refusal::InvalidName(NameError::Character { found: '.' }));
    }

    #[test]
    fn a_misspelt_name_is_corrected_to_what_the_key_may_write_to() {
        let (directory, principal) = directory();
        let nearest = |topic| {
            let refusal = find(&directory, Some(&principal), topic).expect_err(topic);
            nearest(&directory, Some(&principal), &refusal, topic)
        };
        for (topic, meant) in [
            ("nginxx.json", "nginx.json"),
            ("Nginx", "nginx"),
            ("NGINX.JSON", "nginx.json"),
            ("nginx.json.json", "nginx.json"),
            ("nginx.jsonl", "nginx.json"),
            ("nginx.", "nginx"),
            (" nginx", "nginx"),
        ] {
            assert_eq!(nearest(topic).as_deref(), Some(meant), "{topic}");
        }
        let (unknown, long) = (Refusal::UnknownLogstore, "nginx".repeat(100));
        let nearest =
            |principal, refusal, topic| super::nearest(&directory, principal, refusal, topic);
        assert_eq!(nearest(Some(&*principal), &unknown, "audi"), None, "no right to audit");
        assert_eq!(nearest(Some(&*principal), &unknown, &long), None);
        assert_eq!(nearest(Some(&*principal), &Refusal::NoWriteRight, "ngin"), None);
        assert_eq!(nearest(None, &unknown, "ngin"), None);
    }
}
