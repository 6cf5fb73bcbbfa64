use std::io::{self, ErrorKind};
use std::task::{Context, Poll};
use std::time::Instant;

use futures_lite::{AsyncRead, AsyncWrite};

/// A connection: a byte stream, and two things that `futures-io` does not know.
pub trait Transport {
    /// The byte stream. What it has taken must be on its way: the driver never flushes.
    type Stream: AsyncRead + AsyncWrite + Unpin;

    /// Lends the byte stream.
    fn stream(&mut self) -> &mut Self::Stream;

    /// Tells the peer that nothing more will come, and goes on reading.
    ///
    /// Not `poll_close`, which on the sockets of smol and async-std flushes and does nothing else.
    ///
    /// # Errors
    ///
    /// Whatever the operating system says, for instance that the peer has reset the connection.
    fn shutdown_write(&mut self) -> io::Result<()>;

    /// A hint that fewer than `bytes` more bytes lead to nothing, so that there is no need to wake
    /// up for them (`SO_RCVLOWAT`). It holds until the next hint; before the first it is 1. The end
    /// of the stream and errors must still wake.
    fn set_want(&mut self, bytes: usize) {
        let _not_supported = bytes;
    }

    /// Ready once there may be something to read. Asked instead of a read that would find nothing:
    /// after one that did not fill its space, or would have had to wait.
    ///
    /// Saves most of the reads that fail with `WouldBlock`, since a task is also woken by what it has
    /// to write. A transport that cannot say so without reading lets itself be read.
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let _not_supported = context;
        Poll::Ready(())
    }

    /// Ready once the connection is known to be broken in both directions. Asked only while nobody
    /// reads or writes, when a reset would show nowhere else.
    ///
    /// Needed by transports whose readiness is level-triggered and always tells of a reset, as that of
    /// `poll(2)`: without an answer here they would be woken again and again. By default the break is
    /// noticed with the next read, write, or deadline.
    fn poll_broken(&mut self, context: &mut Context<'_>) -> Poll<ErrorKind> {
        let _not_supported = context;
        Poll::Pending
    }
}

/// A clock, and one alarm of it.
pub trait Timer {
    /// The present time of the clock. It never goes backwards.
    fn now(&self) -> Instant;

    /// Sets the alarm to ring at `deadline` and not when it was set to before.
    fn set(&mut self, deadline: Instant);

    /// Ready once the alarm has rung; otherwise `context` is woken when it rings.
    ///
    /// Called only between [`set`](Timer::set) and the first `Ready` after it.
    fn poll_rung(&mut self, context: &mut Context<'_>) -> Poll<()>;
}
