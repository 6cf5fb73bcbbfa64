use std::fmt::{self, Debug, Formatter};
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::catalogue_file::CatalogueFile;
use crate::disk::{Disk, DiskLock, Space};
use crate::error::{AppendError, CatalogueError, OpenError, Poison, ReadError};
use crate::format::catalogue::Catalogue;
use crate::mark_file::MarkFile;
use crate::options::Options;
use crate::read::readable::Readable;
use crate::read::usage::StreamUsage;
use crate::read::watch::{Watch, Watchers};
use crate::recovery::{self, Recovery};
use crate::retention::{Leftovers, Retained, Retention};
use crate::statistics::Statistics;
use crate::types::{Append, Appended, LogCursor, OffsetRange, Shard, StoredBatch, StreamId};
use crate::write::committer::Committer;
use crate::write::pipeline::{Pipeline, WrittenGroup};
use crate::write::producer_ids::ProducerIds;
use crate::write::queue::{Completion, Pace, Queue, Submission};
use crate::write::spare::Spare;
use crate::write::writer::Writer;

/// The durable log of all shards. Clones are the same store.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

/// Locks are taken in the order of the fields: leftovers before writer before pipeline before
/// catalogue before the rest, of which none is held while another is taken.
pub(crate) struct Inner {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Options,
    pub(crate) leftovers: Mutex<Leftovers>,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) pipeline: Pipeline,
    pub(crate) catalogue: Mutex<CatalogueFile>,
    pub(crate) queue: Queue,
    pub(crate) readable: Arc<Readable>,
    pub(crate) spare: Arc<Spare>,
    pub(crate) mark: Mutex<MarkFile>,
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) statistics: Mutex<Statistics>,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) roll_requested: AtomicBool,
    pub(crate) poison: OnceLock<Poison>,
    pub(crate) lock: Mutex<Option<Box<dyn DiskLock>>>,
}

/// Whether a store takes batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Ready,
    /// The disk is nearly full: it takes none until there is space again. Reading and retention
    /// work.
    NoSpace,
    /// The disk failed: it takes none until it is opened anew. Reading works.
    Poisoned(Poison),
    /// It has been closed.
    Closed,
}

impl Store {
    /// Opens the store in a directory, which may be empty, and recovers it.
    ///
    /// `entropy` is 32 random bytes, different at every open. `now_ms` is the present time, in ms
    /// since 1970.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. After an error nothing has been changed that matters: the same can be
    /// tried again.
    pub fn open(
        disk: Arc<dyn Disk>,
        options: Options,
        entropy: [u8; 32],
        now_ms: i64,
    ) -> Result<(Self, Recovery), OpenError> {
        let (inner, recovery) = recovery::open(disk, options, entropy, now_ms)?;
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    /// Starts the threads that commit groups for as long as the returned value lives.
    ///
    /// # Errors
    ///
    /// The machine has no thread left.
    pub fn spawn_committer(&self) -> io::Result<Committer> {
        Committer::spawn(self.clone())
    }

    /// Puts a batch into the queue. Never waits for the disk.
    ///
    /// Batches are stored in the order in which they were put in. `done` is called exactly once,
    /// by a thread that commits: with `Ok` after the batch, and everything before it, is durable
    /// and can be read. It must not block, and of this store it may only call what does not wait
    /// for the disk.
    ///
    /// The queue has no limit of its own. It holds the bytes that its callers hold anyway: whoever
    /// admits a batch reserves its memory before and lets go of it in `done`.
    pub fn append(
        &self,
        append: Append,
        done: impl FnOnce(Result<Appended, AppendError>) + Send + 'static,
    ) {
        self.submit(append, Completion::new(done), Pace::Urgent);
    }

    /// The same for a batch that is not urgent: whoever puts it in will soon call
    /// [`hurry`](Store::hurry), when it has nothing more to put in.
    ///
    /// So a group holds what came meanwhile, and the threads that commit do not interrupt the one
    /// that has more to do. 512 KiB that wait, or a batch that comes 1 ms after the first of them, are
    /// not waited with.
    pub fn append_unhurried(
        &self,
        append: Append,
        done: impl FnOnce(Result<Appended, AppendError>) + Send + 'static,
    ) {
        self.submit(append, Completion::new(done), Pace::Unhurried);
    }

    /// Lets the batches that wait be committed as soon as can be. Costs next to nothing if there are
    /// none.
    pub fn hurry(&self) {
        self.inner.queue.hurry_up();
    }

    fn submit(&self, append: Append, completion: Completion, pace: Pace) {
        let submission = Submission { append, completion };
        if let Err(completion) = self.inner.queue.push(submission, pace) {
            let poison = self.inner.poison.get().cloned();
            let error = poison.map_or(AppendError::Closed, AppendError::Poisoned);
            completion.complete(Err(error));
        }
    }

    /// One round of group commit: writes what waits, up to
    /// [`group_bytes_max`](Options::group_bytes_max), syncs it, tells everybody. Returns whether
    /// more waits.
    ///
    /// For those who have no committer threads, such as a simulator.
    pub fn commit_group(&self) -> bool {
        self.inner.commit_group()
    }

    /// The first half of [`commit_group`](Store::commit_group): writes what waits, unless it has to
    /// wait for groups that are under way. `None` if nothing was written.
    ///
    /// Several groups can be written before the first is synced, and they can be synced in any
    /// order, also at the same time by several threads. Do not call `commit_group` or
    /// [`close`](Store::close) meanwhile on the same thread.
    pub fn write_group(&self) -> Option<WrittenGroup> {
        self.inner.write_group()
    }

    /// The number of a Logstore, which gets one if it has none. Names are kept in the catalogue
    /// and never become paths. Waits for the disk when the Logstore is new.
    ///
    /// # Errors
    ///
    /// See [`CatalogueError`].
    pub fn stream(&self, project: &str, logstore: &str) -> Result<StreamId, CatalogueError> {
        let mut catalogue = self.inner.lock_catalogue();
        if let Some(stream) = catalogue.current().stream(project, logstore) {
            return Ok(stream);
        }
        self.inner.check_writable()?;
        let stream = catalogue
            .create_stream(project, logstore)
            .map_err(|error| self.inner.note_poison(error))?;
        self.inner.lock_mark().publish_catalogue(catalogue.current().generation);
        Ok(stream)
    }

    /// All Logstores that ever had a number, with their projects.
    #[must_use]
    pub fn streams(&self) -> Vec<(StreamId, String, String)> {
        let catalogue = self.inner.lock_catalogue();
        let streams = catalogue.current().streams.iter();
        let named = streams
            .map(|(stream, (project, logstore))| (*stream, project.clone(), logstore.clone()));
        named.collect()
    }

    /// A producer id that was never given out before, and never will be. Does not wait for the
    /// disk: ids are reserved in advance.
    ///
    /// `None` if more than 1,048,576 were asked for before the committer could reserve more; there
    /// will be some again after its next round.
    #[must_use]
    pub fn next_producer_id(&self) -> Option<i64> {
        let id = self.inner.producer_ids.next();
        if self.inner.producer_ids.run_low() {
            self.inner.queue.nudge();
        }
        id
    }

    /// Whether a producer id may come from this store. If not, its producer has got it elsewhere.
    #[must_use]
    pub fn may_have_given(&self, producer_id: i64) -> bool {
        self.inner.producer_ids.may_have_given(producer_id)
    }

    /// The batch with that offset and those after it, up to the one with which they reach
    /// `bytes_max` bytes together. Empty at the end of the shard.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub fn read(
        &self,
        shard: Shard,
        offset: i64,
        bytes_max: usize,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        self.inner.readable.read(shard, offset, bytes_max)
    }

    /// The batches of all shards from that place on, in the order of the log, up to the one with
    /// which they reach `bytes_max` bytes together; and the place after them. Empty at the end of
    /// the log.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub fn read_log(
        &self,
        cursor: LogCursor,
        bytes_max: usize,
    ) -> Result<(Vec<StoredBatch>, LogCursor), ReadError> {
        self.inner.readable.read_log(cursor, bytes_max)
    }

    /// The end of the log: everything before it is durable.
    #[must_use]
    pub fn log_end(&self) -> LogCursor {
        LogCursor::new(self.inner.readable.view().durable_lsn())
    }

    /// Where a shard starts and what its next offset is.
    #[must_use]
    pub fn offsets(&self, shard: Shard) -> OffsetRange {
        self.inner.readable.view().offsets(shard)
    }

    /// The first offset of a shard that was appended at that time, in ms since 1970, or later.
    /// `None` if there is no such.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub fn find_offset(&self, shard: Shard, time_ms: i64) -> Result<Option<i64>, ReadError> {
        self.inner.readable.find_offset(shard, time_ms)
    }

    /// Tells when there is more than what is there now.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.inner.watchers.watch(self.log_end())
    }

    /// Lets what has expired by that policy become invisible, and removes the segments in which
    /// everything has expired. Waits for the disk. `now_ms` is the present time, in ms since 1970.
    ///
    /// # Errors
    ///
    /// See [`CatalogueError`]. What was not done is done by the next call.
    pub fn apply_retention(
        &self,
        policy: &dyn Fn(StreamId) -> Retention,
        now_ms: i64,
    ) -> Result<Retained, CatalogueError> {
        self.inner.apply_retention(policy, now_ms)
    }

    /// Whether the store takes batches now.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.inner.check_writable() {
            Err(CatalogueError::Poisoned(poison)) => Health::Poisoned(poison),
            Err(_) => Health::Closed,
            Ok(()) if self.inner.is_disk_full() => Health::NoSpace,
            Ok(()) => Health::Ready,
        }
    }

    /// Whether the disk is too full for what comes next: a batch, or another segment. Then it is
    /// time to let expired segments go.
    #[must_use]
    pub fn lacks_space(&self) -> bool {
        self.inner.is_disk_full() || self.inner.spare.lacks_room(&self.inner.options)
    }

    /// How full the disk is.
    ///
    /// # Errors
    ///
    /// Whatever the machine says.
    pub fn space(&self) -> io::Result<Space> {
        self.inner.disk.space()
    }

    /// How much of that disk the store leaves free.
    #[must_use]
    pub fn free_bytes_min(&self, space: Space) -> u64 {
        self.inner.options.free_bytes_min(space)
    }

    /// How large a segment becomes, in bytes.
    #[must_use]
    pub fn segment_bytes(&self) -> u32 {
        self.inner.options.segment_bytes
    }

    /// How many segment files there are.
    #[must_use]
    pub fn segment_count(&self) -> usize {
        self.inner.readable.view().segment_count()
    }

    /// What a Logstore has in the log.
    #[must_use]
    pub fn usage(&self, stream: StreamId) -> StreamUsage {
        StreamUsage::of(&self.inner.readable.view(), stream)
    }

    /// What the store has done since it was opened.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut statistics = self.inner.lock_statistics().clone();
        statistics.mark_failures = self.inner.lock_mark().failures();
        statistics
    }

    /// Commits what waits, takes nothing more, and lets go of the directory. Reading goes on.
    /// Closing a closed store does nothing.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Debug for Store {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let health = self.health();
        formatter.debug_struct("Store").field("health", &health).finish_non_exhaustive()
    }
}

impl Inner {
    fn close(self: &Arc<Self>) {
        self.queue.close();
        while self.commit_group() {}
        self.pipeline.wait_until_empty();
        // Whoever changes the disk holds one of these.
        let _leftovers = self.lock_leftovers();
        let _catalogue = self.lock_catalogue();
        let Some(held) = lock(&self.lock).take() else { return };
        if self.poison.get().is_none() {
            self.lock_mark().sync();
        }
        self.watchers.close();
        drop(held);
    }

    /// Changes the catalogue and tells readers in other processes.
    pub(crate) fn change_catalogue(
        &self,
        edit: impl FnOnce(&mut Catalogue),
    ) -> Result<(), CatalogueError> {
        let mut catalogue = self.lock_catalogue();
        self.check_writable()?;
        catalogue.change(edit).map_err(|failure| self.note_poison(failure.into()))?;
        self.lock_mark().publish_catalogue(catalogue.current().generation);
        Ok(())
    }

    pub(crate) fn check_poison(&self) -> Result<(), Poison> {
        self.poison.get().map_or(Ok(()), |poison| Err(poison.clone()))
    }

    pub(crate) fn check_writable(&self) -> Result<(), CatalogueError> {
        self.check_poison().map_err(CatalogueError::Poisoned)?;
        if lock(&self.lock).is_none() { Err(CatalogueError::Closed) } else { Ok(()) }
    }

    /// Poisons the store if the error says so.
    pub(crate) fn note_poison(&self, error: CatalogueError) -> CatalogueError {
        match error {
            CatalogueError::Poisoned(poison) => self.poisoned(poison),
            error => error,
        }
    }

    /// Poisons the store. What waits is answered by the next round of group commit.
    pub(crate) fn poisoned(&self, poison: Poison) -> CatalogueError {
        let first = self.poison.get_or_init(|| poison).clone();
        self.queue.nudge();
        CatalogueError::Poisoned(first)
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        let space = self.disk.space();
        space.is_ok_and(|space| space.free_bytes < self.options.free_bytes_min(space))
    }

    pub(crate) fn expire_producers(&self, now_ms: i64) {
        let mut writer = lock(&self.writer);
        for tail in writer.shards.values_mut() {
            tail.producers.expire(now_ms, &self.options);
        }
    }

    pub(crate) fn lock_leftovers(&self) -> MutexGuard<'_, Leftovers> {
        lock(&self.leftovers)
    }

    pub(crate) fn lock_catalogue(&self) -> MutexGuard<'_, CatalogueFile> {
        lock(&self.catalogue)
    }

    pub(crate) fn lock_mark(&self) -> MutexGuard<'_, MarkFile> {
        lock(&self.mark)
    }

    pub(crate) fn lock_statistics(&self) -> MutexGuard<'_, Statistics> {
        lock(&self.statistics)
    }
}

/// What is locked here stays whole even if a thread panicked while it held the lock. The writer is
/// the exception, and the commit looks at that.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
