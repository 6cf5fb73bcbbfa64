use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use logboom_access::{Directory, Principal};
use logboom_conn::{AbortReason, Command};
use logboom_planted::planted;
use logboom_sans_io::Inbox;
use logboom_store::{AppendError, Appended, CatalogueError, Health, Poison, Retained, Store};
use logboom_wire::records::{Limits as BatchLimits, Scratch};

use crate::client::Client;
use crate::penalty::Penalties;
use crate::refusals::{Refusals, Refused};
use crate::registry::Registry;
use crate::snapshot::Snapshot;
use crate::{
    Budget, Clock, Code, ConnectionLimits, Counters, EngineSession, History, Listener, Notice,
    SystemClock,
};

/// How an engine behaves. The defaults suit a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many connections may be open.
    pub connections: ConnectionLimits,
    /// What a batch may be.
    pub batches: BatchLimits,
    /// How many bytes the requests of all connections may hold together. 256 MiB by default. At
    /// least the largest request that the connections allow.
    pub request_bytes_in_flight_max: usize,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: ConnectionLimits::default(),
            batches: BatchLimits::default(),
            request_bytes_in_flight_max: 256 << 20,
            clock: Arc::new(SystemClock),
        }
    }
}

/// How many buffers for checking batches are kept. Hosts with a thread for each connection may check
/// more batches at a time; they make new buffers then.
const SCRATCHES_KEPT_MAX: usize = 16;

/// One server: a store, the rights to it, and what its connections share.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    snapshot: ArcSwap<Snapshot>,
    options: Options,
    budget: Budget,
    counters: Counters,
    history: History,
    refusals: Refusals,
    penalties: Mutex<Penalties>,
    registry: Registry,
    /// Buffers for checking batches, so that their memory is not paid for again with every batch.
    scratches: Mutex<Vec<Scratch>>,
    on_store_failure: Mutex<Option<OnStoreFailure>>,
}

/// Called once, with what failed.
struct OnStoreFailure(Box<dyn FnOnce(Poison) + Send>);

impl std::fmt::Debug for OnStoreFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnStoreFailure")
    }
}

impl Engine {
    /// An engine on an open store. Every Logstore of the directory gets its place in the store.
    ///
    /// # Errors
    ///
    /// If the catalogue of the store cannot be written.
    pub fn new(
        store: Store,
        directory: Arc<Directory>,
        options: Options,
    ) -> Result<Arc<Self>, CatalogueError> {
        let snapshot = Snapshot::new(&store, directory)?;
        Ok(Arc::new(Self {
            budget: Budget::new(options.request_bytes_in_flight_max),
            registry: Registry::new(options.connections),
            snapshot: ArcSwap::from_pointee(snapshot),
            store,
            options,
            counters: Counters::default(),
            history: History::default(),
            refusals: Refusals::default(),
            penalties: Mutex::default(),
            scratches: Mutex::default(),
            on_store_failure: Mutex::default(),
        }))
    }

    /// Lets a connection in, or refuses it because a limit is reached; the refusal is counted and
    /// logged here.
    #[must_use]
    pub fn accept(
        self: &Arc<Self>,
        peer: SocketAddr,
        listener: &Arc<Listener>,
    ) -> Option<(EngineSession, Arc<Inbox<Command>>)> {
        // Listeners on `::` report clients of IPv4 as `::ffff:a.b.c.d`.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let inbox = Arc::new(Inbox::new());
        match self.registry.enter(peer, &inbox) {
            Ok(id) => {
                let client = Client::new(peer, Arc::clone(listener), Arc::clone(&inbox));
                Some((EngineSession::new(Arc::clone(self), id, client), inbox))
            }
            Err(code) => {
                self.refuse(code, peer, || Refused {
                    peer,
                    listener: &listener.name,
                    project: None,
                    client: None,
                    detail: "closed without a word".into(),
                    help: code.help().into(),
                });
                None
            }
        }
    }

    /// Puts another directory in the place of the present one. Requests that are being answered
    /// keep the old one; sessions whose key is not valid any more are closed.
    ///
    /// Returns how many sessions that were.
    ///
    /// # Errors
    ///
    /// If the catalogue of the store cannot be written. Then nothing has changed.
    pub fn reload(&self, directory: Arc<Directory>) -> Result<usize, CatalogueError> {
        let snapshot = Snapshot::new(&self.store, Arc::clone(&directory))
            .inspect_err(|error| self.note_catalogue_error(error))?;
        if !planted!(ReloadForgotten) {
            self.snapshot.store(Arc::new(snapshot));
        }
        let revoked = |principal: Option<&Principal>| {
            let lost = |principal| !directory.still_valid(principal);
            principal.is_some_and(lost) && !planted!(RevokedKeyStays)
        };
        Ok(self.registry.command(revoked, || Command::Abort(AbortReason::KeyRevoked)))
    }

    /// Asks every connection to finish what was begun and to close, `until` at the latest. Returns
    /// how many there are.
    pub fn drain(&self, until: Instant) -> usize {
        self.registry.command(|_| true, || Command::Drain { until })
    }

    /// Closes every connection at once. Returns how many there were.
    pub fn abort(&self) -> usize {
        self.registry.command(|_| true, || Command::Abort(AbortReason::Shutdown))
    }

    /// Removes what has expired by the retention of its Logstore. Logstores that are not
    /// configured any more keep what they have. Waits for the disk.
    ///
    /// # Errors
    ///
    /// If the disk failed or is full. What was not done is done by the next call.
    pub fn apply_retention(&self) -> Result<Retained, CatalogueError> {
        self.note_health();
        let snapshot = self.snapshot();
        self.store
            .apply_retention(&|stream| snapshot.retention(stream), self.options.clock.unix_ms())
            .inspect_err(|error| self.note_catalogue_error(error))
    }

    /// Calls `act`, once, when the disk has failed and the store takes nothing more. The process should
    /// end then: only opening the store anew finds out what is on the disk.
    pub fn when_store_fails(&self, act: impl FnOnce(Poison) + Send + 'static) {
        *self.lock_on_store_failure() = Some(OnStoreFailure(Box::new(act)));
    }

    /// The memory that requests are taken from, for the configuration of connections.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What happened so far, in numbers.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The connections that are over.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.registry.len()
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.options.clock
    }

    pub(crate) const fn batch_limits(&self) -> &BatchLimits {
        &self.options.batches
    }

    /// Counts a refusal, and logs it unless there was such a line within the last minute.
    pub(crate) fn refuse<'a>(
        &self,
        code: Code,
        peer: SocketAddr,
        refused: impl FnOnce() -> Refused<'a>,
    ) {
        let now = self.clock().monotonic();
        self.refusals.report(&self.counters, code, peer.ip(), now, refused);
    }

    /// Counts a notice, and logs it unless there was such a line within the last minute.
    pub(crate) fn notice<'a>(
        &self,
        notice: Notice,
        peer: SocketAddr,
        noticed: impl FnOnce() -> Refused<'a>,
    ) {
        let now = self.clock().monotonic();
        self.refusals.notice(&self.counters, notice, peer.ip(), now, noticed);
    }

    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub(crate) fn penalties(&self) -> MutexGuard<'_, Penalties> {
        self.penalties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take_scratch(&self) -> Scratch {
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(crate) fn return_scratch(&self, scratch: Scratch) {
        let mut kept = self.scratches.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < SCRATCHES_KEPT_MAX {
            kept.push(scratch);
        }
    }

    pub(crate) fn note_append_error(&self, error: &AppendError) {
        if let AppendError::Poisoned(poison) = error {
            self.note_poison(poison);
        }
    }

    /// Looks whether the disk has failed where nobody was told, because nothing was being stored.
    pub(crate) fn note_health(&self) {
        if let Health::Poisoned(poison) = self.store.health() {
            self.note_poison(&poison);
        }
    }

    fn note_catalogue_error(&self, error: &CatalogueError) {
        if let CatalogueError::Poisoned(poison) = error {
            self.note_poison(poison);
        }
    }

    fn note_poison(&self, poison: &Poison) {
        let act = self.lock_on_store_failure().take();
        if let Some(OnStoreFailure(act)) = act {
            act(poison.clone());
        }
    }

    fn lock_on_store_failure(&self) -> MutexGuard<'_, Option<OnStoreFailure>> {
        self.on_store_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_stored(&self, appended: &Appended, records: u64, bytes: u64) {
        if appended.duplicate {
            self.counters.duplicates.increment();
            return;
        }
        self.counters.batches_stored.increment();
        self.counters.records_stored.add(records);
        self.counters.bytes_stored.add(bytes);
    }
}
