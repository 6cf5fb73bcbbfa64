//! A Kafka endpoint in an event loop of one's own: `polling`, one thread, many connections. It
//! contains no protocol and serves any `Service`. docs/embedding.md tells why it is as it is.
#![allow(clippy::disallowed_methods, reason = "a host knows the time, and tells the machines")]

use logboom_engine::sans_io::{Accepted, Machine, Service, Session, Shutdown, Step, Wait};
use logboom_engine::testing::Endpoint;
use polling::{Event, Events, Poller};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{self, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

const FIN: fn(&TcpStream) -> io::Result<()> = |stream| stream.shutdown(net::Shutdown::Write);

/// One connection over any stream that does not block.
pub(crate) struct Connection<M: Machine, S, T> {
    pub(crate) accepted: Accepted<M, S>,
    pub(crate) stream: T,
    pub(crate) shutdown_write: Option<fn(&T) -> io::Result<()>>, // once
}

impl<M: Machine, S: Session<Event = M::Event>, T: Read + Write> Connection<M, S, T> {
    /// Does what can be done now, in both directions. The next turn is due when the stream is ready
    /// for what is waited for, at the deadline, and when the waker is woken.
    pub(crate) fn turn(&mut self, now: Instant, waker: &Waker) -> Result<Wait, M::Closed> {
        let cx = &mut Context::from_waker(waker);
        let mut exchanges = [Self::write, Self::read, Self::write].into_iter();
        loop {
            while let Some(command) = self.accepted.inbox.pop() {
                let _too_late = self.accepted.machine.apply(command);
            }
            match self.accepted.machine.poll(now) {
                Step::Event(event) => self.accepted.session.on_event(event),
                Step::Closed(reason) => return Err(reason),
                Step::Wait(wait) => {
                    match self.fin(wait).or_else(|| Some(exchanges.next()?(self, wait))) {
                        None if self.accepted.inbox.poll_ready(cx).is_pending() => return Ok(wait),
                        None
                        | Some(Ok(()) | Err(ErrorKind::WouldBlock | ErrorKind::Interrupted)) => {}
                        Some(Err(kind)) => self.accepted.machine.handle_transport_error(kind),
                    }
                }
            }
        }
    }

    /// Not one of the exchanges: after the last of them, nothing else would wake the connection.
    fn fin(&mut self, wait: Wait) -> Option<Result<(), ErrorKind>> {
        let fin = self.shutdown_write.take_if(|_| wait.fin && !wait.write)?;
        Some(fin(&self.stream).map_err(|error| error.kind()))
    }

    fn read(&mut self, wait: Wait) -> Result<(), ErrorKind> {
        if let Some(space) = self.accepted.machine.recv_space().filter(|_| wait.read) {
            match self.stream.read(space).map_err(|error| error.kind())? {
                0 => self.accepted.machine.handle_eof(),
                n => self.accepted.machine.handle_received(n),
            }
        }
        Ok(())
    }

    fn write(&mut self, wait: Wait) -> Result<(), ErrorKind> {
        if wait.write {
            let mut slices = [IoSlice::new(&[]); 16];
            let count = self.accepted.machine.transmit(&mut slices);
            match self.stream.write_vectored(&slices[..count]).map_err(|error| error.kind())? {
                0 => return Err(ErrorKind::WriteZero),
                n => self.accepted.machine.handle_sent(n),
            }
        }
        Ok(())
    }
}

/// Asks for the turn of a connection, from any thread.
struct Bell(usize, mpsc::Sender<usize>, Arc<Poller>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _loop_is_over = self.1.send(self.0).is_err() || self.2.notify().is_err();
    }
}

/// Serves until `stop` is thrown and every connection has ended.
pub fn serve<S: Service>(on: Vec<TcpListener>, service: Arc<S>, stop: Shutdown) -> io::Result<()> {
    let (poller, (rings, rung)) = (Arc::new(Poller::new()?), mpsc::channel());
    let bell = |id| Waker::from(Arc::new(Bell(id, rings.clone(), Arc::clone(&poller))));
    let (mut peers, mut events, stop_bell) = (BTreeMap::new(), Events::new(), bell(usize::MAX));
    let (mut timers, mut next_id, mut listeners) = (BTreeSet::new(), on.len(), on);
    for (id, listener) in listeners.iter().enumerate() {
        listener.set_nonblocking(true)?;
        // SAFETY: epoll forgets a socket that is closed. So it is with those of connections.
        unsafe { poller.add(listener, Event::readable(id))? };
    }
    while stop.poll(&mut Context::from_waker(&stop_bell)).is_pending() || !peers.is_empty() {
        listeners.retain(|_| !stop.is_triggered());
        let next = timers.first().map(|(at, _): &(Instant, usize)| *at);
        events.clear();
        poller.wait(&mut events, next.map(|at| at.saturating_duration_since(Instant::now())))?;
        let now = Instant::now();
        let ready: BTreeSet<usize> = events.iter().map(|event| event.key).collect();
        let mut turns: BTreeSet<usize> = ready.iter().copied().chain(rung.try_iter()).collect();
        while timers.first().is_some_and(|(at, _)| *at <= now) {
            turns.extend(timers.pop_first().map(|(_, id)| id));
        }
        for id in turns {
            if let Some(listener) = listeners.get(id) {
                poller.modify(listener, Event::readable(id))?;
                match listener.accept() {
                    Ok((stream, peer)) => {
                        stream.set_nonblocking(true)?;
                        let accept = AssertUnwindSafe(|| service.accept(id, peer, now));
                        let Ok(Some(accepted)) = catch_unwind(accept) else { continue };
                        unsafe { poller.add(&stream, Event::none(next_id))? };
                        let connection = Connection { accepted, stream, shutdown_write: Some(FIN) };
                        peers.insert(next_id, (connection, true, Some(now), bell(next_id)));
                        timers.insert((now, next_id)); // the first turn is due
                        next_id += 1;
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => {
                        service.accept_failed(id, &error);
                        poller.modify(listener, Event::none(id))?; // or it would spin
                        timers.insert((now + Duration::from_millis(50), id));
                    }
                }
            } else if let Some((mut connection, waits, deadline, waker)) = peers.remove(&id) {
                timers.remove(&(deadline.unwrap_or(now), id));
                if !waits && ready.contains(&id) {
                    // A reset. Without interest in anything it would be reported for ever.
                    connection.accepted.machine.handle_transport_error(ErrorKind::ConnectionReset);
                }
                match catch_unwind(AssertUnwindSafe(|| connection.turn(now, &waker))) {
                    Ok(Ok(Wait { read, write, deadline, .. })) => {
                        poller.modify(&connection.stream, Event::new(id, read, write))?;
                        timers.extend(deadline.map(|at| (at, id)));
                        peers.insert(id, (connection, read || write, deadline, waker));
                    }
                    Ok(Err(reason)) => connection.accepted.session.on_closed(reason),
                    Err(_panic) => connection.accepted.session.on_panic(),
                }
            }
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let endpoint = Endpoint::builder().advertise("localhost", 10011).start(); // in memory
    let _commits = endpoint.engine().store().spawn_committer()?;
    println!("localhost:10011, SASL/PLAIN, user demo, password {}", Endpoint::password("demo"));
    serve(vec![TcpListener::bind("localhost:10011")?], endpoint.service().clone(), Shutdown::new())
}
