//! Alone in its process, because it takes away the file descriptors.

mod toy;

use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, connect, socket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use toy::{Server, exchange};

#[test]
fn a_process_without_file_descriptors_accepts_again_when_it_has_some() {
    let server = Server::start();
    exchange(&mut server.connect(), b"the server runs");
    let client: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limits }).expect("less is allowed");
    // The kernel completes the connection; only accepting it takes a descriptor.
    connect(&client, &server.address).expect("the server listens");
    drop(server.wait_for(|seen| seen.accept_failures >= 3));
    setrlimit(Resource::Nofile, limits).expect("back to what it was");
    exchange(&mut TcpStream::from(client), b"hello");
}
