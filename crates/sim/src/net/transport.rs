//! The end of a connection that the driver of the server holds.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_lite::{AsyncRead, AsyncWrite};
use logboom_driver::{Timer, Transport};

use super::connection::{ConnectionId, Direction};
use super::network::{Happened, Network};
use crate::fault::FaultKind;
use crate::random::Stream;

/// A byte stream to a simulated client.
#[derive(Debug)]
pub(crate) struct SimStream {
    pub(crate) network: Rc<Network>,
    pub(crate) id: ConnectionId,
}

impl SimStream {
    /// Says, without a reason, that nothing can be done just now.
    fn spurious(&self) -> Option<io::Error> {
        let network = &self.network;
        let kind = FaultKind::SpuriousReady;
        network.dice.strikes(kind, network.rates().spurious).then(|| {
            let interrupted = network.dice.chance(Stream::Fault(kind), 500);
            if interrupted { ErrorKind::Interrupted } else { ErrorKind::WouldBlock }.into()
        })
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.spurious() {
            return Poll::Ready(Err(error));
        }
        let read = self.network.with(self.id, |connection| {
            if connection.reset {
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
            let pipe = &mut connection.to_server;
            let count = pipe.arrived.min(buffer.len());
            if count == 0 {
                if pipe.fin_arrived {
                    return Poll::Ready(Ok(0));
                }
                connection.reader = Some(context.waker().clone());
                return Poll::Pending;
            }
            for (slot, byte) in buffer.iter_mut().zip(pipe.bytes.drain(..count)) {
                *slot = byte;
            }
            pipe.arrived -= count;
            Poll::Ready(Ok(count))
        });
        if let Poll::Ready(Ok(1..)) = read {
            self.network.pump(self.id);
        }
        read
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.spurious() {
            return Poll::Ready(Err(error));
        }
        let (dice, rates) = (&self.network.dice, self.network.rates());
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut limit = usize::MAX;
        if offered > 1 && dice.strikes(FaultKind::ShortWrite, rates.short_write) {
            limit = 1 + dice.index(Stream::Fault(FaultKind::ShortWrite), offered - 1);
        }
        let written = self.network.with(self.id, |connection| {
            if connection.reset {
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
            if connection.to_client.fin_sent {
                return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
            }
            let room = connection.to_client.room(rates.window_bytes).min(limit);
            if room == 0 {
                connection.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            let bytes = slices.iter().flat_map(|slice| slice.iter().copied());
            let before = connection.to_client.bytes.len();
            connection.to_client.bytes.extend(bytes.take(room));
            Poll::Ready(Ok(connection.to_client.bytes.len() - before))
        });
        if let Poll::Ready(Ok(count)) = written {
            self.network.send(self.id, Direction::ToClient, count);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.network.server_closed(self.id);
    }
}

/// What the driver holds of a connection.
#[derive(Debug)]
pub(crate) struct SimTransport {
    pub(crate) stream: SimStream,
}

impl Transport for SimTransport {
    type Stream = SimStream;

    fn stream(&mut self) -> &mut SimStream {
        &mut self.stream
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        let SimStream { network, id } = &self.stream;
        if network.with(*id, |connection| connection.reset) {
            return Err(ErrorKind::NotConnected.into());
        }
        network.shut(*id, Direction::ToClient);
        Ok(())
    }

    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let SimStream { network, id } = &self.stream;
        network.with(*id, |connection| {
            let pipe = &connection.to_server;
            if connection.reset || pipe.arrived > 0 || pipe.fin_arrived {
                return Poll::Ready(());
            }
            connection.reader = Some(context.waker().clone());
            Poll::Pending
        })
    }
}

/// The clock of the world, and one alarm of it.
#[derive(Debug)]
pub(crate) struct SimTimer {
    pub(crate) network: Rc<Network>,
    pub(crate) id: ConnectionId,
}

impl Timer for SimTimer {
    fn now(&self) -> Instant {
        self.network.clock.instant()
    }

    fn set(&mut self, deadline: Instant) {
        let at_ns = self.network.clock.ns_of(deadline);
        self.network.with(self.id, |connection| connection.alarm_ns = Some(at_ns));
        self.network.plan(at_ns, Happened::Alarm { id: self.id, at_ns });
    }

    fn poll_rung(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now_ns = self.network.clock.passed_ns();
        self.network.with(self.id, |connection| {
            if connection.alarm_ns.is_none_or(|at_ns| at_ns <= now_ns) {
                return Poll::Ready(());
            }
            connection.sleeper = Some(context.waker().clone());
            Poll::Pending
        })
    }
}
