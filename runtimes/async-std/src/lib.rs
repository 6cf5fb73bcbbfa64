//! Serves state machines on [async-std](https://docs.rs/async-std), on its global executor.
//!
//! [`serve`] accepts connections, asks the [`Service`] for a machine for each, and drives it to its
//! end with `logboom-driver`. It knows no protocol and does not see whether a connection is
//! encrypted. Limits on connections are the business of the service, which may refuse any.
//!
//! **async-std is discontinued** (RUSTSEC-2025-0052); its authors recommend smol, which has the same
//! reactor. This crate is for programs that run on async-std already. New ones take `logboom-smol`.

#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use logboom_driver::drive;
use logboom_net::{Acceptor, Alarm, Listen, Open, Socket, tell_idle};
use logboom_sans_io::{Accepted, Service, Shutdown};

/// Serves `service` on `listeners` until `shutdown` is thrown and every connection has ended.
///
/// Connections run on the executor of the process, which has one thread per core, or as many as the
/// variable `ASYNC_STD_THREAD_COUNT` says. A program that is asynchronous itself awaits
/// [`serve_async`] instead.
///
/// When the switch is thrown no more connections are accepted. Ending those that are open is the
/// business of the service, which owns their inboxes.
///
/// # Errors
///
/// If a listener is not usable. Nothing is served then.
pub fn serve<S: Service>(
    listeners: Vec<std::net::TcpListener>,
    service: Arc<S>,
    shutdown: Shutdown,
) -> io::Result<()> {
    task::block_on(serve_async(listeners, service, shutdown))
}

/// The same as [`serve`], for a program that runs on async-std itself.
///
/// # Errors
///
/// If a listener is not usable. Nothing is served then.
pub async fn serve_async<S: Service>(
    listeners: Vec<std::net::TcpListener>,
    service: Arc<S>,
    shutdown: Shutdown,
) -> io::Result<()> {
    // The conversion of async-std panics where this fails.
    listeners.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
    let (open, ended) = Open::new();
    for (index, listener) in listeners.into_iter().enumerate() {
        let listener = Listener(TcpListener::from(listener));
        let acceptor =
            Acceptor { index, listener, service: Arc::clone(&service), open: open.clone() };
        task::spawn(acceptor.run_until(shutdown.clone(), Alarm::new()));
    }
    drop(open);
    poll_fn(|context| ended.poll(context)).await;
    Ok(())
}

struct Listener(TcpListener);

impl Listen for Listener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().await
    }

    fn spawn<S: Service>(
        &self,
        service: &Arc<S>,
        connection: Accepted<S::Machine, S::Session>,
        stream: TcpStream,
        open: Open,
    ) -> io::Result<()> {
        let service = Arc::clone(service);
        task::spawn(async move {
            let driven = drive(connection, Socket::new(stream), Alarm::new());
            // The executor is the whole process's, and cannot be asked when it is idle.
            tell_idle(driven, || service.on_idle()).await;
            drop(open);
        });
        Ok(())
    }
}
