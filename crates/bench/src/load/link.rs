//! Bytes to and from a server, encrypted or not.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;

use rustix::buffer::spare_capacity;
use rustls::{ClientConnection, StreamOwned};

/// So much is encrypted before it is written to the socket.
const TLS_BUFFER_BYTES: usize = 256 << 10;

/// So much is read at a time, at least. Answers are small.
const READ_BYTES: usize = 16 << 10;

/// A connection. It blocks until [`Link::set_nonblocking`].
#[derive(Debug)]
pub(super) enum Link {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Link {
    pub(super) fn tls(stream: TcpStream, mut session: ClientConnection) -> Self {
        session.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        Self::Tls(Box::new(StreamOwned::new(session, stream)))
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }

    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        self.socket().set_nonblocking(true)
    }

    /// Takes as much of `parts` as it can, and returns how much that was. Zero means: later.
    pub(super) fn send(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => later(stream.write_vectored(parts)),
            Self::Tls(stream) => match stream.conn.writer().write_vectored(parts)? {
                0 if self.flush()? => self.send(parts),
                taken => Ok(taken),
            },
        }
    }

    /// Writes what was taken and not yet written. Whether nothing is left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let Self::Tls(stream) = self else { return Ok(true) };
        while stream.conn.wants_write() {
            if later(stream.conn.write_tls(&mut stream.sock))? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Appends all that has arrived to `inbox`.
    pub(super) fn receive(&mut self, inbox: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let arrived = match self {
                Self::Plain(stream) => {
                    inbox.reserve(READ_BYTES);
                    rustix::io::read(&*stream, spare_capacity(inbox)).map_err(io::Error::from)
                }
                Self::Tls(stream) => stream.conn.read_tls(&mut stream.sock),
            };
            let arrived = match arrived {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(arrived) => arrived,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            match self {
                // The socket is empty; more of it is a new event.
                Self::Plain(_) if arrived < READ_BYTES => return Ok(()),
                Self::Plain(_) => {}
                Self::Tls(stream) => decrypt(&mut stream.conn, inbox)?,
            }
        }
    }
}

fn decrypt(session: &mut ClientConnection, inbox: &mut Vec<u8>) -> io::Result<()> {
    session.process_new_packets().map_err(io::Error::other)?;
    match session.reader().read_to_end(inbox) {
        Ok(_) => Err(ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}

/// Zero if the socket takes nothing now.
fn later(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
        other => other,
    }
}

/// For the login, while it blocks.
impl Read for Link {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

/// For the login, while it blocks.
impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
