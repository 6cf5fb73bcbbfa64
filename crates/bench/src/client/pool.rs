use std::fmt;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::connection::{Connection, End, Progress};
use super::dial::dial;
use super::script::Script;
use crate::clock::now;
use crate::server::Config;
use crate::{Failure, Result};

/// So many events are taken at a time.
const EVENTS_MAX: usize = 256;

/// Nothing that was asked takes so long, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What takes longer is counted as this, in microseconds.
const LATENCY_US_MAX: u64 = 100_000_000;

/// Producers that are connected to one server.
pub struct Pool {
    server: SocketAddr,
    tls: Arc<ClientConfig>,
    script: Script,
    poller: OwnedFd,
    events: Vec<epoll::Event>,
    /// `None` once it has ended.
    connections: Vec<Option<Connection>>,
}

/// What producers were answered that sent as fast as they were answered.
#[derive(Debug)]
pub struct Load {
    /// From the first request to the last answer.
    pub duration: Duration,
    /// From each request to its answer, in microseconds. Every one was acknowledged.
    pub latency_us: Histogram<u64>,
}

/// How connections ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// With a close_notify and the end of the stream.
    pub clean: usize,
    /// With the end of the stream, but without a close_notify.
    pub without_notice: usize,
    /// With an error of the socket: a reset.
    pub resets: usize,
    /// Not at all, until patience ended.
    pub open: usize,
}

impl Pool {
    /// Nobody yet, who will be connected to `server`.
    ///
    /// # Errors
    ///
    /// If the operating system gives no poller.
    pub fn new(
        server: SocketAddr,
        certificate: &CertificateDer<'static>,
        script: Script,
    ) -> Result<Self> {
        let poller =
            epoll::create(CreateFlags::CLOEXEC).map_err(Failure::while_doing("make a poller"))?;
        Ok(Self {
            server,
            tls: trusting(certificate)?,
            script,
            poller,
            events: Vec::with_capacity(EVENTS_MAX),
            connections: Vec::new(),
        })
    }

    /// Opens `count` more connections and logs them in, at most `handshakes_max` at a time.
    ///
    /// `progress` hears how many are complete. Returns how long it took.
    ///
    /// # Errors
    ///
    /// If one of them ends, or is refused.
    pub fn open(
        &mut self,
        count: usize,
        handshakes_max: usize,
        mut progress: impl FnMut(usize),
    ) -> Result<Duration> {
        let (begun_at, all) = (now(), self.connections.len() + count);
        let (mut under_way, mut complete) = (0, 0);
        while complete < count {
            while under_way < handshakes_max && self.connections.len() < all {
                self.connect()?;
                under_way += 1;
            }
            let before = complete;
            self.turn(begun_at + PATIENCE + PATIENCE, |_, _, progress| match progress {
                Progress::LoggedIn => {
                    under_way -= 1;
                    complete += 1;
                    Ok(())
                }
                other => nothing_but(other),
            })?;
            if complete > before {
                progress(complete);
            }
        }
        Ok(now() - begun_at)
    }

    /// Waits without doing anything.
    ///
    /// # Errors
    ///
    /// If a connection ends meanwhile.
    pub fn idle(&mut self, window: Duration) -> Result<()> {
        let until = now() + window;
        while now() < until {
            self.wait(until, |_, _, progress| nothing_but(progress))?;
        }
        Ok(())
    }

    /// Lets the last `count` connections send batches for `window`, each its next one when the one
    /// before is acknowledged, while the others are silent.
    ///
    /// # Errors
    ///
    /// If a batch is refused, or a connection ends.
    pub fn produce(&mut self, count: usize, window: Duration) -> Result<Load> {
        let mut latency_us = Histogram::new_with_max(LATENCY_US_MAX, 3)
            .map_err(Failure::while_doing("make a histogram"))?;
        let begun_at = now();
        let first = self.connections.len().saturating_sub(count);
        for number in first..self.connections.len() {
            self.send(number)?;
        }
        let (until, mut unanswered) = (begun_at + window, self.connections.len() - first);
        let mut ended_at = begun_at;
        while unanswered > 0 {
            self.turn(until + PATIENCE, |pool, number, progress| {
                if progress != Progress::Acknowledged {
                    return nothing_but(progress);
                }
                ended_at = now();
                let asked_at = pool.connections[number].as_ref().map(|it| it.asked_at);
                let taken = ended_at - asked_at.unwrap_or(ended_at);
                latency_us.saturating_record(u64::try_from(taken.as_micros()).unwrap_or(u64::MAX));
                if ended_at < until {
                    return pool.send(number);
                }
                unanswered -= 1;
                Ok(())
            })?;
        }
        Ok(Load { duration: ended_at - begun_at, latency_us })
    }

    /// Waits until the server has ended all connections, and closes each when it sees that.
    ///
    /// # Errors
    ///
    /// If the server says something else than goodbye.
    pub fn drain(&mut self, patience: Duration) -> Result<Ends> {
        let (until, mut ends) = (now() + patience, Ends::default());
        let mut open = self.connections.iter().flatten().count();
        while open > 0 && now() < until {
            self.wait(until, |pool, number, progress| {
                let Progress::Ended(end) = progress else { return Ok(()) };
                let ended = pool.connections[number].take();
                match end {
                    End::Clean => ends.clean += 1,
                    End::WithoutNotice => ends.without_notice += 1,
                    End::Broken(_) => ends.resets += 1,
                }
                open -= 1;
                ended.into_iter().for_each(Connection::close);
                Ok(())
            })?;
        }
        ends.open = open;
        Ok(ends)
    }

    fn connect(&mut self) -> Result<()> {
        let number = self.connections.len();
        let stream = dial(self.server, number).map_err(Failure::while_doing("connect"))?;
        let name = ServerName::try_from(Config::HOST).expect("a valid name");
        let connection = Connection::new(stream, &self.tls, name, &self.script, now())?;
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        let data = EventData::new_u64(number as u64);
        epoll::add(&self.poller, connection.stream(), data, flags)
            .map_err(Failure::while_doing("watch a connection"))?;
        self.connections.push(Some(connection));
        Ok(())
    }

    fn send(&mut self, number: usize) -> Result<()> {
        let batch = &self.script.produce[number % self.script.produce.len()];
        match &mut self.connections[number] {
            Some(connection) => connection.produce(batch, now()),
            None => Err(Failure::new("a connection has ended")),
        }
    }

    /// Like [`wait`](Self::wait), but fails if nothing has happened until the deadline.
    fn turn(
        &mut self,
        deadline: Instant,
        handle: impl FnMut(&mut Self, usize, Progress) -> Result<()>,
    ) -> Result<()> {
        match self.wait(deadline, handle)? {
            true => Ok(()),
            false => Err(Failure::new("connections hang")),
        }
    }

    /// Waits until something happens or it is `deadline`, and hands it on with the number of its
    /// connection. Whether anything has happened.
    fn wait(
        &mut self,
        deadline: Instant,
        mut handle: impl FnMut(&mut Self, usize, Progress) -> Result<()>,
    ) -> Result<bool> {
        let rest = deadline.saturating_duration_since(now());
        let timeout = Timespec::try_from(rest).map_err(Failure::while_doing("wait"))?;
        let mut events = std::mem::take(&mut self.events);
        let waited =
            epoll::wait(&self.poller, rustix::buffer::spare_capacity(&mut events), Some(&timeout));
        match waited {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::while_doing("wait")(error)),
        }
        for event in &events {
            let number = event.data.u64() as usize;
            // It may have ended in an earlier turn, with this event still under way.
            let Some(connection) = &mut self.connections[number] else { continue };
            match connection.advance(&self.script, now())? {
                Progress::None => {}
                progress => handle(self, number, progress)?,
            }
        }
        let happened = !events.is_empty();
        events.clear();
        self.events = events;
        Ok(happened)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("server", &self.server)
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}

/// Where nothing is asked, nothing may happen either.
fn nothing_but(progress: Progress) -> Result<()> {
    match progress {
        Progress::None => Ok(()),
        Progress::LoggedIn | Progress::Acknowledged => {
            Err(Failure::new("an answer that was not waited for"))
        }
        Progress::Ended(end) => Err(Failure::new(format!("a connection has ended: {end:?}"))),
    }
}

/// The TLS of clients that trust one certificate, with the key exchange of the agents of today.
fn trusting(certificate: &CertificateDer<'static>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::X25519];
    roots
        .add(certificate.clone())
        .and_then(|()| {
            ClientConfig::builder_with_provider(Arc::new(provider))
                .with_protocol_versions(&[&rustls::version::TLS13])
        })
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
        .map(|mut config| {
            // Every connection is one of a stranger.
            config.resumption = rustls::client::Resumption::disabled();
            Arc::new(config)
        })
        .map_err(Failure::while_doing("set up TLS"))
}
