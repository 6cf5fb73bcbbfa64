//! A machine that allows too little is told at start, and not by the first client too many.

use std::process::Stdio;

use logboom_tests::{Config, Server, Site};

use super::{acme, site};

const SERVE: [&str; 3] = ["serve", "--config", "logboom.toml"];
const CHECK: [&str; 3] = ["check", "--config", "logboom.toml"];

#[test]
fn too_few_descriptors_stop_the_start_and_the_way_out_is_named() {
    let site = site();
    for arguments in [SERVE, CHECK] {
        let exit = site.start_after("ulimit -n 256", &arguments, Stdio::null()).wait();
        assert_eq!(exit.code(), Some(2), "{}", exit.stderr);
        let said = exit.stdout + &exit.stderr;
        for part in [
            "error[LB0206]",
            "10128 file descriptors are needed",
            "may have 256",
            "ulimit -n 10128",
            "LimitNOFILE=10128",
            "connections_max = 128 and connections_per_address_max = 128",
        ] {
            assert!(said.contains(part), "no {part} in {said}");
        }
    }
    assert!(!site.path("data").exists());
}

#[test]
fn the_number_that_is_suggested_is_enough() {
    let mut config = Config::default();
    config.limits.push(("connections_max", "128"));
    config.limits.push(("connections_per_address_max", "128"));
    let site = Site::new(crate::PROGRAM, &config);
    let server = Server::when_ready(site.start_after("ulimit -n 256", &SERVE, Stdio::null()));
    let connections: Vec<_> = (0..127).map(|_| server.public(&site).tcp()).collect();
    let _client = server.public(&site).login(&acme());
    drop(connections);
    let _events = server.stop();
}

#[test]
fn a_number_that_was_written_is_pointed_at() {
    let mut config = Config::default();
    config.limits.push(("connections_max", "2000"));
    let site = Site::new(crate::PROGRAM, &config);
    let exit = site.start_after("ulimit -n 256", &SERVE, Stdio::null()).wait();
    assert_eq!(exit.code(), Some(2), "{}", exit.stderr);
    for part in ["error[LB0206]", "--> logboom.toml:", "so many are asked for here"] {
        assert!(exit.stderr.contains(part), "no {part} in {}", exit.stderr);
    }
}

#[test]
fn a_soft_limit_is_raised() {
    let site = site();
    let server = Server::when_ready(site.start_after("ulimit -S -n 40", &SERVE, Stdio::null()));
    let connections: Vec<_> = (0..100).map(|_| server.public(&site).tcp()).collect();
    let _client = server.public(&site).login(&acme());
    drop(connections);
    let _events = server.stop();
}

#[test]
fn a_demo_takes_as_many_connections_as_there_is_room_for() {
    let site = Site::empty(crate::PROGRAM);
    let arguments = ["serve", "--listen", "127.0.0.1:0"];
    let process = site.start_after("ulimit -n 1024", &arguments, Stdio::null());
    let server = Server::when_ready(process);
    let warning = server.wait_for_code("LB0206");
    assert!(warning.message().starts_with("896 instead of 10000 connections"), "{warning:?}");
    let limits = server.wait_for_message("limits: 896 connections");
    assert!(limits.message().contains("896"));
    let _events = server.stop();

    let exit = site.start_after("ulimit -n 100", &arguments, Stdio::null()).wait();
    assert_eq!(exit.code(), Some(2), "{}", exit.stderr);
    assert!(exit.stderr.contains("error[LB0206]"), "{}", exit.stderr);
}
