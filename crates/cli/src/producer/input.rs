//! The input: a thread that reads it piece by piece, and lines cut out of the pieces.

use std::io::{self, Read};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use super::delivery::Event;
use super::error::Error;

/// The longest line that is sent, in bytes. A server takes batches of 32 MiB.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 << 10;

/// An input that is read in a thread of its own, only as far as somebody asks for it: what is not
/// asked for stays in the pipe, and whoever writes there has to wait.
#[derive(Debug)]
pub(super) struct Input {
    wants: Sender<()>,
}

impl Input {
    /// Starts to read, at the first [`want`](Self::want). The thread ends with its input or with the
    /// program; it cannot be called back from a read that blocks.
    pub(super) fn start(
        mut source: Box<dyn Read + Send>,
        events: Sender<Event>,
    ) -> Result<Self, Error> {
        let (wants, wanted) = channel();
        let read = move || {
            for () in wanted {
                let piece = read_piece(&mut source);
                let is_last = !matches!(&piece, Ok(piece) if !piece.is_empty());
                if events.send(Event::Input(piece)).is_err() || is_last {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("logboom-input".into()).spawn(read);
        thread.map_err(Error::internal)?;
        Ok(Self { wants })
    }

    /// Asks for one [`Event::Input`].
    pub(super) fn want(&self) {
        // A thread that has ended said so with its last event.
        let _ = self.wants.send(());
    }
}

/// What is there to be read, and at least one byte; nothing at the end.
fn read_piece(source: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match source.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(length) => {
                piece.truncate(length);
                return Ok(piece);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Cuts lines out of pieces. A line ends with a line feed, which does not belong to it; nothing else
/// is taken away.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Where the next line starts.
    start: usize,
    /// As far as this there is no line feed behind `start`.
    searched: usize,
    /// Nothing follows what is in the buffer.
    ended: bool,
    /// Lines that were taken.
    taken: u64,
}

impl Lines {
    /// Adds a piece of the input.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(piece);
    }

    /// Says that the input has ended. What is left behind the last line feed is a line too, if there
    /// is any.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The number of the line that is taken next, counted from 1.
    pub(super) fn next_number(&self) -> u64 {
        self.taken + 1
    }

    /// The next whole line. None if more of the input is needed.
    ///
    /// # Errors
    ///
    /// If it is longer than any line that can be sent.
    pub(super) fn take(&mut self) -> Result<Option<&[u8]>, Error> {
        let found = memchr::memchr(b'\n', &self.buffer[self.searched..]);
        let end = found.map_or(self.buffer.len(), |at| self.searched + at);
        if end - self.start > LINE_BYTES_MAX {
            return Err(Error::line_too_long(self.next_number(), LINE_BYTES_MAX));
        }
        if found.is_none() && !(self.ended && self.start < end) {
            self.searched = end;
            return Ok(None);
        }
        let line = self.start..end;
        self.start = found.map_or(end, |_| end + 1);
        self.searched = self.start;
        self.taken += 1;
        Ok(Some(&self.buffer[line]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines of an input that comes in these pieces.
    fn lines_of(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for piece in pieces {
            lines.push(piece);
            while let Some(line) = lines.take().unwrap() {
                all.push(line.to_vec());
            }
        }
        lines.end();
        while let Some(line) = lines.take().unwrap() {
            all.push(line.to_vec());
        }
        assert_eq!(lines.next_number(), all.len() as u64 + 1);
        all
    }

    #[test]
    fn lines_are_the_same_however_the_input_is_cut() {
        let input = b"one\n\ntwo\r\n\xff\xfe\nlast";
        let expected: Vec<&[u8]> = vec![b"one", b"", b"two\r", b"\xff\xfe", b"last"];
        for cut in 0..input.len() {
            let (before, behind) = input.split_at(cut);
            assert_eq!(lines_of(&[before, behind]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(lines_of(&bytes), expected);
    }

    #[test]
    fn the_last_line_feed_starts_no_line() {
        assert_eq!(lines_of(&[b"a\n"]), [b"a"]);
        assert_eq!(lines_of(&[]), Vec::<Vec<u8>>::new());
        assert_eq!(lines_of(&[b"\n\n"]), [b"", b""]);
    }

    #[test]
    fn a_line_that_never_ends_is_refused_with_its_number() {
        let mut lines = Lines::default();
        lines.push(b"short\n");
        assert!(lines.take().unwrap().is_some());
        lines.push(&vec![b'x'; LINE_BYTES_MAX]);
        assert!(lines.take().unwrap().is_none(), "just fits, if it ends now");
        lines.push(b"x");
        let message = lines.take().unwrap_err().message;
        assert_eq!(message, "line 2 of the input is longer than 16 MiB");
    }

    #[test]
    fn the_input_is_read_only_as_far_as_it_is_wanted() {
        let (events, received) = channel();
        let input = Input::start(Box::new(&b"abc"[..]), events).unwrap();
        assert!(received.try_recv().is_err());
        input.want();
        assert!(matches!(received.recv().unwrap(), Event::Input(Ok(piece)) if piece == b"abc"));
        input.want();
        assert!(matches!(received.recv().unwrap(), Event::Input(Ok(piece)) if piece.is_empty()));
    }
}
