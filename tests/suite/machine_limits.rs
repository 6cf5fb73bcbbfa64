//! A machine that allows too little is told at start, and not by the first client too many.

use std::process::Stdio;

use logboom_tests::{Server, Site};

use super::{acme, site};

const SERVE: [&str; 3] = ["serve", "--config", "logboom.toml"];
const CHECK: [&str; 3] = ["check", "--config", "logboom.toml"];
const FEW: &str = "ulimit -n 256";

#[test]
fn too_few_descriptors_stop_the_start_and_the_way_out_is_named() {
    let site = site();
    for arguments in [SERVE, CHECK] {
        let exit = site.start_after(FEW, &arguments, Stdio::null()).wait();
        assert_eq!(exit.code(), Some(2), "{}", exit.stderr);
        let said = exit.stdout + &exit.stderr;
        for part in [
            "error[LB0206]: too small for 2000 connections",
            "--> logboom.toml:",
            "so many are asked for here",
            "file descriptors are needed, and this process may have 256",
            "ulimit -n ",
            "LimitNOFILE=",
            "or connections_max = ",
        ] {
            assert!(said.contains(part), "no {part} in {said}");
        }
    }
    assert!(!site.path("data").exists());
}

#[test]
fn the_number_that_is_suggested_is_enough() {
    let site = site();
    let exit = site.start_after(FEW, &CHECK, Stdio::null()).wait();
    let (_, suggested) = exit.stdout.split_once("or connections_max = ").expect("a suggestion");
    let suggested = suggested.split(' ').next().unwrap_or_default();
    let both = format!("connections_max = {suggested}\nconnections_per_address_max = {suggested}");
    site.write(SERVE[2], &site.text(SERVE[2]).replace("connections_max = 2000", &both));

    let server = Server::when_ready(site.start_after(FEW, &SERVE, Stdio::null()));
    let others = 1..suggested.parse().expect("a number");
    let connections: Vec<_> = others.map(|_| server.public(&site).tcp()).collect();
    assert!(connections.len() > 50, "{suggested}");
    let _client = server.public(&site).login(&acme());
    drop(connections);
    let _events = server.stop();
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
    let (fitting, _) =
        warning.message().split_once(" instead of 10000 connections").expect("a lower number");
    let _limits = server.wait_for_message(&format!("limits: {fitting} connections"));
    let _events = server.stop();

    let exit = site.start_after("ulimit -n 100", &arguments, Stdio::null()).wait();
    assert_eq!(exit.code(), Some(2), "{}", exit.stderr);
    assert!(exit.stderr.contains("error[LB0206]"), "{}", exit.stderr);
}
