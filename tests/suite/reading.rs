//! `read` besides what the other tests do with it.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use logboom_tests::{Client, Lines, Log, Process, Server, Site, batch, eventually};
use rustix::process::Signal;

use super::{acme, site};

#[test]
fn following_prints_what_arrives_later_also_over_a_restart_of_the_server() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    store(&mut client, "before");
    let follow = follow(&site, "earliest");
    expect(follow.stdout(), 1, "before");
    store(&mut client, "while it follows");
    expect(follow.stdout(), 2, "while it follows");
    drop(client);
    let _events = server.stop();
    let server: Server = site.serve();
    store(&mut server.public(&site).login(&acme()), "after a restart");
    expect(follow.stdout(), 3, "after a restart");
    let _events = server.stop();
    follow.signal(Signal::TERM);
    let exit = follow.wait();
    assert_eq!(exit.stdout.lines().count(), 3);
    assert_eq!(exit.stderr, "");
}

#[test]
fn following_from_the_latest_leaves_out_what_was_there() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    store(&mut client, "old");
    let follow = follow(&site, "latest");
    // Nothing says when it has begun, so new logs come until it shows one.
    let first = eventually("a new log", || {
        store(&mut client, "new");
        follow.stdout().so_far().first().cloned()
    });
    assert_eq!(Log::parse(&first).content(), "new");
    let _events = server.stop();
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    // Far more than fits into a pipe.
    let line = "x".repeat(10_000);
    let stored = client.produce("web", 0, batch(vec![line.as_str(); 100]));
    assert_eq!(stored.expect("the connection lives"), Ok(0));
    let _events = server.stop();
    for format in ["json", "pretty", "protobuf"] {
        let arguments = ["read", "acme/web", "--config", "logboom.toml", "--format", format];
        let mut command = site.program().command(site.directory(), &arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut read = command.spawn().expect("the program starts");
        let mut stdout = BufReader::new(read.stdout.take().expect("it is piped"));
        assert!(!stdout.fill_buf().expect("it prints").is_empty());
        drop(stdout);
        let exit = read.wait_with_output().expect("it ends");
        assert_eq!(exit.status.code(), Some(0), "{format}");
        assert_eq!(exit.stderr, b"", "{format}");
    }
}

#[test]
fn a_misspelt_logstore_is_answered_with_the_one_that_was_meant() {
    let site = site();
    let _events = site.serve().stop();
    let exit = site.run(&["read", "acme/wed", "--config", "logboom.toml"]);
    assert_eq!(exit.code(), Some(2), "{}", exit.stderr);
    assert!(exit.stderr.contains("did you mean acme/web?"), "{}", exit.stderr);
}

#[test]
fn a_store_that_no_server_has_made_yet_is_answered_with_how_it_is_made() {
    let exit = site().run(&["read", "acme/web", "--config", "logboom.toml"]);
    assert_eq!(exit.code(), Some(1), "{}", exit.stderr);
    assert!(exit.stderr.starts_with("error: there is no store in data/store\n"), "{}", exit.stderr);
    assert!(exit.stderr.contains("serve` makes it at its first start"), "{}", exit.stderr);
}

#[test]
fn a_logstore_without_logs_is_read_as_nothing() {
    let site = site();
    let _events = site.serve().stop();
    assert_eq!(site.read("acme/audit"), []);
}

fn store(client: &mut Client, value: &str) {
    let produced = client.produce("audit", 0, batch([value])).expect("the connection lives");
    produced.expect("stored");
}

fn follow(site: &Site, from: &str) -> Process {
    let arguments = [
        "read",
        "acme/audit",
        "--config",
        "logboom.toml",
        "--follow",
        "--from",
        from,
        "--format",
        "json",
        "--with-offsets",
    ];
    Process::spawn(site.program().command(site.directory(), &arguments))
}

/// Waits for the line of that number, and checks what it is.
fn expect(lines: &Lines, number: usize, content: &str) {
    let line = lines.wait_for(content, |lines| lines.get(number - 1).cloned());
    assert_eq!(Log::parse(&line).content(), content);
}
