use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_lite::{AsyncRead, AsyncWrite};
use logboom_driver::Transport;
use rustix::net::sockopt;

/// A peer that has vanished is noticed after 120 + 3 * 60 seconds.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(120);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_COUNT: u32 = 3;

/// An accepted TCP connection, with the options that every runtime gives it.
#[derive(Debug)]
pub struct Socket<S> {
    stream: S,
    poll_readable: PollReadable<S>,
}

/// How a runtime says that there may be something to read.
type PollReadable<S> = fn(&mut S, &mut Context<'_>) -> Poll<()>;

impl<S: AsFd> Socket<S> {
    /// Prepares `stream` for small answers that must not wait, and for peers that vanish.
    pub fn new(stream: S) -> Self {
        // A socket that refuses an option serves as well without it, or is already broken, which
        // reading will tell.
        let _refused = configure(&stream);
        Self { stream, poll_readable: |_, _| Poll::Ready(()) }
    }

    /// For a runtime that knows without reading whether there may be something to read.
    #[must_use]
    pub fn with_readiness(self, poll_readable: PollReadable<S>) -> Self {
        Self { poll_readable, ..self }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + AsFd> Transport for Socket<S> {
    type Stream = S;

    fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        (self.poll_readable)(&mut self.stream, context)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        Ok(rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Write)?)
    }

    fn set_want(&mut self, bytes: usize) {
        let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
        // SAFETY: the descriptor is open, because the socket is borrowed; the kernel reads one
        // `c_int` from a place that holds one. No safe wrapper has this option.
        let _refused = unsafe {
            libc::setsockopt(
                self.stream.as_fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVLOWAT,
                (&raw const bytes).cast(),
                size_of_val(&bytes) as libc::socklen_t,
            )
        };
    }
}

fn configure(stream: impl AsFd) -> rustix::io::Result<()> {
    let stream = stream.as_fd();
    sockopt::set_tcp_nodelay(stream, true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_COUNT)
}

/// The clock of the machine. Every runtime takes the time from here, and the machines from it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "here time enters: the machines get it from us")]
pub fn now() -> Instant {
    Instant::now()
}
