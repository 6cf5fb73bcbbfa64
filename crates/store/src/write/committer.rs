use std::io;
use std::thread::{self, JoinHandle};

use crate::store::Store;

/// The thread that commits groups, from [`Store::spawn_committer`].
///
/// Dropping it closes the store: what was put into the queue before is committed, and the thread
/// has ended when the drop returns.
#[derive(Debug)]
#[must_use = "dropping it closes the store"]
pub struct Committer {
    store: Store,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(crate) fn spawn(store: Store) -> io::Result<Self> {
        let committing = store.clone();
        let thread = thread::Builder::new().name("logboom-commit".to_owned()).spawn(move || {
            let guard = FailOnPanic { store: committing };
            while guard.store.inner.queue.wait() {
                guard.store.commit_group();
            }
        })?;
        Ok(Self { store, thread: Some(thread) })
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.store.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has poisoned the store, which says so itself.
            let _ = thread.join();
        }
    }
}

/// If the committer panics, nobody must wait for it for ever.
struct FailOnPanic {
    store: Store,
}

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.store.inner.queue.close();
            // The lock of the writer remembers the panic, so this fails everything that waits.
            self.store.commit_group();
        }
    }
}
