//! A listening socket that somebody else holds: it outlives the server, so a restart refuses nobody.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::thread;

use logboom_tests::{Process, Server, Site, batch};
use rustix::net::{AddressFamily, SocketType, bind, socket};

use super::{acme, site};

const SERVE: [&str; 3] = ["serve", "--config", "logboom.toml"];
const FOR_US: &str = "export LISTEN_PID=$$ LISTEN_FDS=1";

#[test]
fn who_connects_between_two_servers_waits_for_the_second() {
    let site = site();
    let listener = listen();
    let first = Server::when_ready(start(&site, FOR_US, &listener));
    assert_eq!(first.addresses()[0], listener.local_addr().expect("an address"));
    let said = first.wait_for_message("listening: ");
    assert!(said.message().ends_with("inherited socket"), "{}", said.message());
    let public = first.public(&site);
    let _client = public.login(&acme());
    let _events = first.stop();

    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut client = public.login(&acme());
            client.produce("web", 0, batch(["patient"])).expect("the connection lives")
        });
        let second = Server::when_ready(start(&site, FOR_US, &listener));
        assert_eq!(waiting.join().expect("a client"), Ok(0));
        let _events = second.stop();
    });
}

#[test]
fn a_server_with_a_socket_waits_until_the_one_before_it_has_left_the_data() {
    let site = site();
    let listener = listen();
    let first = Server::when_ready(start(&site, FOR_US, &listener));
    let second = start(&site, FOR_US, &listener);
    second.stderr().wait_for("a server that waits", |lines| {
        lines.iter().find(|line| line.contains("waiting for the server before this one")).cloned()
    });
    let _events = first.stop();
    let second = Server::when_ready(second);
    let mut client = second.public(&site).login(&acme());
    assert_eq!(client.produce("web", 0, batch(["next"])).expect("the connection lives"), Ok(0));
    let _events = second.stop();
}

#[test]
fn a_socket_is_found_by_the_name_of_its_listener() {
    let site = site();
    let listener = listen();
    let prelude = format!("{FOR_US} LISTEN_FDNAMES=internal");
    let server = Server::when_ready(start(&site, &prelude, &listener));
    assert_eq!(server.addresses()[1], listener.local_addr().expect("an address"));
    let _events = server.stop();
}

#[test]
fn a_demo_takes_the_socket_of_its_address() {
    let site = Site::empty(crate::PROGRAM);
    let listener = listen();
    let address = listener.local_addr().expect("an address");
    let arguments = ["serve", "--listen", &address.to_string()];
    let process = site.start_after(FOR_US, &arguments, clone(&listener));
    let server = Server::when_ready(process);
    assert_eq!(server.addresses(), [address]);
    let _events = server.stop();
}

#[test]
fn what_was_passed_to_another_process_is_left_alone() {
    let site = site();
    let listener = listen();
    let server = Server::when_ready(start(&site, "export LISTEN_PID=1 LISTEN_FDS=1", &listener));
    assert_ne!(server.addresses()[0], listener.local_addr().expect("an address"));
    let _events = server.stop();
}

#[test]
fn a_socket_that_nobody_would_serve_stops_the_start() {
    let silent = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&silent, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let elsewhere = TcpListener::bind("127.0.0.2:0").expect("a free port");
    let twice = format!("exec 4<&0; {} LISTEN_FDS=2", FOR_US);
    let short = format!("{FOR_US} LISTEN_FDS=9");
    let cases: [(&str, OwnedFd, &str); 6] = [
        (FOR_US, silent, "descriptor 3 does not listen"),
        (FOR_US, datagrams.into(), "descriptor 3 is no TCP socket"),
        (FOR_US, elsewhere.into(), "belongs to no listener"),
        (&twice, listen().into(), "is a second socket for the same listener"),
        (&short, listen().into(), "descriptor 4 is not open"),
        ("export LISTEN_PID=$$ LISTEN_FDS=x", listen().into(), "LISTEN_FDS is no number: x"),
    ];
    for (prelude, descriptor, problem) in cases {
        let site = site();
        let exit = site.start_after(prelude, &SERVE, descriptor).wait();
        assert_eq!(exit.code(), Some(1), "{}", exit.stderr);
        for part in ["error[LB0205]", problem, "help: "] {
            assert!(exit.stderr.contains(part), "no {part} in {}", exit.stderr);
        }
        assert!(!site.path("data").exists());
    }
}

fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

fn clone(listener: &TcpListener) -> OwnedFd {
    listener.try_clone().expect("a descriptor").into()
}

fn start(site: &Site, prelude: &str, listener: &TcpListener) -> Process {
    site.start_after(prelude, &SERVE, clone(listener))
}
