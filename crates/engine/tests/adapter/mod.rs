//! How the event loop of the example serves, for the suite that every host passes.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use logboom_sans_io::{Accepted, Machine, Service, Session, Shutdown};

use crate::custom_loop::{self, Connection};
use crate::host::Host;
use crate::host::script::Script;
use crate::host::toy::now;

pub(crate) struct Adapter;

impl Host for Adapter {
    fn serve<S: Service>(
        listeners: Vec<TcpListener>,
        service: Arc<S>,
        shutdown: Shutdown,
    ) -> io::Result<()> {
        custom_loop::serve(listeners, service, shutdown)
    }

    /// The script is always ready, so it is always somebody's turn.
    fn run<M, S>(accepted: Accepted<M, S>, script: Script)
    where
        M: Machine<Event: Send, Command: Send, Closed: Send> + Send + 'static,
        S: Session<Event = M::Event, Closed = M::Closed> + Send + 'static,
    {
        let shutdown_write: fn(&Scripted) -> io::Result<()> = |script| script.0.shutdown_write();
        let stream = Scripted(script);
        let mut connection = Connection { accepted, stream, shutdown_write: Some(shutdown_write) };
        let run = || loop {
            if let Err(reason) = connection.turn(now(), Waker::noop()) {
                return reason;
            }
        };
        let end = catch_unwind(AssertUnwindSafe(run));
        let Connection { accepted: Accepted { mut session, .. }, stream, .. } = connection;
        drop(stream);
        match end {
            Ok(reason) => session.on_closed(reason),
            Err(_panic) => session.on_panic(),
        }
    }
}

struct Scripted(Script);

impl Read for Scripted {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(space)
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
