//! The ciphertext of one connection, on its way in and out.

use rustls::ServerConnection;

/// At most so much ciphertext waits for decryption, in bytes, and at most so much waits for the
/// transport. As large as the largest `SO_RCVLOWAT` a host asks for, so that one read empties the
/// socket.
pub const CIPHERTEXT_BYTES_MAX: usize = 64 << 10;

/// A connection starts with so much, and returns to it when its peer sends little.
const INCOMING_BYTES_MIN: usize = 4 << 10;

/// Sent memory beyond this is given back.
const OUTGOING_BYTES_KEPT: usize = 4 << 10;

/// Ciphertext of the peer that rustls has not taken yet.
///
/// The space doubles when a read fills it and halves when a read leaves most of it empty, so that a
/// busy connection costs few system calls and an idle one little memory.
#[derive(Debug)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The length that `bytes` gets when it is empty the next time.
    wanted: usize,
}

impl Incoming {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, wanted: INCOMING_BYTES_MIN }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The free space; `None` while there is none.
    pub(crate) fn space(&mut self) -> Option<&mut [u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() != self.wanted {
                self.bytes = vec![0; self.wanted];
            }
        }
        Some(&mut self.bytes[self.end..]).filter(|space| !space.is_empty())
    }

    /// The first `n` bytes of the space were filled.
    pub(crate) fn handle_filled(&mut self, n: usize) {
        let space_bytes = self.bytes.len() - self.end;
        assert!(n <= space_bytes, "{n} bytes were received into a space of {space_bytes}");
        self.end += n;
        if n == space_bytes {
            self.wanted = (self.bytes.len() * 2).min(CIPHERTEXT_BYTES_MAX);
        } else if n < space_bytes / 4 {
            self.wanted = (self.bytes.len() / 2).max(INCOMING_BYTES_MIN);
        }
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.start += n;
    }

    pub(crate) fn clear(&mut self) {
        self.start = self.end;
    }
}

/// Ciphertext that the transport has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outgoing {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Takes over what `session` wants to write. Whether there was anything.
    pub(crate) fn fill_from(&mut self, session: &mut ServerConnection) -> bool {
        let before = self.bytes.len();
        // Writing to memory cannot fail; a failure would leave the rest for the next time.
        while session.wants_write() && session.write_tls(&mut self.bytes).is_ok() {}
        self.bytes.len() > before
    }

    /// The transport has taken the first `n` bytes.
    pub(crate) fn handle_sent(&mut self, n: usize) {
        assert!(n <= self.len(), "{n} bytes were sent out of {}", self.len());
        self.sent += n;
        if self.is_empty() {
            self.sent = 0;
            self.bytes.clear();
            self.bytes.shrink_to(OUTGOING_BYTES_KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(incoming: &mut Incoming, n: usize) -> usize {
        let space_bytes = incoming.space().expect("an empty buffer has space").len();
        incoming.handle_filled(n.min(space_bytes));
        space_bytes
    }

    #[test]
    fn the_space_follows_what_the_peer_sends() {
        let mut incoming = Incoming::new();
        let mut seen = Vec::new();
        for n in [usize::MAX; 6].into_iter().chain([1; 6]) {
            seen.push(read(&mut incoming, n) >> 10);
            incoming.clear();
        }
        assert_eq!(seen, [4, 8, 16, 32, 64, 64, 64, 32, 16, 8, 4, 4]);
    }

    #[test]
    fn a_full_buffer_lends_nothing_until_it_is_consumed() {
        let mut incoming = Incoming::new();
        let space_bytes = read(&mut incoming, usize::MAX);
        assert!(incoming.space().is_none());
        incoming.consume(space_bytes - 1);
        assert!(incoming.space().is_none());
        incoming.consume(1);
        assert!(incoming.space().is_some());
    }

    #[test]
    #[should_panic(expected = "were received into a space of")]
    fn a_host_that_received_more_than_was_lent_is_told() {
        let mut incoming = Incoming::new();
        let space_bytes = read(&mut incoming, 1);
        incoming.handle_filled(space_bytes);
    }
}
