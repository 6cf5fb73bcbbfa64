//! How this runtime serves, for the conformance suite.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use logboom_blocking::Stream;
use logboom_sans_io::{Accepted, Machine, Service, Session, Shutdown};

use crate::host::Host;
use crate::host::script::Script;

pub(crate) struct Adapter;

impl Host for Adapter {
    fn serve<S: Service>(
        listeners: Vec<TcpListener>,
        service: Arc<S>,
        shutdown: Shutdown,
    ) -> io::Result<()> {
        logboom_blocking::serve(listeners, service, shutdown)
    }

    fn run<M, S>(connection: Accepted<M, S>, script: Script)
    where
        M: Machine<Event: Send, Command: Send, Closed: Send> + Send + 'static,
        S: Session<Event = M::Event, Closed = M::Closed> + Send + 'static,
    {
        logboom_blocking::run(connection, Scripted(script)).expect("a descriptor");
    }
}

struct Scripted(Script);

impl AsFd for Scripted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Stream for Scripted {
    fn read(&self, space: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(space)
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(slices)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.0.shutdown_write()
    }
}
