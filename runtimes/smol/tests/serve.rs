//! The runtime on real sockets.

mod toy;

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use logboom_sans_io::testing::{Closed, Frames, PANIC, WINDOW_FRAMES};
use logboom_tls::{CertificateResolver, Tls, server_config};
use toy::{Boxed, Server, exchange, read_to_end};

#[test]
fn two_hundred_connections_are_served_at_once() {
    let mut server = Server::start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut streams: Vec<TcpStream> = (0..25).map(|_| server.connect()).collect();
                for round in 1..6 {
                    streams
                        .iter_mut()
                        .for_each(|stream| exchange(stream, &[7; 3_000][..600 * round]));
                }
            });
        }
    });
    drop(server.wait_for(|seen| seen.endings.len() == 200));
    server.drain();
    server.join();
    let seen = server.wait_for(|_| true);
    assert!(seen.endings.iter().all(|ending| *ending == Ok(Closed::PeerClosed)));
}

#[test]
fn a_half_closed_connection_still_gets_its_answers() {
    let server = Server::start();
    let mut stream = server.connect();
    let frames = Frames::encode(&[1; 50_000]).repeat(20);
    let mut writer = stream.try_clone().expect("a second handle");
    thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&frames).expect("the server reads");
            writer.shutdown(Shutdown::Write).expect("an open connection");
        });
        assert!(read_to_end(&mut stream) == frames);
    });
    assert_eq!(server.wait_for(|seen| seen.endings.len() == 1).endings, [Ok(Closed::PeerClosed)]);
}

#[test]
fn a_peer_that_sends_a_byte_at_a_time_is_served() {
    let server = Server::start();
    let mut stream = server.connect();
    for byte in Frames::encode(&[3; 300]) {
        stream.write_all(&[byte]).expect("the server reads");
    }
    stream.shutdown(Shutdown::Write).expect("an open connection");
    assert_eq!(read_to_end(&mut stream), Frames::encode(&[3; 300]));
}

#[test]
fn a_peer_that_never_reads_is_not_read_either_and_loses_nothing() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.set_write_timeout(Some(Duration::from_millis(300))).expect("a valid timeout");
    let frame = Frames::encode(&[5; 60_000]);
    let mut sent = 0;
    let blocked = loop {
        match stream.write(&frame[sent % frame.len()..]) {
            Ok(n) => sent += n,
            Err(error) => break error.kind(),
        }
        let window_bytes = WINDOW_FRAMES * frame.len();
        let kernel_bytes = 64 << 20;
        assert!(sent < window_bytes + kernel_bytes, "nothing holds this peer back");
    };
    assert!(matches!(blocked, ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(sent > WINDOW_FRAMES * frame.len());
    // Others are served meanwhile.
    exchange(&mut server.connect(), b"hello");
    let rest = frame[sent % frame.len()..].to_vec();
    let mut writer = stream.try_clone().expect("a second handle");
    writer.set_write_timeout(None).expect("a valid timeout");
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(&rest).expect("the server reads again");
            writer.shutdown(Shutdown::Write).expect("an open connection");
        });
        assert!(read_to_end(&mut stream) == frame.repeat(sent.div_ceil(frame.len())));
    });
}

#[test]
fn a_panic_ends_its_own_connection_and_no_other() {
    let server = Server::start();
    let mut good = server.connect();
    exchange(&mut good, b"before");
    // More panics than threads.
    for _ in 0..5 {
        let mut bad = server.connect();
        bad.write_all(&Frames::encode(PANIC)).expect("the server reads");
        assert_eq!(read_to_end(&mut bad), []);
    }
    exchange(&mut good, b"after");
    exchange(&mut server.connect(), b"new");
    drop(good);
    let seen = server.wait_for(|seen| seen.endings.len() == 7);
    assert_eq!(seen.endings.iter().filter(|ending| ending.is_err()).count(), 5);
}

#[test]
fn a_connection_that_the_service_refuses_is_closed_without_a_word() {
    let server = Server::start_with(1, |frames| Box::new(frames));
    let mut first = server.connect();
    exchange(&mut first, b"hello");
    assert_eq!(read_to_end(&mut server.connect()), []);
    exchange(&mut first, b"still here");
}

#[test]
fn a_panic_of_the_service_refuses_one_connection_and_not_the_next() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let first = AtomicBool::new(true);
    let server = Server::start_with(usize::MAX, move |frames| {
        assert!(!first.swap(false, Ordering::SeqCst), "the first connection is one too many");
        Box::new(frames)
    });
    assert_eq!(read_to_end(&mut server.connect()), []);
    exchange(&mut server.connect(), b"hello");
}

#[test]
fn a_shutdown_ends_with_the_last_connection() {
    let mut server = Server::start();
    let mut stream = server.connect();
    exchange(&mut stream, b"hello");
    server.shutdown.trigger();
    // The listener is gone as soon as a connection is refused; the open one is served on.
    while TcpStream::connect(server.address).is_ok() {}
    exchange(&mut stream, b"still here");
    server.drain();
    assert_eq!(read_to_end(&mut stream), []);
    drop(stream);
    server.join();
    assert!(server.wait_for(|_| true).endings.contains(&Ok(Closed::Drained)));
}

#[test]
fn a_server_without_connections_shuts_down_at_once() {
    let mut server = Server::start();
    server.shutdown.trigger();
    server.join();
}

#[test]
fn an_encrypted_machine_is_served_like_any_other() {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a valid name");
    let certificate = params.self_signed(&key).expect("a certificate").der().clone();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("PKCS #8");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certified =
        rustls::sign::CertifiedKey::from_der(vec![certificate.clone()], private, &provider);
    let config = server_config(CertificateResolver::new(Arc::new(certified.expect("they match"))));
    let server = Server::start_with(usize::MAX, move |frames| -> Boxed {
        Box::new(Tls::new(Arc::clone(&config), frames).expect("a usable configuration"))
    });

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).expect("a well-formed certificate");
    let client = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("supported versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a valid name");
    let session = rustls::ClientConnection::new(Arc::new(client), name).expect("usable");
    let mut stream = rustls::StreamOwned::new(session, server.connect());
    for payload_bytes in [0, 1, 1_000, 60_000, 1_000_000] {
        exchange(&mut stream, &vec![9; payload_bytes]);
    }
    server.drain();
    let mut end = [0];
    let clean = std::io::Read::read(&mut stream, &mut end);
    assert_eq!(clean.expect("a close_notify before the end of the stream"), 0);
}
