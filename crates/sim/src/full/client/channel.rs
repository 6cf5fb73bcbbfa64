//! The client's end of a connection, in the clear or in TLS.

use std::io::{Read, Write};

use rustls::ClientConnection;

use super::Port;
use crate::net::ConnectionId;

/// A connection of a client.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: ConnectionId,
    tls: Option<ClientConnection>,
    /// What was received, in the clear.
    pub(crate) received: Vec<u8>,
}

impl Channel {
    pub(crate) fn new(id: ConnectionId, tls: Option<ClientConnection>) -> Self {
        Self { id, tls, received: Vec::new() }
    }

    pub(crate) fn send(&mut self, port: &mut Port<'_>, bytes: &[u8]) {
        let Some(tls) = &mut self.tls else { return port.write(self.id, bytes) };
        // A connection that has failed takes nothing; its end is told soon.
        let _failed = tls.writer().write_all(bytes);
        self.flush(port);
    }

    /// Sends what TLS has to say: at the beginning, and after everything that was received.
    pub(crate) fn flush(&mut self, port: &mut Port<'_>) {
        let Some(tls) = &mut self.tls else { return };
        let mut bytes = Vec::new();
        while tls.wants_write() && tls.write_tls(&mut bytes).is_ok_and(|written| written > 0) {}
        if !bytes.is_empty() {
            port.write(self.id, &bytes);
        }
    }

    /// Takes what has arrived. False if TLS has failed.
    pub(crate) fn receive(&mut self, port: &mut Port<'_>) -> bool {
        let Some(tls) = &mut self.tls else {
            port.read(self.id, &mut self.received);
            return true;
        };
        let mut bytes = Vec::new();
        port.read(self.id, &mut bytes);
        let mut rest = bytes.as_slice();
        let mut good = true;
        while !rest.is_empty() && good {
            good = tls.read_tls(&mut rest).is_ok();
            match tls.process_new_packets() {
                Ok(state) => {
                    let mut plain = vec![0; state.plaintext_bytes_to_read()];
                    good &= tls.reader().read_exact(&mut plain).is_ok();
                    self.received.extend_from_slice(&plain);
                }
                Err(_) => good = false,
            }
        }
        self.flush(port);
        good
    }

    /// Whether the handshake is over, or there is none.
    pub(crate) fn is_open(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }
}
