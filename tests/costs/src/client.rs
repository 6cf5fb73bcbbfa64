use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;

use logboom_engine::wire::primitive::Writer;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::Result;
use crate::server::{HOST, PASSWORD, PROJECT, Server, Stream};

const SASL_HANDSHAKE: i16 = 17;

/// A producer that is logged in, with everything that it will ever send: inside TLS, encrypted.
#[derive(Debug)]
pub(crate) struct Client {
    stream: Stream,
    requests: VecDeque<Vec<u8>>,
    answer: Vec<u8>,
}

impl Client {
    /// Logs in.
    ///
    /// # Errors
    ///
    /// If the server does not let it in.
    pub(crate) fn connect(
        server: &Server,
        requests: impl Iterator<Item = Vec<u8>>,
    ) -> Result<Self> {
        let mut stream = server.connect()?;
        let mut tls = server.certificate.as_ref().map(tls).transpose()?;
        // Version 0 of the handshake: the token follows as it is, and so does its empty answer.
        let handshake = frame(|writer| {
            writer.i16(SASL_HANDSHAKE);
            writer.i16(0);
            writer.i32(0);
            writer.nullable_string(None);
            writer.string("PLAIN");
        });
        let token = format!("\0{PROJECT}\0{PASSWORD}");
        let token = frame(|writer| writer.raw(token.as_bytes()));
        for request in [&handshake, &token] {
            if let Some(tls) = &mut tls {
                shake_hands(&mut stream, tls)?;
            }
            stream.write_all(&encrypt(tls.as_mut(), request)?)?;
            if read(&mut stream)?.is_empty() {
                return Err("the login is not answered".into());
            }
        }
        let requests = requests.map(|request| encrypt(tls.as_mut(), &request));
        let requests = requests.collect::<Result<VecDeque<_>>>()?;
        Ok(Self { stream, requests, answer: vec![0; 4096] })
    }

    /// Sends the next request.
    ///
    /// # Errors
    ///
    /// If there is none, or the connection has ended.
    pub(crate) fn send(&mut self) -> Result<()> {
        let request = self.requests.pop_front().ok_or("nothing more to send")?;
        Ok(self.stream.write_all(&request)?)
    }

    /// Takes the answer, which must be there. What is in it, the counters of the server say.
    ///
    /// # Errors
    ///
    /// If it is not there.
    pub(crate) fn take_answer(&mut self) -> Result<()> {
        match self.stream.read(&mut self.answer)? {
            0 => Err("the connection has ended".into()),
            _ => Ok(()),
        }
    }
}

fn tls(trusted: &CertificateDer<'static>) -> Result<ClientConnection> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone())?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tls = ClientConnection::new(Arc::new(config), ServerName::try_from(HOST)?)?;
    tls.set_buffer_limit(None);
    Ok(tls)
}

/// Does what is left of the TLS handshake.
fn shake_hands(stream: &mut Stream, tls: &mut ClientConnection) -> Result<()> {
    while tls.is_handshaking() {
        stream.write_all(&encrypt(Some(tls), &[])?)?;
        let received = read(stream)?;
        let mut rest = &received[..];
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            tls.process_new_packets()?;
        }
    }
    Ok(())
}

/// What goes over the network to say this.
fn encrypt(tls: Option<&mut ClientConnection>, bytes: &[u8]) -> Result<Vec<u8>> {
    let Some(tls) = tls else { return Ok(bytes.to_vec()) };
    tls.writer().write_all(bytes)?;
    let mut out = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut out)?;
    }
    Ok(out)
}

/// All that can be read now.
fn read(stream: &mut Stream) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error.into()),
        _ => Ok(all),
    }
}

/// A frame with its length.
fn frame(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut body = Vec::new();
    write(&mut Writer::new(&mut body));
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}
