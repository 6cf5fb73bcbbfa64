//! What a test can only see if nothing else runs in its process. A test program of its own, whose tests
//! take turns.

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use logboom_sans_io::testing::{Frames, WINDOW_FRAMES};
use rustix::net::{AddressFamily, SocketType, connect, socket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::host::toy::{Server, Setup, exchange, reset};

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_process_without_file_descriptors_accepts_again_when_it_has_some() {
    let _turn = turn();
    let server = Server::start();
    exchange(&mut server.connect(), b"the server runs");
    let client: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limits }).expect("less is allowed");
    // The kernel completes the connection; only accepting it takes a descriptor.
    connect(&client, &server.addresses[0]).expect("the server listens");
    drop(server.wait_for(|seen| seen.accept_failures >= 3));
    setrlimit(Resource::Nofile, limits).expect("back to what it was");
    exchange(&mut TcpStream::from(client), b"hello");
}

#[test]
fn connections_that_wait_cost_no_time_of_a_processor() {
    let _turn = turn();
    let server = Server::start_with(Setup { holds: true, ..Setup::default() });
    let silent = server.connect();
    let mut half_closed = server.connect();
    half_closed.write_all(&Frames::encode(b"hello")).expect("the server reads");
    half_closed.shutdown(std::net::Shutdown::Write).expect("an open connection");
    // With a full window nothing is read, so nothing tells of a reset.
    let window = Frames::encode(b"hello").repeat(WINDOW_FRAMES);
    let mut full = server.connect();
    full.write_all(&window).expect("the server reads");
    let mut broken = server.connect();
    broken.write_all(&window).expect("the server reads");
    drop(server.wait_for(|seen| seen.frames == 1 + 2 * WINDOW_FRAMES));
    reset(broken);

    let before = processor_time();
    let (_nobody, nothing) = mpsc::channel::<()>();
    let watched = Duration::from_millis(400);
    assert!(nothing.recv_timeout(watched).is_err());
    let used = processor_time() - before;
    assert!(used < watched / 10, "{used:?} of {watched:?} while nothing happens");
    drop((silent, half_closed, full));
}

/// The processor time of this process so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().expect("a time after zero")
}
