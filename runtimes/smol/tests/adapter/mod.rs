//! How this runtime serves, for the conformance suite.

#[path = "../../../../tests/conformance/host/transport.rs"]
mod transport;

use std::io;
use std::net::TcpListener;
use std::num::NonZero;
use std::sync::Arc;

use logboom_driver::drive;
use logboom_net::Alarm;
use logboom_sans_io::{Accepted, Machine, Service, Session, Shutdown};
use logboom_smol::{Options, serve};

use crate::host::Host;
use crate::host::script::Script;
use transport::Scripted;

pub(crate) struct Adapter;

impl Host for Adapter {
    fn serve<S: Service>(
        listeners: Vec<TcpListener>,
        service: Arc<S>,
        shutdown: Shutdown,
    ) -> io::Result<()> {
        let options = Options { threads: NonZero::new(2) };
        serve(listeners, service, options, shutdown)
    }

    fn run<M, S>(connection: Accepted<M, S>, script: Script)
    where
        M: Machine<Event: Send, Command: Send, Closed: Send> + Send + 'static,
        S: Session<Event = M::Event, Closed = M::Closed> + Send + 'static,
    {
        smol::block_on(drive(connection, Scripted(script), Alarm::new()));
    }
}
