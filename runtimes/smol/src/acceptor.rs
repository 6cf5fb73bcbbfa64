use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use logboom_driver::{Timer as _, drive};
use logboom_sans_io::{Service, Shutdown};
use smol::{Async, Executor, Timer, future};

use crate::socket::{Alarm, Socket};

/// How long accepting rests after a failure, doubled with each further one.
const REST_MIN: Duration = Duration::from_millis(5);
const REST_MAX: Duration = Duration::from_secs(1);

/// Throws the switch when its last owner is gone: every acceptor and every connection owns it.
#[derive(Debug)]
pub(crate) struct Open(pub(crate) Shutdown);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.trigger();
    }
}

/// Accepts the connections of one listener.
pub(crate) struct Acceptor<S> {
    index: usize,
    listener: Async<TcpListener>,
    service: Arc<S>,
    /// Weak, because the executor owns the task of the acceptor.
    executor: Weak<Executor<'static>>,
    open: Arc<Open>,
}

impl<S: Service> Acceptor<S> {
    pub(crate) fn new(
        index: usize,
        listener: TcpListener,
        service: &Arc<S>,
        executor: &Arc<Executor<'static>>,
        open: &Arc<Open>,
    ) -> io::Result<Self> {
        Ok(Self {
            index,
            listener: Async::new(listener)?,
            service: Arc::clone(service),
            executor: Arc::downgrade(executor),
            open: Arc::clone(open),
        })
    }

    pub(crate) async fn run_until(self, shutdown: Shutdown) {
        future::or(poll_fn(|context| shutdown.poll(context)), self.run()).await;
    }

    async fn run(&self) {
        let mut rest = REST_MIN;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    rest = REST_MIN;
                    self.connect(stream, peer);
                    // A flood of connections must not starve those that are open.
                    future::yield_now().await;
                }
                Err(error) if concerns_one_peer(&error) => {}
                Err(error) => {
                    // Most likely out of file descriptors: trying again at once would only spin.
                    self.service.accept_failed(self.index, &error);
                    Timer::after(rest).await;
                    rest = (rest * 2).min(REST_MAX);
                }
            }
        }
    }

    fn connect(&self, stream: Async<TcpStream>, peer: SocketAddr) {
        let alarm = Alarm::new();
        let accept = || self.service.accept(self.index, peer, alarm.now());
        // A panic must cost this connection and not the listener.
        let Ok(Some(connection)) = catch_unwind(AssertUnwindSafe(accept)) else { return };
        let Some(executor) = self.executor.upgrade() else { return };
        let open = Arc::clone(&self.open);
        let task = executor.spawn(async move {
            drive(connection, Socket::new(stream), alarm).await;
            drop(open);
        });
        task.detach();
    }
}

/// Whether accepting failed because the peer was gone before it was accepted.
fn concerns_one_peer(error: &io::Error) -> bool {
    let kinds = [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::Interrupted];
    kinds.contains(&error.kind())
}
