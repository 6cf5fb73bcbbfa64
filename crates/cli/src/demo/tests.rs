use std::os::unix::fs::PermissionsExt as _;

use super::*;

const NOW: &str = "2026-11-22T10:00:00Z";

fn open_at(directory: &Path, now: &str) -> Demo {
    let environment = Environment::default();
    let now = now.parse().unwrap();
    open_or_create(&Request { directory, listen: None, environment: &environment, now })
        .unwrap_or_else(|error| panic!("{}", error.0.render(false)))
}

/// The files of a demo with their contents, by name.
fn contents(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in [directory.to_owned(), directory.join("demo")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                files.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_second_start_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("a/logboom-data");
    let first = open_at(&data_dir, NOW);
    assert!(first.created && first.password_is_new);
    assert_eq!(first.loaded.warnings.warning_count(), 0);
    assert_eq!(*first.loaded.config.node.data_dir, data_dir);
    assert!(first.loaded.tls[0].is_some());
    let before = contents(&data_dir);
    let second = open_at(&data_dir, "2026-12-22T10:00:00Z");
    assert!(!second.created && !second.password_is_new);
    assert_eq!(contents(&data_dir), before);
    assert_eq!(second.ca_fingerprint, first.ca_fingerprint);
    assert_eq!(first.ca_fingerprint.len(), 32 * 3 - 1);
}

#[test]
fn the_password_logs_in() {
    let directory = tempfile::tempdir().unwrap();
    let demo = open_at(directory.path(), NOW);
    let password = demo.client_conf.password.as_bytes();
    let principal = demo.loaded.directory.authenticate(PROJECT, password).unwrap();
    let logstore = PROJECT.parse().unwrap();
    for action in logboom_access::Action::ALL {
        assert!(demo.loaded.directory.may(&principal, action, &logstore));
    }
}

#[test]
fn keys_and_passwords_are_for_their_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    open_at(directory.path(), NOW);
    for (path, text) in contents(directory.path()) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let is_private = text.contains("PRIVATE KEY") || text.contains("sasl.password");
        assert!(!is_private || mode == 0o600, "{} {mode:o}", path.display());
    }
}

#[test]
fn client_conf_is_written_with_the_port_that_was_bound() {
    let directory = tempfile::tempdir().unwrap();
    let mut demo = open_at(directory.path(), NOW);
    demo.write_client_conf("127.0.0.1:40123".parse().unwrap()).unwrap();
    let conf = ClientConf::read(&demo.paths.client_conf).unwrap();
    assert_eq!(conf.bootstrap_servers, "localhost:40123");
    assert_eq!(conf, demo.client_conf);
    assert!(conf.ca.as_ref().unwrap().is_absolute());
}

#[test]
fn a_demo_that_was_moved_says_where_it_is_now() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    open_at(&old, NOW);
    fs::rename(&old, &new).unwrap();
    let mut demo = open_at(&new, NOW);
    demo.write_client_conf("127.0.0.1:10012".parse().unwrap()).unwrap();
    let conf = ClientConf::read(&demo.paths.client_conf).unwrap();
    assert_eq!(conf.ca, Some(new.join("ca.pem")));
}

#[test]
fn whatever_a_crash_leaves_the_next_start_puts_right() {
    let whole = tempfile::tempdir().unwrap();
    open_at(whole.path(), NOW);
    for (path, _) in contents(whole.path()) {
        let name = path.strip_prefix(whole.path()).unwrap();
        for damage in [None, Some("")] {
            let directory = tempfile::tempdir().unwrap();
            open_at(directory.path(), NOW);
            let victim = directory.path().join(name);
            match damage {
                None => fs::remove_file(&victim).unwrap(),
                // The configuration may be edited by people; to empty it is their mistake.
                Some(_) if name.ends_with("logboom.toml") => continue,
                Some(text) => fs::write(&victim, text).unwrap(),
            }
            let demo = open_at(directory.path(), NOW);
            let password = demo.client_conf.password.clone();
            let valid = demo.loaded.directory.authenticate(PROJECT, password.as_bytes()).is_ok();
            assert!(valid, "{} {damage:?}", name.display());
            assert!(demo.loaded.tls[0].is_some(), "{} {damage:?}", name.display());
            let ca = fs::read_to_string(directory.path().join("ca.pem")).unwrap();
            assert_eq!(certificates::fingerprint(&ca).unwrap(), demo.ca_fingerprint);
        }
    }
}

#[test]
fn an_unfinished_directory_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("demo.new")).unwrap();
    fs::write(directory.path().join("demo.new/ca-key.pem"), "half").unwrap();
    assert!(open_at(directory.path(), NOW).created);
    assert!(!directory.path().join("demo.new").exists());
}

#[test]
fn the_certificate_is_renewed_before_it_ends_and_the_authority_stays() {
    let directory = tempfile::tempdir().unwrap();
    let first = open_at(directory.path(), NOW);
    let server = || fs::read_to_string(directory.path().join("demo/server.pem")).unwrap();
    let before = server();
    open_at(directory.path(), "2027-11-20T00:00:00Z");
    assert_eq!(server(), before, "34 days are left");
    let renewed = open_at(directory.path(), "2027-12-01T00:00:00Z");
    assert_ne!(server(), before, "23 days are left");
    assert_eq!(renewed.ca_fingerprint, first.ca_fingerprint);
    assert_eq!(renewed.loaded.warnings.warning_count(), 0);
    let later = open_at(directory.path(), "2036-06-01T00:00:00Z");
    assert_ne!(later.ca_fingerprint, first.ca_fingerprint, "the authority would end too early");
}

#[test]
fn the_demo_listens_on_this_machine_only() {
    let directory = tempfile::tempdir().unwrap();
    let environment = Environment::default();
    let mut request = Request {
        directory: directory.path(),
        listen: Some("0.0.0.0:10012".parse().unwrap()),
        environment: &environment,
        now: NOW.parse().unwrap(),
    };
    let error = open_or_create(&request).unwrap_err();
    assert!(error.0.render(false).starts_with("error[LB0121]: 0.0.0.0:10012 "));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was written");
    request.listen = Some("127.0.0.1:0".parse().unwrap());
    let demo = open_or_create(&request).unwrap();
    assert_eq!(demo.loaded.config.listeners[0].address.port(), 0);
}
