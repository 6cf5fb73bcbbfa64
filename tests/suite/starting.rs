//! What keeps a server from starting, and what it says then.

use std::path::Path;

use logboom_tests::{Config, Site, batch};

use super::{acme, site};

#[test]
fn a_second_server_on_the_same_data_does_not_start_and_does_not_disturb_the_first() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    let exit = site.run(&["serve", "--config", "logboom.toml"]);
    assert_eq!(exit.code(), Some(1), "{}", exit.stderr);
    assert!(exit.stderr.contains("error[LB0201]"), "{}", exit.stderr);
    let produced = client.produce("web", 0, batch(["undisturbed"])).expect("the connection lives");
    assert_eq!(produced, Ok(0));
    let _events = server.stop();
}

#[test]
fn a_second_demo_in_the_same_place_leaves_the_files_of_the_first_alone() {
    let site = Site::empty(crate::PROGRAM);
    let server = site.serve_demo();
    let before = contents(&site.path("logboom-data/demo"));
    let exit = site.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(exit.code(), Some(1), "{}", exit.stderr);
    assert!(exit.stderr.contains("error[LB0201]"), "{}", exit.stderr);
    assert!(before == contents(&site.path("logboom-data/demo")), "something was changed");
    let _events = server.stop();
}

#[test]
fn a_port_in_use_is_named_with_a_way_out() {
    let first = site();
    let server = first.serve();
    let address = server.addresses()[0].to_string();

    let mut config = Config::default();
    config.listeners[0].address.clone_from(&address);
    let exit = Site::new(crate::PROGRAM, &config).run(&["serve", "--config", "logboom.toml"]);
    assert_eq!(exit.code(), Some(1), "{}", exit.stderr);
    assert!(
        exit.stderr.contains(&format!("error[LB0203]: {address} is in use")),
        "{}",
        exit.stderr
    );
    assert!(exit.stderr.contains("help: "), "{}", exit.stderr);
    assert!(!exit.stderr.contains("--listen"), "not with --config: {}", exit.stderr);

    let exit = Site::empty(crate::PROGRAM).run(&["serve", "--listen", &address]);
    assert_eq!(exit.code(), Some(1), "{}", exit.stderr);
    assert!(exit.stderr.contains("error[LB0203]"), "{}", exit.stderr);
    assert!(exit.stderr.contains("--listen 127.0.0.1:0 takes any free port"), "{}", exit.stderr);
    let _events = server.stop();
}

#[test]
fn a_bad_configuration_is_shown_with_its_mistake_and_starts_nothing() {
    let site = site();
    let good = site.text("logboom.toml");
    site.write("logboom.toml", &good.replace("shards = 4", "shrads = 4"));
    let exit = site.run(&["serve", "--config", "logboom.toml"]);
    assert_eq!(exit.code(), Some(2), "{}", exit.stderr);
    let line = 1 + good.lines().position(|line| line == "shards = 4").expect("it is there");
    for part in [
        "error[LB0103]: unknown key `shrads`",
        &format!("--> logboom.toml:{line}:1"),
        "did you mean `shards`?",
        "Not started.",
    ] {
        assert!(exit.stderr.contains(part), "no {part} in {}", exit.stderr);
    }
    assert!(!site.path("data").exists());
}

#[test]
fn the_demo_is_for_this_machine_only() {
    let site = Site::empty(crate::PROGRAM);
    let exit = site.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(exit.code(), Some(2), "{}", exit.stderr);
    assert!(exit.stderr.contains("error[LB0121]"), "{}", exit.stderr);
    assert!(!site.path("logboom-data").exists());
}

#[test]
fn data_of_a_newer_program_is_neither_used_nor_changed() {
    let site = site_with_data();
    let segment = site.path("data/store/00000000000000000000.log");
    let mut bytes = std::fs::read(&segment).expect("the first segment");
    // The format version, little-endian.
    bytes[8] = u8::MAX;
    std::fs::write(&segment, &bytes).expect("it is written");
    let before = contents(&site.path("data/store"));
    for arguments in [
        &["serve", "--config", "logboom.toml"][..],
        &["read", "acme/web", "--config", "logboom.toml"],
    ] {
        let exit = site.run(arguments);
        assert_eq!(exit.code(), Some(1), "{}", exit.stderr);
        assert!(exit.stderr.contains("newer program"), "{}", exit.stderr);
    }
    assert!(before == contents(&site.path("data/store")), "something was changed");
}

#[test]
fn damage_that_no_crash_explains_is_never_cut_off() {
    let site = site_with_data();
    let segment = site.path("data/store/00000000000000000000.log");
    let mut bytes = std::fs::read(&segment).expect("the first segment");
    let at = bytes.windows(5).position(|window| window == b"first").expect("the first value");
    bytes[at] ^= 1;
    std::fs::write(&segment, &bytes).expect("it is written");
    let before = contents(&site.path("data/store"));
    let exit = site.run(&["serve", "--config", "logboom.toml"]);
    assert_eq!(exit.code(), Some(1), "{}", exit.stderr);
    assert!(exit.stderr.contains("error[LB0202]"), "{}", exit.stderr);
    assert!(exit.stderr.contains("00000000000000000000.log"), "{}", exit.stderr);
    assert!(before == contents(&site.path("data/store")), "something was changed");
}

#[test]
fn every_command_line_mistake_is_a_usage_error() {
    let site = Site::empty(crate::PROGRAM);
    for arguments in [
        &["serve", "--config", "missing.toml"][..],
        &["serve", "--config", "logboom.toml", "--listen", "127.0.0.1:0"],
        &["serve", "--nonsense"],
        &["read", "demo/demo"],
        &[],
    ] {
        let exit = site.run(arguments);
        assert_eq!(exit.code(), Some(2), "{arguments:?}: {}", exit.stderr);
        assert_eq!(exit.stdout, "", "{arguments:?}");
    }
    assert_eq!(std::fs::read_dir(site.directory()).expect("it is there").count(), 0);
}

/// A directory with a few batches in its store.
fn site_with_data() -> Site {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    for value in ["first", "second", "third"] {
        client.produce("web", 0, batch([value])).expect("the connection lives").expect("stored");
    }
    let _events = server.stop();
    site
}

/// The name and the bytes of every file, but not of the room that is kept for the next one.
fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).expect("the directory");
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("a readable directory");
            let bytes = std::fs::read(entry.path()).expect("a readable file");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.retain(|(name, _)| name != "spare.tmp");
    files.sort();
    files
}
