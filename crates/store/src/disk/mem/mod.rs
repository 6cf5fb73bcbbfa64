mod fault;
mod handle;
mod inode;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug, Formatter};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use fault::{Crash, Fault, FaultHook, Operation, OperationKind, Partly};
use inode::{Inode, to_usize};

use crate::random::Random;

/// A disk in memory that can fail and crash like a real one.
///
/// It keeps apart what processes see and what the device has: only a sync moves the one to the
/// other, and [`restart`](MemDisk::restart) decides what of the rest survives. Clones are the same
/// disk seen by the same boot of the machine; after a restart their calls fail.
///
/// It assumes what SQLite calls powersafe overwrite: a write that is cut short garbles at most the
/// bytes it was about to write, never their neighbours.
#[derive(Clone)]
pub struct MemDisk {
    state: Arc<Mutex<State>>,
    boot: u64,
}

struct State {
    boot: u64,
    stopped: bool,
    inodes: BTreeMap<u64, Inode>,
    inodes_created: u64,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    pending_names: Vec<NameChange>,
    locks: BTreeSet<String>,
    total_bytes: u64,
    foreign_bytes: u64,
    now: Duration,
    hook: Option<FaultHook>,
}

#[derive(Clone)]
enum NameChange {
    Link { name: String, inode: u64 },
    Rename { from: String, to: String, inode: u64 },
    Unlink { name: String },
}

impl MemDisk {
    /// An empty disk of 1 GiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(1 << 30)
    }

    /// An empty disk of that size. It takes memory for what has been written only.
    #[must_use]
    pub fn with_capacity(total_bytes: u64) -> Self {
        let state = State {
            boot: 0,
            stopped: false,
            inodes: BTreeMap::new(),
            inodes_created: 0,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: Vec::new(),
            locks: BTreeSet::new(),
            total_bytes,
            foreign_bytes: 0,
            now: Duration::ZERO,
            hook: None,
        };
        Self { state: Arc::new(Mutex::new(state)), boot: 0 }
    }

    /// Puts a hook before every operation, in place of the one before. It goes with a restart.
    pub fn set_hook(&self, hook: FaultHook) {
        self.lock_state().hook = Some(hook);
    }

    /// Removes the hook.
    pub fn clear_hook(&self) {
        self.lock_state().hook = None;
    }

    /// Whether the machine has stopped, because of [`Fault::Stop`] or a restart.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.lock_state().has_stopped(self.boot)
    }

    /// Lets somebody else use so many bytes of the disk.
    pub fn set_foreign_bytes(&self, bytes: u64) {
        self.lock_state().foreign_bytes = bytes;
    }

    /// Sets what [`Disk::now`](super::Disk::now) says.
    pub fn set_now(&self, now: Duration) {
        self.lock_state().now = now;
    }

    /// Changes a file on the device, as rotting bits do. Says whether there is such a file.
    pub fn edit(&self, name: &str, edit: impl Fn(&mut Vec<u8>)) -> bool {
        let mut state = self.lock_state();
        let Some(inode) = state.names.get(name).copied() else { return false };
        state.inodes.get_mut(&inode).is_some_and(|inode| {
            inode.edit(edit);
            true
        })
    }

    /// What processes see of a file.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.lock_state();
        let inode = state.names.get(name)?;
        state.inodes.get(inode).map(|inode| inode.content().to_vec())
    }

    /// Another disk with the same content, in the same state.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = self.lock_state();
        let copy = State {
            boot: state.boot,
            stopped: state.stopped,
            inodes: state.inodes.clone(),
            inodes_created: state.inodes_created,
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            pending_names: state.pending_names.clone(),
            locks: state.locks.clone(),
            total_bytes: state.total_bytes,
            foreign_bytes: state.foreign_bytes,
            now: state.now,
            hook: None,
        };
        Self { state: Arc::new(Mutex::new(copy)), boot: self.boot }
    }

    /// Ends every process that uses the disk and returns the disk as the next one finds it.
    #[must_use]
    pub fn restart(&self, crash: Crash) -> Self {
        let mut state = self.lock_state();
        let mut random = Random::from_seed(match crash {
            Crash::Tear(seed) | Crash::Partly(Partly { seed, .. }) => seed,
            _ => 0,
        });
        state.crash_names(crash, &mut random);
        for inode in state.inodes.values_mut() {
            inode.crash(crash, &mut random);
        }
        state.forget_unnamed();
        state.boot += 1;
        state.stopped = false;
        state.locks.clear();
        state.hook = None;
        Self { state: Arc::clone(&self.state), boot: state.boot }
    }

    /// A state of plain data stays whole even if a thread panicked while it held the lock.
    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, if this boot of the machine may still use it and the operation does not fail.
    fn begin(
        &self,
        operation: Operation<'_>,
    ) -> io::Result<(MutexGuard<'_, State>, Option<Fault>)> {
        let mut state = self.lock_state();
        if state.has_stopped(self.boot) {
            return Err(io::Error::other("the machine has stopped"));
        }
        match state.hook.as_mut().and_then(|hook| hook(&operation)) {
            Some(Fault::Stop) => {
                state.stopped = true;
                Err(io::Error::other("the machine has stopped"))
            }
            Some(Fault::Fail(kind)) if operation.kind != OperationKind::Sync => Err(kind.into()),
            fault => Ok((state, fault)),
        }
    }
}

impl Default for MemDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl Debug for MemDisk {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemDisk").field("boot", &self.boot).finish_non_exhaustive()
    }
}

impl State {
    fn has_stopped(&self, boot: u64) -> bool {
        self.stopped || self.boot != boot
    }

    fn inode(&mut self, inode: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&inode).ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Files without a name cost nothing, although a handle may still be open.
    fn used_bytes(&self) -> u64 {
        let named = self.names.values().filter_map(|inode| self.inodes.get(inode));
        named.map(|inode| inode.content().length()).sum::<u64>() + self.foreign_bytes
    }

    fn free_bytes(&self) -> u64 {
        self.total_bytes.saturating_sub(self.used_bytes())
    }

    /// Says no to a file that would grow by more than there is.
    fn check_room(&mut self, inode: u64, length: u64) -> io::Result<()> {
        let growth = length.saturating_sub(self.inode(inode)?.content().length());
        if growth > 0 && growth > self.free_bytes() {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    fn sync_names(&mut self) {
        for change in self.pending_names.drain(..) {
            change.apply(&mut self.durable_names);
        }
    }

    fn crash_names(&mut self, crash: Crash, random: &mut Random) {
        match crash {
            Crash::Kill => return,
            Crash::LoseUnsynced => self.pending_names.clear(),
            Crash::KeepUnsynced => self.sync_names(),
            Crash::Tear(_) | Crash::Partly(Partly { names: true, .. }) => {
                for change in self.pending_names.drain(..) {
                    if random.next().is_multiple_of(2) {
                        change.apply(&mut self.durable_names);
                    }
                }
            }
            Crash::Partly(_) => {
                let kept = random.next() % (self.pending_names.len() as u64 + 1);
                for change in self.pending_names.drain(..).take(to_usize(kept)) {
                    change.apply(&mut self.durable_names);
                }
            }
        }
        self.names.clone_from(&self.durable_names);
    }

    /// A file without a name is gone once nobody has it open.
    fn forget_unnamed(&mut self) {
        let named: BTreeSet<u64> =
            self.names.values().chain(self.durable_names.values()).copied().collect();
        self.inodes.retain(|inode, _| named.contains(inode));
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Link { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename { from, to, inode } => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            Self::Unlink { name } => {
                names.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests;
