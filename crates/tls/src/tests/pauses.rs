//! An inner machine that stops reading with a full buffer, and goes on when it is told to.

use std::io::{ErrorKind, IoSlice, Write};
use std::time::Instant;

use logboom_sans_io::{Machine, OnSecured, Stale, Step, TlsFailure, Wait};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;

use super::harness::{certificate, client_config};
use crate::{CertificateResolver, Tls, server_config};

const BUFFER_BYTES: usize = 4096;

/// Takes a buffer of bytes each time it is told to, and reads no more while a full one waits.
#[derive(Debug, Default)]
struct Pausing {
    buffer: Vec<u8>,
    filled: usize,
    may_take: bool,
    taken_bytes: usize,
}

impl Machine for Pausing {
    type Event = ();
    type Command = ();
    type Closed = TlsFailure;

    fn recv_space(&mut self) -> Option<&mut [u8]> {
        self.buffer.resize(BUFFER_BYTES, 0);
        Some(&mut self.buffer[self.filled..]).filter(|space| !space.is_empty())
    }

    fn handle_received(&mut self, n: usize) {
        self.filled += n;
    }

    fn handle_eof(&mut self) {}

    fn handle_transport_error(&mut self, _: ErrorKind) {}

    fn transmit<'a>(&'a self, _: &mut [IoSlice<'a>]) -> usize {
        0
    }

    fn handle_sent(&mut self, _: usize) {}

    fn poll(&mut self, _: Instant) -> Step<(), TlsFailure> {
        if self.filled == BUFFER_BYTES && std::mem::take(&mut self.may_take) {
            self.taken_bytes += std::mem::take(&mut self.filled);
        }
        let read = self.filled < BUFFER_BYTES;
        Step::Wait(Wait { read, write: false, fin: false, want: 1, deadline: None })
    }

    fn apply(&mut self, (): ()) -> Result<(), Stale> {
        self.may_take = true;
        Ok(())
    }
}

impl OnSecured for Pausing {
    fn handle_secured(&mut self, _: Option<&str>) {}
}

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn what_has_arrived_reaches_a_machine_as_soon_as_it_makes_room() {
    let certificate = certificate(&["localhost"]);
    let config = server_config(CertificateResolver::new(certificate.key.clone()));
    let mut server = Tls::new(config, Pausing::default()).expect("a usable configuration");
    let name = ServerName::try_from("localhost").expect("a valid name");
    let client = client_config(&certificate, &[&TLS13]).into();
    let mut client = ClientConnection::new(client, name).expect("a usable configuration");
    let now = Instant::now();
    let mut wait = handshake(&mut server, &mut client, now);

    let payload = [7; 5 * BUFFER_BYTES];
    client.writer().write_all(&payload).expect("room in the buffer of the client");
    let mut told = 0;
    while client.wants_write() || !wait.read {
        if wait.read {
            pass_on(&mut client, &mut server);
        } else {
            server.apply(()).expect("it takes anything");
            told += 1;
        }
        wait = polled(&mut server, now);
    }
    // It reads again, and nothing more will come: nobody would wake it for what is left.
    let Pausing { taken_bytes, filled, .. } = server.inner();
    assert_eq!((taken_bytes + filled, told), (payload.len(), 5));
}

fn handshake(server: &mut Tls<Pausing>, client: &mut ClientConnection, now: Instant) -> Wait {
    loop {
        while client.wants_write() {
            pass_on(client, server);
        }
        let wait = polled(server, now);
        if !wait.write {
            assert!(!client.is_handshaking());
            return wait;
        }
        let mut slices = [IoSlice::new(&[])];
        let count = server.transmit(&mut slices);
        let sent = if count == 0 { Vec::new() } else { slices[0].to_vec() };
        client.read_tls(&mut sent.as_slice()).expect("the client reads");
        client.process_new_packets().expect("the client trusts the server");
        server.handle_sent(sent.len());
    }
}

/// Moves ciphertext of the client to the server.
fn pass_on(client: &mut ClientConnection, server: &mut Tls<Pausing>) {
    let mut space = server.recv_space().expect("it reads");
    let before = space.len();
    client.write_tls(&mut space).expect("writing to memory");
    let sent = before - space.len();
    server.handle_received(sent);
}

fn polled(server: &mut Tls<Pausing>, now: Instant) -> Wait {
    match server.poll(now) {
        Step::Wait(wait) => wait,
        step => panic!("{step:?}"),
    }
}
