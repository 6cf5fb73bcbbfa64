use std::io;
use std::thread::{self, JoinHandle};

use crate::store::Store;

/// How many groups can be under way at once. One begins each ms while syncs are slow; with four, one
/// began each 1.35 ms on a disk whose sync takes 5 ms, and p99 was a tenth higher.
const THREADS: usize = 6;

/// The threads that commit groups, from [`Store::spawn_committer`].
///
/// Dropping it closes the store: what was put into the queue before is committed, and the threads
/// have ended when the drop returns.
#[derive(Debug)]
#[must_use = "dropping it closes the store"]
pub struct Committer {
    store: Store,
    threads: Vec<JoinHandle<()>>,
}

impl Committer {
    pub(crate) fn spawn(store: Store) -> io::Result<Self> {
        let mut threads = vec![spawn(&store)?];
        // One is enough for everything but the latency on a slow disk.
        threads.extend((1..THREADS).map_while(|_| spawn(&store).ok()));
        Ok(Self { store, threads })
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.store.close();
        for thread in self.threads.drain(..) {
            // A panic of the thread has poisoned the store, which says so itself.
            let _ = thread.join();
        }
    }
}

fn spawn(store: &Store) -> io::Result<JoinHandle<()>> {
    let committing = store.clone();
    thread::Builder::new().name("logboom-commit".to_owned()).spawn(move || {
        let guard = FailOnPanic { store: committing };
        let inner = &guard.store.inner;
        while let Some(turn) = inner.queue.turn() {
            if let Some(group) = inner.write_group() {
                group.sync();
            }
            drop(turn);
            inner.keep_house();
        }
    })
}

/// If a committer panics, nobody must wait for it for ever.
struct FailOnPanic {
    store: Store,
}

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.store.inner.queue.close();
            // The lock of the writer remembers the panic, or the group does, so this fails
            // everything that waits.
            self.store.commit_group();
        }
    }
}
