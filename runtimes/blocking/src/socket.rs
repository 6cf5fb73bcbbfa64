use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_lite::{AsyncRead, AsyncWrite};
use logboom_driver::Transport;
use logboom_net::Socket;
use rustix::event::PollFlags;

use crate::reactor::Reactor;

/// A connected byte stream that never waits: what it cannot do at once fails with `WouldBlock`, and
/// `poll(2)` on its descriptor tells when it can.
pub trait Stream: AsFd + 'static {
    /// Reads into `space`. Zero is the end of the stream.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is nothing yet; whatever the machine says.
    fn read(&self, space: &mut [u8]) -> io::Result<usize>;

    /// Writes as much of the slices as there is room for.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; whatever the machine says.
    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Tells the peer that nothing more will come, and goes on reading.
    ///
    /// # Errors
    ///
    /// Whatever the machine says, for instance that the peer has reset the connection.
    fn shutdown_write(&self) -> io::Result<()>;
}

macro_rules! stream {
    ($($socket:ty),+) => {$(
        impl Stream for $socket {
            fn read(&self, space: &mut [u8]) -> io::Result<usize> {
                Read::read(&mut &*self, space)
            }

            fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                Write::write_vectored(&mut &*self, slices)
            }

            fn shutdown_write(&self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    )+};
}

stream!(TcpStream, UnixStream);

/// A connection whose thread sleeps in a reactor.
pub(crate) struct Connection<S> {
    socket: Socket<Waiting<S>>,
    reactor: Rc<Reactor>,
}

impl<S: Stream> Connection<S> {
    pub(crate) fn new(stream: Rc<S>, reactor: &Rc<Reactor>) -> Self {
        let reactor = Rc::clone(reactor);
        Self { socket: Socket::new(Waiting { stream, reactor: Rc::clone(&reactor) }), reactor }
    }
}

impl<S: Stream> Transport for Connection<S> {
    type Stream = Waiting<S>;

    fn stream(&mut self) -> &mut Waiting<S> {
        self.socket.stream()
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.socket.stream().stream.shutdown_write()
    }

    fn set_want(&mut self, bytes: usize) {
        self.socket.set_want(bytes);
    }

    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<()> {
        self.reactor.poll_readable()
    }

    fn poll_broken(&mut self, _: &mut Context<'_>) -> Poll<ErrorKind> {
        match self.reactor.is_broken() {
            true => Poll::Ready(ErrorKind::ConnectionReset),
            false => Poll::Pending,
        }
    }
}

/// A stream that tells its reactor what it waits for.
pub(crate) struct Waiting<S> {
    stream: Rc<S>,
    reactor: Rc<Reactor>,
}

impl<S: AsFd> AsFd for Waiting<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl<S: Stream> AsyncRead for Waiting<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.reactor.poll_io(self.stream.read(space), PollFlags::IN)
    }
}

impl<S: Stream> AsyncWrite for Waiting<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.reactor.poll_io(self.stream.write_vectored(slices), PollFlags::OUT)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.shutdown_write())
    }
}
