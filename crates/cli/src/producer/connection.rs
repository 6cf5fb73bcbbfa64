//! A connection to a server as two halves, one that writes frames and one that reads them, so that
//! one thread can write while another one waits for answers.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use logboom_wire::frame::{PREFIX_BYTES, parse_length};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::address::Address;
use super::error::Error;

/// The largest answer that is read, in bytes. Answers are small: the largest lists the partitions of
/// one topic. Memory for one grows as its bytes arrive.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// An answer has at least its correlation id.
const ANSWER_BYTES_MIN: usize = 4;

/// Bytes read from the socket at once: a TLS record and its header.
const READ_BYTES: usize = (16 << 10) + 512;

type SharedTls = Arc<Mutex<ClientConnection>>;

/// A connection, with TLS or without.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) writer: Writer,
    pub(super) reader: Reader,
}

impl Connection {
    /// Connects, and shakes hands if `tls` says so. No single step may take longer than `patience`.
    ///
    /// # Errors
    ///
    /// If nobody can be reached there, or is not who it should be.
    pub(super) fn open(
        address: &Address,
        tls: Option<&Arc<ClientConfig>>,
        patience: Duration,
    ) -> Result<Self, Error> {
        let unreachable = |error: io::Error| Error::unreachable(address, &error);
        let mut socket = connect(address, patience).map_err(unreachable)?;
        let tls = match tls {
            Some(config) => Some(shake_hands(address, config, &mut socket)?),
            None => None,
        };
        let other_half = socket.try_clone().map_err(unreachable)?;
        let tls = tls.map(|tls| Arc::new(Mutex::new(tls)));
        let source =
            Source { socket: other_half, tls: tls.clone(), ciphertext: vec![0; READ_BYTES] };
        Ok(Self {
            writer: Writer { socket, tls, ciphertext: Vec::new() },
            reader: Reader(BufReader::new(source)),
        })
    }
}

/// The half that writes. Only this half ever writes to the socket, so TLS records keep their order.
#[derive(Debug)]
pub(super) struct Writer {
    socket: TcpStream,
    tls: Option<SharedTls>,
    ciphertext: Vec<u8>,
}

impl Writer {
    /// Writes a frame, length prefix included.
    pub(super) fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        let Some(tls) = &self.tls else { return self.socket.write_all(frame) };
        // Nobody holds the lock while the socket may block, or the two halves could wait for each
        // other through the server.
        let mut tls = lock(tls);
        tls.writer().write_all(frame)?;
        self.ciphertext.clear();
        take_ciphertext(&mut tls, &mut self.ciphertext)?;
        drop(tls);
        self.socket.write_all(&self.ciphertext)
    }

    /// Ends the connection. The other half sees its end.
    pub(super) fn close(&mut self) {
        let mut goodbye = Vec::new();
        if let Some(tls) = &self.tls {
            let mut tls = lock(tls);
            tls.send_close_notify();
            // Nobody reads an error here: everything that matters was answered before.
            let _ = take_ciphertext(&mut tls, &mut goodbye);
        }
        let _ = self.socket.write_all(&goodbye);
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// The half that reads.
#[derive(Debug)]
pub(super) struct Reader(BufReader<Source>);

impl Reader {
    /// Reads a frame, without its length prefix.
    ///
    /// # Errors
    ///
    /// What the socket or TLS says. [`io::ErrorKind::InvalidData`] if this is no frame.
    pub(super) fn read_frame(&mut self) -> io::Result<Bytes> {
        let mut prefix = [0; PREFIX_BYTES];
        self.0.read_exact(&mut prefix)?;
        let length = parse_length(prefix, ANSWER_BYTES_MIN..=ANSWER_BYTES_MAX)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut frame = Vec::new();
        (&mut self.0).take(length as u64).read_to_end(&mut frame)?;
        if frame.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(frame.into())
    }

    /// Lets reading take as long as it takes. Closing the other half ends it.
    pub(super) fn wait_forever(&self) -> io::Result<()> {
        self.0.get_ref().socket.set_read_timeout(None)
    }
}

/// Plaintext as it arrives.
#[derive(Debug)]
struct Source {
    socket: TcpStream,
    tls: Option<SharedTls>,
    ciphertext: Vec<u8>,
}

impl Read for Source {
    fn read(&mut self, plaintext: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &self.tls else { return self.socket.read(plaintext) };
        loop {
            match lock(tls).reader().read(plaintext) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            let length = self.socket.read(&mut self.ciphertext)?;
            decrypt(&mut lock(tls), &self.ciphertext[..length])?;
        }
    }
}

/// Hands to TLS what has arrived; nothing means that nothing will follow.
fn decrypt(tls: &mut ClientConnection, mut ciphertext: &[u8]) -> io::Result<()> {
    loop {
        tls.read_tls(&mut ciphertext)?;
        tls.process_new_packets().map_err(io::Error::other)?;
        if ciphertext.is_empty() {
            return Ok(());
        }
    }
}

/// Moves what TLS wants to send to the end of `out`.
fn take_ciphertext(tls: &mut ClientConnection, out: &mut Vec<u8>) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(out)?;
    }
    Ok(())
}

/// Tries every address that the host has.
fn connect(address: &Address, patience: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    let candidates: Vec<SocketAddr> =
        (address.host.as_str(), address.port).to_socket_addrs()?.collect();
    for candidate in candidates {
        match TcpStream::connect_timeout(&candidate, patience) {
            Ok(socket) => {
                // A small batch must not wait for the answer to the one before it.
                socket.set_nodelay(true)?;
                socket.set_read_timeout(Some(patience))?;
                socket.set_write_timeout(Some(patience))?;
                return Ok(socket);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn shake_hands(
    address: &Address,
    config: &Arc<ClientConfig>,
    socket: &mut TcpStream,
) -> Result<ClientConnection, Error> {
    let name = ServerName::try_from(address.host.clone())
        .map_err(|error| Error::configuration(format!("{address}: {error}")))?;
    let refused = |error: &rustls::Error| Error::handshake(address, error);
    let mut tls =
        ClientConnection::new(Arc::clone(config), name).map_err(|error| refused(&error))?;
    // A frame is encrypted as a whole before its first byte is sent.
    tls.set_buffer_limit(None);
    while tls.is_handshaking() {
        tls.complete_io(socket).map_err(|error| {
            match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(tls) => refused(tls),
                None => Error::lost(address, &error),
            }
        })?;
    }
    Ok(tls)
}

fn lock(tls: &SharedTls) -> MutexGuard<'_, ClientConnection> {
    // Whoever panicked with the lock ended the program's only use of this connection.
    tls.lock().unwrap_or_else(PoisonError::into_inner)
}
