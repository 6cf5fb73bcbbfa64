//! Serves state machines on [smol](https://docs.rs/smol): one executor, one thread per core.
//!
//! [`serve`] accepts connections, asks the [`Service`] for a machine for each, and drives it to its
//! end with `logboom-driver`. It knows no protocol and does not see whether a connection is
//! encrypted. Limits on connections are the business of the service, which may refuse any.

#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;

use logboom_driver::drive;
use logboom_net::{Acceptor, Alarm, Listen, Open, Socket, tell_idle};
use logboom_sans_io::{Accepted, Service, Shutdown};
use smol::{Async, Executor};

/// How [`serve`] uses the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// So many threads run connections; `None` means one per core.
    pub threads: Option<NonZero<usize>>,
}

/// Serves `service` on `listeners` until `shutdown` is thrown and every connection has ended.
///
/// When it is thrown no more connections are accepted. Ending those that are open is the business
/// of the service, which owns their inboxes.
///
/// # Errors
///
/// If the operating system gives no threads, or a listener is not usable. Nothing is served then.
pub fn serve<S: Service>(
    listeners: Vec<TcpListener>,
    service: Arc<S>,
    options: Options,
    shutdown: Shutdown,
) -> io::Result<()> {
    let threads = options.threads.map_or_else(thread::available_parallelism, Ok)?;
    let executor = Arc::new(Executor::new());
    let (open, ended) = Open::new();
    for (index, listener) in listeners.into_iter().enumerate() {
        let listener =
            Listener { socket: Async::new(listener)?, executor: Arc::downgrade(&executor) };
        let acceptor =
            Acceptor { index, listener, service: Arc::clone(&service), open: open.clone() };
        executor.spawn(acceptor.run_until(shutdown.clone(), Alarm::new())).detach();
    }
    drop(open);
    thread::scope(|scope| {
        for number in 0..threads.get() {
            let thread = thread::Builder::new().name(format!("logboom-{number}"));
            if let Err(error) = thread.spawn_scoped(scope, || work(&executor, &*service, &ended)) {
                ended.trigger();
                return Err(error);
            }
        }
        Ok(())
    })
}

/// Runs tasks until every connection has ended. Tells the service when there is nothing to run.
fn work(executor: &Executor<'static>, service: &impl Service, ended: &Shutdown) {
    let run = || {
        let tasks = executor.run(poll_fn(|context| ended.poll(context)));
        smol::block_on(tell_idle(tasks, || service.on_idle()));
    };
    // The panic of a task unwinds through the executor. That task is gone; the others go on.
    while catch_unwind(AssertUnwindSafe(run)).is_err() {}
}

struct Listener {
    socket: Async<TcpListener>,
    /// Weak, because the executor owns the task of the acceptor.
    executor: Weak<Executor<'static>>,
}

impl Listen for Listener {
    type Stream = Async<TcpStream>;

    async fn accept(&self) -> io::Result<(Async<TcpStream>, SocketAddr)> {
        self.socket.accept().await
    }

    fn spawn<S: Service>(
        &self,
        _service: &Arc<S>,
        connection: Accepted<S::Machine, S::Session>,
        stream: Async<TcpStream>,
        open: Open,
    ) -> io::Result<()> {
        if let Some(executor) = self.executor.upgrade() {
            let socket = Socket::new(stream).with_readiness(|stream, context| {
                // An error shows when it is read.
                stream.poll_readable(context).map(drop)
            });
            let run = async move {
                drive(connection, socket, Alarm::new()).await;
                drop(open);
            };
            executor.spawn(run).detach();
        }
        Ok(())
    }
}
