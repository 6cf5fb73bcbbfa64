use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::login::{LoginError, LooksLike};
use crate::logstore::{Project, Retention};
use crate::policy::Policy;
use crate::secret::Secret;

const WRITE_NGINX: &str = r#"{
    "Version": "1",
    "Statement": [{
        "Effect": "Allow",
        "Action": "log:PostLogStoreLogs",
        "Resource": "acs:log:*:*:project/acme/logstore/nginx*"
    }]
}"#;

fn project(name: &str, logstores: &[&str]) -> Project {
    Project {
        name: name.parse().expect("a name"),
        logstores: logstores
            .iter()
            .map(|name| Logstore::new(name.parse().expect("a name")))
            .collect(),
    }
}

fn key(id: &str, project: &str, secrets: &[&str], policies: Vec<Policy>) -> AccessKey {
    let hash = |secret: &&str| SecretHash::new(&Secret::new(*secret), SecretHash::salt_from(id));
    AccessKey {
        id: id.parse().expect("an id"),
        project: project.parse().expect("a name"),
        secrets: secrets.iter().map(hash).collect(),
        policies,
    }
}

fn directory_with(keys: Vec<AccessKey>) -> Directory {
    let mut builder = Directory::builder();
    builder.project(project("acme", &["nginx", "nginx-errors", "audit"]));
    builder.project(project("beta", &["nginx"]));
    for key in keys {
        builder.access_key(key);
    }
    builder.build().expect("no mistakes")
}

fn directory() -> Directory {
    let write_nginx = Policy::parse(WRITE_NGINX).expect("a policy");
    directory_with(vec![
        key("LTAI1", "acme", &["old#secret", "new"], vec![write_nginx]),
        key("LTAI2", "beta", &["secret2"], vec![Policy::full_access()]),
        key("LTAI3", "acme", &["secret3"], Vec::new()),
    ])
}

fn logstore(name: &str) -> LogstoreName {
    name.parse().expect("a name")
}

fn refused(project: &str, password: &str) -> LoginError {
    directory().authenticate(project, password.as_bytes()).expect_err("a refusal")
}

#[test]
fn either_live_secret_logs_in() {
    for password in ["LTAI1#old#secret", "LTAI1#new"] {
        let principal = directory().authenticate("acme", password.as_bytes()).expect("a login");
        assert_eq!(principal.project().as_str(), "acme");
        assert_eq!(principal.access_key().as_str(), "LTAI1");
    }
}

#[test]
fn the_log_learns_why_a_login_was_refused() {
    let id = |text: &str| text.parse::<AccessKeyId>().expect("an id");
    let cases = [
        ("acme", "LTAI1", LoginError::NoHash { known_key: Some(id("LTAI1")) }),
        ("acme", "hunter2", LoginError::NoHash { known_key: None }),
        ("acme", "", LoginError::NoHash { known_key: None }),
        ("acme", "LTAI1#", LoginError::EmptyHalf { known_key: Some(id("LTAI1")) }),
        ("acme", "#secret3", LoginError::EmptyHalf { known_key: None }),
        ("nobody", "LTAI1#new", LoginError::UnknownProject { known_key: Some(id("LTAI1")) }),
        ("", "x#y", LoginError::UnknownProject { known_key: None }),
        ("acme", "LTAI9#new", LoginError::UnknownKey),
        ("acme", "LTAI1#newer", LoginError::WrongSecret { key: id("LTAI1") }),
        ("acme", "LTAI1#ne", LoginError::WrongSecret { key: id("LTAI1") }),
        (
            "acme",
            "LTAI2#secret2",
            LoginError::KeyOfAnotherProject {
                key: id("LTAI2"),
                owner: "beta".parse().expect("a name"),
            },
        ),
    ];
    for (project, password, expected) in cases {
        assert_eq!(refused(project, password), expected, "{project} {password}");
    }
}

#[test]
fn a_password_that_is_not_text_is_refused() {
    let error = directory().authenticate("acme", b"\xff#\xff").expect_err("a refusal");
    assert_eq!(error, LoginError::UnknownKey);
}

#[test]
fn a_client_cannot_find_out_what_exists() {
    let wrong = [
        refused("nobody", "LTAI9#x"),
        refused("nobody", "LTAI1#new"),
        refused("acme", "LTAI9#x"),
        refused("acme", "LTAI2#secret2"),
        refused("acme", "LTAI1#x"),
    ];
    for error in &wrong {
        assert_eq!(error.client_message(), wrong[0].client_message());
        assert_eq!(error.code(), "LB0401");
    }
    for (known, unknown) in [("LTAI1", "LTAI9"), ("LTAI1#", "LTAI9#")] {
        let (known, unknown) = (refused("acme", known), refused("nobody", unknown));
        assert_eq!(known.client_message(), unknown.client_message());
        assert_eq!((known.code(), unknown.code()), ("LB0402", "LB0402"));
    }
}

#[test]
fn messages_are_one_short_line_of_ascii_with_their_code() {
    for error in [refused("acme", "x"), refused("acme", "x#"), refused("acme", "x#y")] {
        let message = error.client_message();
        assert!(message.len() < 256 && message.is_ascii() && !message.contains('\n'));
        assert!(message.ends_with(&format!("[{}]", error.code())));
    }
}

#[test]
fn a_pasted_key_id_is_recognised_and_a_pasted_secret_is_not() {
    assert_eq!(refused("acme", "LTAI3").looks_like(), LooksLike::AccessKeyId);
    assert_eq!(refused("acme", "secret3").looks_like(), LooksLike::NothingKnown);
    assert_eq!(refused("acme", "LTAI3").known_key().map(AccessKeyId::as_str), Some("LTAI3"));
}

#[test]
fn nothing_printed_contains_a_password() {
    let directory = directory();
    let principal = directory.authenticate("acme", b"LTAI1#old#secret").expect("a login");
    let mut printed = format!("{directory:?} {:?} {principal:?}", Directory::builder());
    for (project, password) in [
        ("acme", "LTAI1#hunter2"),
        ("acme", "hunter2"),
        ("acme", "hunter2#"),
        ("hunter2", "hunter2#hunter2"),
        ("acme", "#hunter2"),
    ] {
        let error = refused(project, password);
        printed += &format!("{error} {error:?} {} {}", error.help(), error.client_message());
    }
    for hash in directory.access_keys().flat_map(|key| &key.secrets) {
        assert!(!printed.contains(&hash.to_text()[7..]));
    }
    for secret in ["hunter2", "old#secret", "secret2", "secret3"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn rights_do_not_depend_on_existence() {
    let directory = directory();
    let principal = directory.authenticate("acme", b"LTAI1#new").expect("a login");
    let may = |name| directory.may(&principal, Action::PostLogStoreLogs, &logstore(name));
    assert!(may("nginx") && may("nginx-that-is-not-there"));
    assert!(!may("audit") && !may("audit-that-is-not-there"));
    assert!(!directory.may(&principal, Action::PullLogs, &logstore("nginx")));
}

#[test]
fn a_policy_for_everything_ends_at_the_project() {
    let directory = directory();
    let principal = directory.authenticate("beta", b"LTAI2#secret2").expect("a login");
    let visible: Vec<_> = directory
        .logstores(&principal, Action::PostLogStoreLogs)
        .map(|logstore| logstore.name.as_str())
        .collect();
    assert_eq!(visible, ["nginx"]);
    let acme = "acme".parse().expect("a name");
    assert!(directory.logstore(&acme, &logstore("audit")).is_some());
    assert!(directory.logstore(principal.project(), &logstore("audit")).is_none());
}

#[test]
fn visible_logstores_are_sorted() {
    let directory = directory();
    let principal = directory.authenticate("acme", b"LTAI1#new").expect("a login");
    let visible: Vec<_> = directory
        .logstores(&principal, Action::PostLogStoreLogs)
        .map(|logstore| logstore.name.as_str())
        .collect();
    assert_eq!(visible, ["nginx", "nginx-errors"]);
}

#[test]
fn the_nearest_name_is_one_that_the_key_may_write_to() {
    let directory = directory();
    let principal = directory.authenticate("acme", b"LTAI1#new").expect("a login");
    let nearest = |wanted| {
        directory.nearest(&principal, &logstore(wanted)).map(|name| name.as_str().to_owned())
    };
    assert_eq!(nearest("ngnix").as_deref(), Some("nginx"));
    assert_eq!(nearest("nginx-error").as_deref(), Some("nginx-errors"));
    assert_eq!(nearest("apache"), None);
    assert_eq!(nearest("audits"), None);
}

#[test]
fn a_reload_ends_the_sessions_of_what_was_revoked_and_no_others() {
    let before = directory();
    let old = before.authenticate("acme", b"LTAI1#old#secret").expect("a login");
    let new = before.authenticate("acme", b"LTAI1#new").expect("a login");
    assert!(before.still_valid(&old) && before.still_valid(&new));

    let full = || vec![Policy::full_access()];
    let rotated = directory_with(vec![key("LTAI1", "acme", &["new", "newer"], full())]);
    assert!(!rotated.still_valid(&old) && rotated.still_valid(&new));
    let write = |principal| rotated.may(principal, Action::PostLogStoreLogs, &logstore("audit"));
    assert!(!write(&old) && write(&new));

    let moved = directory_with(vec![key("LTAI1", "beta", &["old#secret", "new"], full())]);
    assert!(!moved.still_valid(&old) && !moved.still_valid(&new));
    assert!(!directory_with(Vec::new()).still_valid(&new));
}

#[test]
fn keys_without_a_right_are_found() {
    let directory = directory();
    let ids = |action| -> Vec<_> {
        directory.keys_without(action).map(|key| key.id.as_str().to_owned()).collect()
    };
    assert_eq!(ids(Action::PostLogStoreLogs), ["LTAI3"]);
    assert_eq!(ids(Action::PullLogs), ["LTAI1", "LTAI3"]);
}

#[test]
fn wrong_credentials_are_an_error_unless_the_configuration_says_otherwise() {
    assert_eq!(directory().auth_failure(), AuthFailure::Error);
    let mut builder = Directory::builder();
    builder.auth_failure(AuthFailure::Topic);
    assert_eq!(builder.build().expect("no mistakes").auth_failure(), AuthFailure::Topic);
}

#[test]
fn the_builder_reports_every_mistake() {
    let mut builder = Directory::builder();
    let mut bad = project("acme", &["nginx", "nginx"]);
    bad.logstores[0].shards = 0;
    bad.logstores[1].retention = Retention { age: Some(Duration::ZERO), bytes: None };
    builder.project(bad);
    builder.project(project("acme", &[]));
    builder.access_key(key("LTAI1", "acme", &["a", "b", "c"], Vec::new()));
    builder.access_key(key("LTAI1", "nobody", &[], Vec::new()));
    let found: Vec<_> = builder
        .build()
        .expect_err("mistakes")
        .into_iter()
        .map(|mistake| (mistake.place, mistake.problem))
        .collect();
    let acme: ProjectName = "acme".parse().expect("a name");
    let key = |key| Place::AccessKey { key };
    assert_eq!(
        found,
        [
            (Place::Logstore { project: 0, logstore: 0 }, Problem::Shards(0)),
            (Place::Logstore { project: 0, logstore: 1 }, Problem::NoRetention),
            (
                Place::Logstore { project: 0, logstore: 1 },
                Problem::DuplicateLogstore(logstore("nginx"))
            ),
            (Place::Project { project: 1 }, Problem::DuplicateProject(acme)),
            (key(0), Problem::Secrets(3)),
            (key(1), Problem::UnknownProject("nobody".parse().expect("a name"))),
            (key(1), Problem::Secrets(0)),
            (key(1), Problem::DuplicateAccessKey("LTAI1".parse().expect("an id"))),
        ]
    );
}

#[test]
fn the_largest_number_of_shards_is_accepted_and_one_more_is_not() {
    for (shards, good) in [(Logstore::SHARDS_MAX, true), (Logstore::SHARDS_MAX + 1, false)] {
        let mut builder = Directory::builder();
        let mut project = project("acme", &["nginx"]);
        project.logstores[0].shards = shards;
        builder.project(project);
        assert_eq!(builder.build().is_ok(), good);
    }
}

proptest! {
    #[test]
    fn only_the_right_words_log_in(
        project in "(acme|beta|nobody|\\PC{0,5})",
        password in "(LTAI1|LTAI2|LTAI3|LTAI9|\\PC{0,4})#?(new|old#secret|secret2|secret3|\\PC{0,4})",
    ) {
        let right = matches!(
            (project.as_str(), password.as_str()),
            ("acme", "LTAI1#new" | "LTAI1#old#secret" | "LTAI3#secret3") | ("beta", "LTAI2#secret2")
        );
        let login = directory().authenticate(&project, password.as_bytes());
        prop_assert_eq!(login.is_ok(), right);
    }
}
