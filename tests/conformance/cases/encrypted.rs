//! Machines inside of TLS: a host must not see the difference.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use logboom_sans_io::TlsFailure;
use logboom_sans_io::testing::{Closed, Frames, WINDOW_FRAMES};
use logboom_tls::{CertificateResolver, Tls, server_config};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::host::toy::{
    Boxed, Server, Setup, exchange, expect, read_to_any_end, read_to_end, reset,
};

/// A server of encrypted toys, and what a client needs to trust it.
struct Site {
    server: Server,
    client: Arc<ClientConfig>,
}

impl Site {
    fn start() -> Self {
        Self::start_with(Setup::default())
    }

    fn start_with(setup: Setup) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a valid name");
        let certificate = params.self_signed(&key).expect("a certificate").der().clone();
        let private =
            rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("PKCS #8");
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let certified =
            rustls::sign::CertifiedKey::from_der(vec![certificate.clone()], private, &provider);
        let resolver = CertificateResolver::new(Arc::new(certified.expect("they match")));
        let config = server_config(resolver);
        let wrap = Box::new(move |frames| -> Boxed {
            Box::new(Tls::new(Arc::clone(&config), frames).expect("a usable configuration"))
        });
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("a well-formed certificate");
        let client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("supported versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { server: Server::start_with(Setup { wrap, ..setup }), client: Arc::new(client) }
    }

    fn session(&self) -> ClientConnection {
        let name = "localhost".try_into().expect("a valid name");
        ClientConnection::new(Arc::clone(&self.client), name).expect("usable")
    }

    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        StreamOwned::new(self.session(), self.server.connect())
    }
}

/// Hands bytes on one at a time, in both directions.
struct Drip(TcpStream);

impl Read for Drip {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let length = space.len().min(1);
        self.0.read(&mut space[..length])
    }
}

impl Write for Drip {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn an_encrypted_machine_is_served_like_any_other() {
    let site = Site::start();
    let mut stream = site.connect();
    for payload_bytes in [0, 1, 1_000, 60_000, 1_000_000] {
        exchange(&mut stream, &vec![9; payload_bytes]);
    }
    site.server.drain();
    // Without an error: a close_notify came before the end of the stream.
    assert_eq!(read_to_end(&mut stream), b"");
}

#[test]
fn an_encrypted_peer_that_sends_and_reads_a_byte_at_a_time_is_served() {
    let site = Site::start();
    let mut stream = StreamOwned::new(site.session(), Drip(site.server.connect()));
    exchange(&mut stream, &[3; 500]);
    site.server.drain();
    assert_eq!(read_to_end(&mut stream), b"");
}

#[test]
fn many_small_records_are_served() {
    let site = Site::start();
    let mut stream = site.connect();
    for chunk in Frames::encode(&[2; 30_000]).chunks(300) {
        stream.write_all(chunk).expect("the server reads");
    }
    expect(&mut stream, &Frames::encode(&[2; 30_000]));
}

#[test]
fn an_encrypted_peer_that_is_done_sending_gets_its_answers_and_a_close_notify() {
    let site = Site::start_with(Setup { holds: true, ..Setup::default() });
    let mut stream = site.connect();
    let frames = Frames::encode(b"last").repeat(3);
    stream.write_all(&frames).expect("the server reads");
    stream.conn.send_close_notify();
    stream.flush().expect("the server reads");
    stream.sock.shutdown(Shutdown::Write).expect("an open connection");
    drop(site.server.wait_for(|seen| seen.frames == 3));
    site.server.release();
    assert!(read_to_end(&mut stream) == frames);
    assert_eq!(site.server.ending(), Ok(Closed::PeerClosed));
}

#[test]
fn back_pressure_passes_through_encryption() {
    let site = Site::start_with(Setup { holds: true, ..Setup::default() });
    let mut stream = site.connect();
    let frames = Frames::encode(b"one of many").repeat(3 * WINDOW_FRAMES);
    stream.write_all(&frames).expect("it fits into the kernel");
    for round in 1..=3 {
        drop(site.server.wait_for(|seen| seen.frames == round * WINDOW_FRAMES));
        site.server.release();
        expect(&mut stream, &frames[..frames.len() / 3]);
    }
}

#[test]
fn plaintext_on_an_encrypted_listener_is_closed_without_an_alert() {
    let site = Site::start();
    let mut stream = site.server.connect();
    let hello = Frames::encode(b"hello");
    stream.write_all(&hello).expect("the server reads");
    assert_eq!(read_to_any_end(&mut stream), b"");
    let ending = site.server.ending();
    assert!(matches!(ending, Ok(Closed::Tls(TlsFailure::NotTls { .. }))), "{ending:?}");
}

#[test]
fn a_handshake_that_is_cut_or_reset_ends_the_connection() {
    let site = Site::start();
    let mut hello = Vec::new();
    site.session().write_tls(&mut hello).expect("a ClientHello");
    let mut cut = site.server.connect();
    cut.write_all(&hello[..40]).expect("the server reads");
    cut.shutdown(Shutdown::Write).expect("an open connection");
    read_to_any_end(&mut cut);
    assert_eq!(site.server.ending(), Ok(Closed::Tls(TlsFailure::EndedInHandshake)));

    let mut broken = site.server.connect();
    broken.write_all(&hello[..40]).expect("the server reads");
    reset(broken);
    let seen = site.server.wait_for(|seen| seen.endings.len() == 2);
    assert!(matches!(
        seen.endings[1],
        Ok(Closed::Transport(_) | Closed::Tls(TlsFailure::EndedInHandshake))
    ));
}

#[test]
fn a_drain_in_every_moment_of_a_handshake_ends_in_order() {
    for sent in [0, 1, 40, 200, usize::MAX] {
        let mut site = Site::start();
        let mut stream = site.server.connect();
        let mut hello = Vec::new();
        site.session().write_tls(&mut hello).expect("a ClientHello");
        stream.write_all(&hello[..sent.min(hello.len())]).expect("the server reads");
        drop(site.server.wait_for(|seen| seen.accepted.len() == 1));
        site.server.drain();
        // Whatever of the handshake was answered, then an end; not a reset.
        read_to_end(&mut stream);
        drop(stream);
        site.server.join();
    }
}
