//! Serves state machines on threads and `std::net`: one thread per connection, no executor.
//!
//! [`serve`] accepts connections, asks the [`Service`] for a machine for each, and drives it to its
//! end on a thread of its own. It knows no protocol and does not see whether a connection is
//! encrypted. Limits on connections are the business of the service, which may refuse any.
//!
//! The thread of a connection sleeps in one place, `poll(2)`, and whatever concerns the connection
//! wakes it there: bytes, room for bytes, the deadline, and, through an `eventfd`, the answers of other
//! threads. So requests go on being read while earlier ones wait for theirs. What is done between two
//! sleeps is the same `logboom-driver` as on the other runtimes.
//!
//! A connection costs a thread and two descriptors.

#![forbid(unsafe_code)]

mod bell;
mod listener;
mod reactor;
mod socket;

use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::Builder;

use futures_lite::future::block_on;
use logboom_driver::drive;
use logboom_net::{Acceptor, Open, tell_idle};
use logboom_sans_io::{Accepted, Machine, Service, Session, Shutdown};

use bell::Bell;
use listener::Listener;
use reactor::{Alarm, Reactor};
use socket::Connection;
pub use socket::Stream;

/// The stack of the thread of a connection. The machine gives memory only to what is used of it: 28 KiB
/// for most connections, 380 KiB for one that checks compressed batches (measured in a release build).
pub const STACK_BYTES: usize = 1 << 20;

/// Serves `service` on `listeners` until `shutdown` is thrown and every connection has ended.
///
/// When it is thrown no more connections are accepted. Ending those that are open is the business
/// of the service, which owns their inboxes.
///
/// # Errors
///
/// If the operating system gives no threads or descriptors, or a listener is not usable. Then the
/// switch is thrown, too.
pub fn serve<S: Service>(
    listeners: Vec<TcpListener>,
    service: Arc<S>,
    shutdown: Shutdown,
) -> io::Result<()> {
    let (open, ended) = Open::new();
    let started = listeners.into_iter().enumerate().try_for_each(|(index, socket)| {
        listen(index, socket, Arc::clone(&service), open.clone(), shutdown.clone())
    });
    if started.is_err() {
        shutdown.trigger();
    }
    drop(open);
    block_on(poll_fn(|context| ended.poll(context)));
    started
}

/// Runs one connection over any stream, for instance a Unix socket, on this thread and to its end.
///
/// # Errors
///
/// If the operating system gives no descriptor. The connection is dropped then.
pub fn run<M, S>(connection: Accepted<M, S>, stream: impl Stream) -> io::Result<()>
where
    M: Machine,
    S: Session<Event = M::Event, Closed = M::Closed>,
{
    run_with(Bell::new()?, connection, stream, || ());
    Ok(())
}

fn run_with<M, S>(
    bell: Arc<Bell>,
    connection: Accepted<M, S>,
    stream: impl Stream,
    on_idle: impl Fn(),
) where
    M: Machine,
    S: Session<Event = M::Event, Closed = M::Closed>,
{
    let stream = Rc::new(stream);
    let reactor = Reactor::new(bell, &stream);
    let transport = Connection::new(stream, &reactor);
    let driven = drive(connection, transport, Alarm::new(Rc::clone(&reactor)));
    reactor.block_on(tell_idle(driven, on_idle));
}

/// Starts the thread that accepts the connections of a listener.
fn listen<S: Service>(
    index: usize,
    socket: TcpListener,
    service: Arc<S>,
    open: Open,
    shutdown: Shutdown,
) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let bell = Bell::new()?;
    let run = move || {
        let socket = Rc::new(socket);
        let reactor = Reactor::new(bell, &socket);
        let listener = Listener { socket, reactor: Rc::clone(&reactor) };
        let acceptor = Acceptor { index, listener, service, open };
        reactor.block_on(acceptor.run_until(shutdown, Alarm::new(Rc::clone(&reactor))));
    };
    Builder::new().name(format!("logboom-accept-{index}")).spawn(run)?;
    Ok(())
}
