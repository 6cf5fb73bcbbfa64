//! A byte stream without a peer: what its reads and writes do stands in a script.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard};

/// What one call does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A read gives these bytes, over several calls if the space is short.
    Bytes(Vec<u8>),
    /// A write takes at most so many bytes.
    Take(usize),
    /// A read finds the end of the stream. So does every later one.
    Eof,
    /// A read or a write fails. `WouldBlock` and `Interrupted` mean "again".
    Fail(ErrorKind),
}

/// What has been done to a script.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) written: Vec<u8>,
    pub(crate) writes: usize,
    /// How much had been written at each shutdown of the writing side.
    pub(crate) shutdowns: Vec<usize>,
    /// What was read, and how much had been written by then.
    pub(crate) read_bytes: usize,
    pub(crate) reads_after_end: usize,
    pub(crate) dropped: bool,
    reads: VecDeque<Act>,
    write_acts: VecDeque<Act>,
    shutdown_fails: Option<ErrorKind>,
}

/// What a test keeps of a script that a host has.
pub(crate) type Tape = Arc<Mutex<Record>>;

/// A non-blocking byte stream that follows a script. Its descriptor is always ready, so that a host
/// that asks the kernel comes back at once. When the script of the writes is over, they take all.
#[derive(Debug)]
pub(crate) struct Script {
    tape: Tape,
    ready: UnixStream,
    _other_end: UnixStream,
}

impl Script {
    pub(crate) fn new(reads: impl IntoIterator<Item = Act>) -> Self {
        let (ready, mut other_end) = UnixStream::pair().expect("two sockets");
        other_end.write_all(&[1]).expect("room for one byte");
        let record = Record { reads: reads.into_iter().collect(), ..Record::default() };
        Self { tape: Arc::new(Mutex::new(record)), ready, _other_end: other_end }
    }

    /// The same, with writes that follow a script of their own.
    pub(crate) fn writing(self, acts: impl IntoIterator<Item = Act>) -> Self {
        self.record().write_acts = acts.into_iter().collect();
        self
    }

    /// The same, with a writing side that cannot be shut down.
    pub(crate) fn failing_shutdown(self, kind: ErrorKind) -> Self {
        self.record().shutdown_fails = Some(kind);
        self
    }

    pub(crate) fn tape(&self) -> Tape {
        Arc::clone(&self.tape)
    }

    /// Tells the peer that nothing more will come.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        let mut record = self.record();
        let written = record.written.len();
        record.shutdowns.push(written);
        record.shutdown_fails.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.tape.lock().expect("a test that panics has failed anyway")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.record().dropped = true;
    }
}

impl AsFd for Script {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}

impl Read for &Script {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        assert!(!space.is_empty(), "a read of nothing cannot tell the end of the stream");
        let mut record = self.record();
        match record.reads.pop_front() {
            Some(Act::Bytes(mut bytes)) => {
                let rest = bytes.split_off(bytes.len().min(space.len()));
                space[..bytes.len()].copy_from_slice(&bytes);
                record.read_bytes += bytes.len();
                if !rest.is_empty() {
                    record.reads.push_front(Act::Bytes(rest));
                }
                Ok(bytes.len())
            }
            Some(Act::Eof) => {
                record.reads.push_front(Act::Eof);
                record.reads_after_end += 1;
                Ok(0)
            }
            Some(Act::Fail(kind)) => Err(kind.into()),
            Some(Act::Take(_)) => panic!("a read takes nothing"),
            None => panic!("the script ends before the connection"),
        }
    }
}

impl Write for &Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut record = self.record();
        assert!(record.shutdowns.is_empty(), "written behind the end");
        let bytes_max = match record.write_acts.pop_front() {
            Some(Act::Take(bytes_max)) => bytes_max,
            Some(Act::Fail(kind)) => return Err(kind.into()),
            Some(act) => panic!("a write cannot do {act:?}"),
            None => usize::MAX,
        };
        let before = record.written.len();
        let offered = slices.iter().flat_map(|slice| slice.iter().copied());
        record.written.extend(offered.take(bytes_max));
        record.writes += 1;
        Ok(record.written.len() - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
