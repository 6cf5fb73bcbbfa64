//! A whole Kafka endpoint inside a test: no port, no thread, no file, and time that obeys.
//!
//! Everything is real but the ground it stands on: the disk is [`MemDisk`], the network a
//! [`Pipe`], and the clock stands still until somebody moves it or a client waits. So a test of a
//! producer is exact, repeats itself, and never sleeps; it starts in less than a millisecond.
//!
//! ```
//! use std::io::{Read, Write};
//! use logboom_engine::testing::Endpoint;
//!
//! let endpoint = Endpoint::start();
//! let mut stream = endpoint.connect(); // what a `TcpStream` would be
//! stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 42, 0xff, 0xff])?; // ApiVersions
//! let mut head = [0; 8];
//! stream.read_exact(&mut head)?;
//! assert_eq!(head[4..], [0, 0, 0, 42]); // the correlation id
//! assert!(endpoint.logs("demo/demo").is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Log in with SASL/PLAIN, the name of the project (`demo`) and [`Endpoint::password`]. The folder
//! `examples` of this crate has the whole way in `endpoint_in_a_test.rs`.
//!
//! Only with the feature `testing`, and only for tests: passwords are known to everybody.

mod builder;
mod clock;

use std::fmt::{self, Debug, Formatter};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use logboom_access::Directory;
use logboom_model::{Log, LogGroup};
use logboom_sans_io::Service;
use logboom_sans_io::testing::{Ground, ManualClock};
use logboom_store::{Crash, MemDisk, Shard, Store};

pub use builder::Builder;

use crate::{Engine, EngineSession, KafkaMachine, KafkaService, LogMapper};

/// The present time when an endpoint starts, in milliseconds since 1970: 2023-11-14T22:13:20Z.
pub const START_MS: i64 = 1_700_000_000_000;

/// A Kafka endpoint in memory.
pub struct Endpoint {
    /// How it was asked for, to start it again.
    builder: Builder,
    directory: Arc<Directory>,
    disk: MemDisk,
    basis: Basis,
    service: Arc<KafkaService>,
    engine: Arc<Engine>,
    /// The port that the next client comes from, so that logs can tell them apart.
    next_port: AtomicU16,
}

/// A client's end of a connection with an [`Endpoint`]: what a blocking `TcpStream` is outside.
pub type Pipe = logboom_sans_io::testing::Pipe<KafkaMachine, EngineSession, Basis>;

/// What an endpoint and its pipes stand on: its disk and its clock.
#[derive(Clone, Debug)]
pub struct Basis {
    store: Store,
    clock: Arc<ManualClock>,
    disk_stalls: Arc<AtomicBool>,
}

impl Endpoint {
    /// Starts one with the project `demo` and its Logstore `demo` of one shard.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Starts one with other Logstores, rights or limits.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The SASL/PLAIN password of a project; the user name is the project. The key may do
    /// everything in its project.
    #[must_use]
    pub fn password(project: &str) -> String {
        format!("{project}#{}", builder::SECRET)
    }

    /// Connects a client.
    ///
    /// # Panics
    ///
    /// If a limit of the endpoint refuses it; [`try_connect`](Self::try_connect) does not panic.
    #[must_use]
    pub fn connect(&self) -> Pipe {
        let port = self.next_port.fetch_add(1, Ordering::Relaxed);
        self.try_connect(([192, 0, 2, 7], port).into()).expect("a connection within the limits")
    }

    /// Connects a client from that address, unless a limit of the endpoint refuses it.
    #[must_use]
    pub fn try_connect(&self, peer: SocketAddr) -> Option<Pipe> {
        let connection = self.service.accept(0, peer, self.now())?;
        Some(Pipe::new(connection, self.basis.clone()))
    }

    /// What is stored of a Logstore, as in `demo/nginx`: shard by shard, in the order of the offsets.
    /// Commits before what waits for the disk.
    ///
    /// # Panics
    ///
    /// If there is no such Logstore, or its disk returns something else than what was written.
    #[must_use]
    pub fn logs(&self, logstore: &str) -> Vec<Log> {
        self.groups(logstore).into_iter().flat_map(|group| group.logs).collect()
    }

    /// The same with where the logs come from: one group for each batch, with the tags
    /// `__client_id__`, `__shard__` and `__offset__`.
    ///
    /// # Panics
    ///
    /// As [`logs`](Self::logs).
    #[must_use]
    pub fn groups(&self, logstore: &str) -> Vec<LogGroup> {
        self.basis.settle();
        let (project, name) = builder::split(logstore);
        let logstores = self.directory.logstores_of(project);
        let found = { logstores }.find(|logstore| logstore.name.as_str() == name);
        let Some(configured) = found else { panic!("there is no Logstore {logstore}") };
        let store = &self.basis.store;
        let stream = store.stream(project, name).expect("a Logstore that the engine has opened");
        let mut mapper = LogMapper::default();
        let mut groups = Vec::new();
        for index in 0..configured.shards {
            let shard = Shard::new(stream, index);
            let start = store.offsets(shard).start;
            for batch in store.read(shard, start, usize::MAX).expect("what is durable") {
                let group = mapper.map(&batch, &configured.mapping, true);
                groups.push(group.expect("what was checked before it was stored"));
            }
        }
        groups
    }

    /// Lets time pass, for the endpoint and all that is connected.
    pub fn pass(&self, time: Duration) {
        self.basis.clock.pass(time);
    }

    /// The present time, which stands still between two calls of [`pass`](Self::pass) unless a client
    /// waits.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.basis.now()
    }

    /// Lets the disk stall, or go on: while it stalls nothing becomes durable, and nothing that asks
    /// for it is acknowledged, however long a client waits. Faults of other kinds are up to
    /// [`disk`](Self::disk).
    pub fn stall_disk(&self, stalls: bool) {
        self.basis.disk_stalls.store(stalls, Ordering::SeqCst);
    }

    /// Ends the server in the way the crash says, and starts the next one on what is left on its
    /// disk. Clients lose their connections. Faults that were set on the disk are gone.
    #[must_use]
    pub fn restart(self, crash: Crash) -> Self {
        self.engine.abort();
        let Self { builder, disk, basis, .. } = self;
        builder.start_on(disk.restart(crash), basis.clock)
    }

    /// The disk, to let it fail ([`MemDisk::set_hook`]) or to look at its files.
    #[must_use]
    pub const fn disk(&self) -> &MemDisk {
        &self.disk
    }

    /// The engine, for its counters, its history, a drain, or another directory.
    #[must_use]
    pub const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What a host serves on real connections. There nobody commits, unless a thread does it
    /// ([`Store::spawn_committer`] of [`Engine::store`]), and the time of what is stored stands
    /// still.
    #[must_use]
    pub const fn service(&self) -> &Arc<KafkaService> {
        &self.service
    }
}

impl Ground for Basis {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn advance_to(&self, time: Instant) {
        self.clock.advance_to(time);
    }

    /// Makes durable what waits for it, if the disk does not stall.
    fn settle(&self) {
        while !self.disk_stalls.load(Ordering::SeqCst) && self.store.commit_group() {}
    }
}

impl Debug for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("basis", &self.basis).finish_non_exhaustive()
    }
}
