use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::script::{self, LOGIN_STEPS, Script};
use crate::{Failure, Result};

/// No answer that this client asks for is larger.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// One producer: a socket, TLS, and what it waits for.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    session: ClientConnection,
    /// The beginning of an answer. Without memory while there is none.
    answer: Vec<u8>,
    /// The step that waits for its answer.
    asked: Option<usize>,
    pub(super) asked_at: Instant,
    /// The server has said that it will send nothing more.
    notified: bool,
}

/// What has happened on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing that is worth telling.
    None,
    /// The login is complete, and nothing is asked.
    LoggedIn,
    /// A batch was acknowledged, and nothing is asked.
    Acknowledged,
    /// The connection is over.
    Ended(End),
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With a close_notify and the end of the stream.
    Clean,
    /// With the end of the stream alone.
    WithoutNotice,
    /// With an error of the socket, usually a reset.
    Broken(ErrorKind),
}

impl Connection {
    /// Begins a connection on a socket that is being connected.
    pub(super) fn new(
        stream: TcpStream,
        tls: &Arc<ClientConfig>,
        name: ServerName<'static>,
        script: &Script,
        now: Instant,
    ) -> Result<Self> {
        let session = ClientConnection::new(Arc::clone(tls), name)
            .map_err(Failure::while_doing("begin a TLS session"))?;
        let mut connection = Self {
            stream,
            session,
            answer: Vec::new(),
            asked: None,
            asked_at: now,
            notified: false,
        };
        // rustls keeps it until the handshake is complete.
        connection.ask(0, &script.login[0], now)?;
        Ok(connection)
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends a batch.
    pub(super) fn produce(&mut self, batch: &Bytes, now: Instant) -> Result<()> {
        self.ask(LOGIN_STEPS, batch, now)?;
        // What the socket does not take now it takes when it is ready again; an error shows up in
        // reading.
        let _later = self.write();
        Ok(())
    }

    /// Writes and reads as long as the socket lets it: readiness is told once.
    pub(super) fn advance(&mut self, script: &Script, now: Instant) -> Result<Progress> {
        let mut progress = Progress::None;
        loop {
            if let Err(error) = self.write() {
                return Ok(Progress::Ended(End::Broken(error.kind())));
            }
            match self.read() {
                Ok(0) if self.notified => return Ok(Progress::Ended(End::Clean)),
                Ok(0) => return Ok(Progress::Ended(End::WithoutNotice)),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(progress),
                Err(error) => return Ok(Progress::Ended(End::Broken(error.kind()))),
            }
            let state =
                self.session.process_new_packets().map_err(Failure::while_doing("speak TLS"))?;
            self.notified |= state.peer_has_closed();
            if state.plaintext_bytes_to_read() > 0 {
                progress = self.take_answer(script, now)?;
            }
        }
    }

    /// Says goodbye as a client does that sees the end, and closes the socket.
    pub(super) fn close(mut self) {
        self.session.send_close_notify();
        let _gone = self.write();
    }

    fn ask(&mut self, step: usize, frame: &[u8], now: Instant) -> Result<()> {
        self.session.writer().write_all(frame).map_err(Failure::while_doing("send a request"))?;
        self.asked = Some(step);
        self.asked_at = now;
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<usize> {
        match self.notified {
            // rustls reads no further; the end of the stream is still to come.
            true => self.stream.read(&mut [0; 64]),
            false => self.session.read_tls(&mut self.stream),
        }
    }

    /// Takes what has arrived of an answer, and goes on to the next step if it is whole.
    fn take_answer(&mut self, script: &Script, now: Instant) -> Result<Progress> {
        // Zero or `WouldBlock` behind the last byte: what came is in the vector in any case.
        let _end = self.session.reader().read_to_end(&mut self.answer);
        let Some((prefix, body)) = self.answer.split_first_chunk() else {
            return Ok(Progress::None);
        };
        let body_bytes = u32::from_be_bytes(*prefix) as usize;
        if body_bytes > ANSWER_BYTES_MAX || body.len() > body_bytes {
            return Err(Failure::new(format!("an answer of {body_bytes} bytes was not asked for")));
        }
        if body.len() < body_bytes {
            return Ok(Progress::None);
        }
        let step = self.asked.take().ok_or_else(|| Failure::new("an answer nobody asked for"))?;
        script::check(step, Bytes::copy_from_slice(body))?;
        self.answer = Vec::new();
        match script.login.get(step + 1) {
            Some(next) => self.ask(step + 1, next, now).map(|()| Progress::None),
            None if step < LOGIN_STEPS => Ok(Progress::LoggedIn),
            None => Ok(Progress::Acknowledged),
        }
    }
}
