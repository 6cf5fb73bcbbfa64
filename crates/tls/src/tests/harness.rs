//! A server machine and a client that exchange bytes in memory, as clumsily as a test asks for.

use std::io::{IoSlice, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logboom_sans_io::testing::{Closed, Command, Event, Frames};
use logboom_sans_io::{Machine, Step, Wait};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, SupportedProtocolVersion,
};

use crate::{CertificateResolver, Tls, server_config};

pub(crate) const IDLE_AFTER: Duration = Duration::from_secs(10);
pub(crate) const BOTH_VERSIONS: [&SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];

/// A certificate signed by itself.
pub(crate) struct Certificate {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) der: CertificateDer<'static>,
}

pub(crate) fn certificate(names: &[&str]) -> Certificate {
    let subjects: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(subjects).expect("valid names");
    params.distinguished_name.push(DnType::CommonName, names[0]);
    let pair = KeyPair::generate().expect("a key");
    let der = params.self_signed(&pair).expect("a certificate").der().clone();
    let private = PrivateKeyDer::try_from(pair.serialize_der()).expect("a PKCS #8 key");
    let key = CertifiedKey::from_der(vec![der.clone()], private, &aws_lc_rs::default_provider());
    Certificate { key: Arc::new(key.expect("key and certificate match")), der }
}

pub(crate) fn client_config(
    trusted: &Certificate,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    client_config_with(aws_lc_rs::default_provider(), trusted, versions)
}

pub(crate) fn client_config_with(
    provider: CryptoProvider,
    trusted: &Certificate,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).expect("a well-formed certificate");
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .expect("a supported version")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Both ends of a connection.
pub(crate) struct Pair {
    pub(crate) server: Tls<Frames>,
    pub(crate) client: ClientConnection,
    pub(crate) now: Instant,
    pub(crate) events: Vec<Event>,
    pub(crate) closed: Option<Closed>,
    /// The last wait of the server.
    pub(crate) wait: Option<Wait>,
    /// Answer every frame with itself, at once.
    pub(crate) echo: bool,
    /// Ciphertext on its way to the server.
    pub(crate) to_server: Vec<u8>,
    /// Every byte that the server has sent.
    pub(crate) from_server: Vec<u8>,
    /// The plaintext that the client has received.
    pub(crate) received: Vec<u8>,
    /// How the client failed.
    pub(crate) client_error: Option<rustls::Error>,
    /// The client has received the end of the stream, and a close_notify before it or not.
    pub(crate) ended_cleanly: Option<bool>,
    /// At most so many bytes are moved at a time, in turn.
    pub(crate) cuts: Vec<usize>,
    moves: usize,
}

impl Pair {
    /// A client that speaks `version` and trusts the server, before the handshake.
    pub(crate) fn new(version: &'static SupportedProtocolVersion) -> Self {
        let certificate = certificate(&["localhost"]);
        let resolver = CertificateResolver::new(Arc::clone(&certificate.key));
        Self::with(server_config(resolver), client_config(&certificate, &[version]), "localhost")
    }

    /// The same, behind the handshake.
    pub(crate) fn open(version: &'static SupportedProtocolVersion) -> Self {
        let mut pair = Self::new(version);
        pair.settle();
        assert_eq!(pair.take_events(), [Event::Secured(Some("localhost".to_owned()))]);
        pair
    }

    /// A machine that answers in clear to peers without TLS. The client is not one of those: what a
    /// peer says is put into `to_server`, and [`settle_in_clear`](Self::settle_in_clear) moves it.
    pub(crate) fn in_clear() -> Self {
        let mut pair = Self::new(&rustls::version::TLS13);
        let config = server_config(CertificateResolver::new(certificate(&["localhost"]).key));
        let machine = Frames::new(IDLE_AFTER, pair.now).in_clear();
        pair.server = Tls::new(config, machine).expect("a usable configuration");
        pair
    }

    #[expect(clippy::disallowed_methods, reason = "the first instant; a test adds to it")]
    pub(crate) fn with(server: Arc<ServerConfig>, client: ClientConfig, name: &str) -> Self {
        let name = ServerName::try_from(name.to_owned()).expect("a valid name");
        let now = Instant::now();
        Self {
            server: Tls::new(server, Frames::new(IDLE_AFTER, now)).expect("a usable configuration"),
            client: ClientConnection::new(Arc::new(client), name).expect("a usable configuration"),
            now,
            events: Vec::new(),
            closed: None,
            wait: None,
            echo: true,
            to_server: Vec::new(),
            from_server: Vec::new(),
            received: Vec::new(),
            client_error: None,
            ended_cleanly: None,
            cuts: vec![usize::MAX],
            moves: 0,
        }
    }

    /// The client writes a frame, in pieces that become one TLS record each.
    pub(crate) fn send_frame(&mut self, payload: &[u8], record_bytes: usize) {
        for piece in Frames::encode(payload).chunks(record_bytes) {
            self.client.writer().write_all(piece).expect("room in the buffer of the client");
            self.collect_from_client();
        }
    }

    pub(crate) fn answer(&mut self, number: u64, payload: &[u8]) {
        let command = Command::Answer { number, payload: payload.to_vec() };
        self.server.apply(command).expect("a frame waits for this answer");
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Ciphertext of the client, without letting it write more.
    pub(crate) fn collect_from_client(&mut self) {
        while self.client.wants_write() {
            self.client.write_tls(&mut self.to_server).expect("writing to memory");
        }
    }

    /// Polls the server until it waits or has closed, and answers its events.
    pub(crate) fn poll(&mut self) {
        loop {
            match self.server.poll(self.now) {
                Step::Event(event) => {
                    if let (Event::Frame { number, payload }, true) = (&event, self.echo) {
                        self.answer(*number, &payload.clone());
                    }
                    self.events.push(event);
                }
                Step::Closed(reason) => {
                    self.closed = Some(reason);
                    return;
                }
                Step::Wait(wait) => {
                    assert_eq!(self.server.poll(self.now), Step::Wait(wait), "level-triggered");
                    assert!(wait.want > 0);
                    self.wait = Some(wait);
                    return;
                }
            }
        }
    }

    /// Moves bytes both ways until neither side has more to say.
    pub(crate) fn settle(&mut self) {
        while self.closed.is_none() {
            self.poll();
            self.collect_from_client();
            if self.closed.is_some() || !(self.move_outwards() | self.move_inwards()) {
                return;
            }
        }
    }

    /// Moves everything that there is to move, without a word from the client.
    pub(crate) fn settle_in_clear(&mut self) {
        self.poll();
        while self.closed.is_none() && self.move_outwards() | self.move_inwards() {
            self.poll();
        }
    }

    /// The peer ends its stream.
    pub(crate) fn end_of_client(&mut self) {
        self.settle();
        self.server.handle_eof();
        self.settle();
    }

    /// Moves one piece to the server, if it reads. Whether there was anything to move.
    pub(crate) fn move_inwards(&mut self) -> bool {
        let reads = self.wait.is_some_and(|wait| wait.read);
        let cut = self.next_cut();
        let Some(space) = self.server.recv_space().filter(|_| reads && !self.to_server.is_empty())
        else {
            return false;
        };
        let n = cut.min(space.len()).min(self.to_server.len());
        space[..n].copy_from_slice(&self.to_server[..n]);
        self.to_server.drain(..n);
        self.server.handle_received(n);
        true
    }

    /// Moves one piece to the client, or the end of the stream.
    fn move_outwards(&mut self) -> bool {
        let cut = self.next_cut();
        let mut slices = [IoSlice::new(&[])];
        let count = self.server.transmit(&mut slices);
        let piece = if count == 0 { Vec::new() } else { slices[0].to_vec() };
        if let Some(wait) = self.wait {
            assert_eq!(wait.write, count > 0, "what is to be written is offered, and nothing else");
            assert!(!(wait.fin && wait.write), "the end of the stream comes behind everything");
            if wait.fin && self.ended_cleanly.is_none() {
                self.client_sees_end();
                return true;
            }
        }
        let n = cut.min(piece.len());
        self.from_server.extend(&piece[..n]);
        self.server.handle_sent(n);
        self.client_receives(&piece[..n]);
        n > 0
    }

    fn client_receives(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && self.client_error.is_none() {
            if self.client.read_tls(&mut piece).expect("the buffer of the client is drained") == 0 {
                return;
            }
            self.client_error = self.client.process_new_packets().err();
            let _would_block = self.client.reader().read_to_end(&mut self.received);
        }
    }

    fn client_sees_end(&mut self) {
        let clean = self.client.process_new_packets().is_ok_and(|state| state.peer_has_closed());
        self.ended_cleanly = Some(clean);
    }

    fn next_cut(&mut self) -> usize {
        self.moves += 1;
        self.cuts[self.moves % self.cuts.len()].max(1)
    }
}
