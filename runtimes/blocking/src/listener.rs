use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::Builder;

use logboom_net::{Listen, Open};
use logboom_sans_io::{Accepted, Service};
use rustix::event::PollFlags;

use crate::bell::Bell;
use crate::reactor::Reactor;
use crate::{STACK_BYTES, run_with};

/// A listening socket whose thread sleeps in a reactor, and which starts a thread for each connection.
pub(crate) struct Listener {
    pub(crate) socket: Rc<TcpListener>,
    pub(crate) reactor: Rc<Reactor>,
}

impl Listen for Listener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|_| self.reactor.poll_io(self.socket.accept(), PollFlags::IN)).await
    }

    fn spawn<S: Service>(
        &self,
        service: &Arc<S>,
        connection: Accepted<S::Machine, S::Session>,
        stream: TcpStream,
        open: Open,
    ) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let bell = Bell::new()?;
        let service = Arc::clone(service);
        let run = move || {
            run_with(bell, connection, stream, || service.on_idle());
            drop(open);
        };
        Builder::new().name("logboom-peer".into()).stack_size(STACK_BYTES).spawn(run)?;
        Ok(())
    }
}
