//! A whole Kafka endpoint in memory: engine, store, disk, clock and connections, without a port, a
//! thread or a moment of real time. The test moves the bytes, the time and the disk.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod batches;
pub(crate) mod client;
pub(crate) mod logs;
pub(crate) mod requests;
pub(crate) mod setup;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use logboom_conn::{Config, Connection, Peer};
use logboom_engine::{Advertise, Clock, Code, Engine, Listener};
use logboom_store::{Crash, MemDisk, Shard, Store, StoredBatch};

use client::Client;
use logs::Logs;
use setup::{Credentials, Setup};

/// When every test begins, in milliseconds since 1970.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// Where clients come from unless a test says otherwise.
pub(crate) const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

/// A clock that stands still until a test moves it.
pub(crate) struct TestClock {
    start: Instant,
    passed: Mutex<Duration>,
    when_asked: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl TestClock {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
        let start = Instant::now();
        Self { start, passed: Mutex::default(), when_asked: Mutex::default() }
    }

    /// The present time, for the test and its clients.
    pub(crate) fn now(&self) -> Instant {
        self.start + self.passed()
    }

    /// Lets something happen in the moment in which the engine asks for the time again.
    pub(crate) fn when_asked(&self, act: impl FnOnce() + Send + 'static) {
        *self.when_asked.lock().unwrap() = Some(Box::new(act));
    }

    fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }
}

impl Debug for TestClock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "TestClock({:?})", self.passed())
    }
}

impl Clock for TestClock {
    fn monotonic(&self) -> Instant {
        let act = self.when_asked.lock().unwrap().take();
        if let Some(act) = act {
            act();
        }
        self.now()
    }

    fn unix_ms(&self) -> i64 {
        START_MS + self.passed().as_millis() as i64
    }
}

/// A server, with everything below it.
pub(crate) struct Endpoint {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Store,
    pub(crate) disk: MemDisk,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) logs: Logs,
    config: Arc<Config>,
    listener: Arc<Listener>,
    setup: Setup,
    accepted: Cell<u8>,
}

impl Endpoint {
    pub(crate) fn new() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        let disk = MemDisk::with_capacity(setup.disk_bytes);
        Self::on(disk, Arc::new(TestClock::new()), Logs::capture(), setup)
    }

    fn on(disk: MemDisk, clock: Arc<TestClock>, logs: Logs, setup: Setup) -> Self {
        let opened =
            Store::open(Arc::new(disk.clone()), setup.store.clone(), [3; 32], clock.unix_ms());
        let (store, _recovery) = opened.expect("a store that opens");
        let mut options = setup.engine.clone();
        options.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let engine =
            Engine::new(store.clone(), setup.directory(), options).expect("room for names");
        let memory = Arc::new(engine.budget().clone());
        let config = Config::new(setup.connection.clone(), memory).expect("limits that fit");
        let (name, advertise) = ("public".to_owned(), setup.advertise.clone());
        let listener = Arc::new(Listener { name, advertise });
        let (config, accepted) = (Arc::new(config), Cell::new(0));
        Self { engine, store, disk, clock, logs, config, listener, setup, accepted }
    }

    /// Kills this server in the way the crash says, and starts the next one on what it left on the
    /// disk. Connections of the old one are as good as gone.
    pub(crate) fn restart(self, crash: Crash) -> Self {
        let Self { disk, clock, logs, setup, .. } = self;
        Self::on(disk.restart(crash), clock, logs, setup)
    }

    /// A connection from an address, if it is let in.
    pub(crate) fn try_connect(&self, address: IpAddr) -> Option<Client> {
        self.try_connect_as(address, None)
    }

    fn try_connect_as(&self, address: IpAddr, server_name: Option<&str>) -> Option<Client> {
        let number = self.accepted.get();
        self.accepted.set(number.wrapping_add(1));
        let address = SocketAddr::new(address, 40_000 + u16::from(number));
        let (mut session, inbox) = self.engine.accept(address, &self.listener)?;
        let peer = Peer { address, server_name: server_name.map(str::to_owned) };
        let now = self.clock.now();
        let machine = Connection::new(Arc::clone(&self.config), peer, [number; 32], now);
        session.spoken_on(&machine);
        Some(Client::new(machine, session, inbox, Arc::clone(&self.clock)))
    }

    pub(crate) fn connect(&self) -> Client {
        self.try_connect(PEER).expect("a connection within the limits")
    }

    /// A connection of a client that used this name to reach the server.
    pub(crate) fn connect_to(&self, server_name: &str) -> Client {
        self.try_connect_as(PEER, Some(server_name)).expect("a connection within the limits")
    }

    /// A client that has logged in.
    pub(crate) fn client(&self, credentials: Credentials) -> Client {
        let mut client = self.connect();
        client.log_in(credentials);
        client
    }

    /// Makes durable what waits for it.
    pub(crate) fn commit(&self) {
        while self.store.commit_group() {}
    }

    pub(crate) fn pass(&self, time: Duration) {
        *self.clock.passed.lock().unwrap() += time;
    }

    /// What is refused so far, by code, without zeros.
    pub(crate) fn refusals(&self) -> BTreeMap<Code, u64> {
        let counters = self.engine.counters();
        let counted = Code::ALL.into_iter().map(|code| (code, counters.refusals(code)));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// All that is stored of one shard.
    pub(crate) fn stored(&self, project: &str, logstore: &str, index: u32) -> Vec<StoredBatch> {
        let streams = self.store.streams();
        let stream = streams.iter().find(|(_, p, l)| p == project && l == logstore);
        let shard = Shard::new(stream.expect("a Logstore that is configured").0, index);
        let start = self.store.offsets(shard).start;
        self.store.read(shard, start, usize::MAX).expect("what is durable can be read")
    }

    /// The values of all records that are stored of one shard.
    pub(crate) fn values(&self, project: &str, logstore: &str, index: u32) -> Vec<String> {
        let stored = self.stored(project, logstore, index);
        stored.iter().flat_map(|stored| batches::values(&stored.batch)).collect()
    }

    /// The values of all records of all shards, in the order in which they became durable.
    pub(crate) fn all_values(&self) -> Vec<String> {
        let (stored, _) = self.store.read_log(Default::default(), usize::MAX).expect("a log");
        stored.iter().flat_map(|stored| batches::values(&stored.batch)).collect()
    }
}

/// The address most tests have their listener advertise.
pub(crate) fn advertised() -> Advertise {
    Advertise::Fixed { host: "{project}.logs.example.com".into(), port: 10_012 }
}
