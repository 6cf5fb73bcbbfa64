use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use logboom_driver::{Timer, Transport};
use rustix::net::sockopt;
use smol::Async;

/// A peer that has vanished is noticed after 120 + 3 * 60 seconds.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(120);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_COUNT: u32 = 3;

/// An accepted connection.
pub(crate) struct Socket(Async<TcpStream>);

impl Socket {
    pub(crate) fn new(stream: Async<TcpStream>) -> Self {
        // A socket that refuses an option serves as well without it, or is already broken, which
        // reading will tell.
        let _refused = configure(stream.get_ref());
        Self(stream)
    }
}

fn configure(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_tcp_nodelay(stream, true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_COUNT)
}

impl Transport for Socket {
    type Stream = Async<TcpStream>;

    fn stream(&mut self) -> &mut Async<TcpStream> {
        &mut self.0
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.0.get_ref().shutdown(std::net::Shutdown::Write)
    }

    fn set_want(&mut self, bytes: usize) {
        let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
        // SAFETY: the descriptor is open, because the socket is borrowed; the kernel reads one
        // `c_int` from a place that holds one. No safe wrapper has this option.
        let _refused = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVLOWAT,
                (&raw const bytes).cast(),
                size_of_val(&bytes) as libc::socklen_t,
            )
        };
    }
}

/// The clock of the machine, and a timer of smol.
pub(crate) struct Alarm(smol::Timer);

impl Alarm {
    pub(crate) fn new() -> Self {
        Self(smol::Timer::never())
    }
}

impl Timer for Alarm {
    #[expect(clippy::disallowed_methods, reason = "here time enters: the machines get it from us")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn set(&mut self, deadline: Instant) {
        self.0.set_at(deadline);
    }

    fn poll_rung(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(|_rung_at| ())
    }
}
