use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::types::LogCursor;

/// Wakes one follower of the log when more of it is durable, from
/// [`Store::watch`](crate::Store::watch).
///
/// It is level-triggered: what became durable since it was last told is told at once.
#[derive(Debug)]
pub struct Watch {
    watchers: Arc<Watchers>,
    number: u64,
    seen_lsn: u64,
}

/// What a [`Watch`] has to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// The log is durable up to there.
    More(LogCursor),
    /// The store is closed: there will not be more.
    Closed,
}

/// Everybody who follows the log.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    durable_lsn: u64,
    closed: bool,
    watches: u64,
    wakers: BTreeMap<u64, Waker>,
    /// How many threads are blocked: to wake nobody is a system call all the same.
    blocked: usize,
}

impl Watch {
    /// Ready when there is news; otherwise the waker of `context` will be woken.
    pub fn poll_changed(&mut self, context: &mut Context<'_>) -> Poll<Watched> {
        let mut state = self.watchers.lock();
        if let Some(watched) = state.news_since(self.seen_lsn) {
            drop(state);
            return Poll::Ready(self.told(watched));
        }
        state.wakers.insert(self.number, context.waker().clone());
        Poll::Pending
    }

    /// Blocks this thread until there is news. `None` if there was none for that long.
    pub fn wait(&mut self, timeout: Duration) -> Option<Watched> {
        let seen_lsn = self.seen_lsn;
        let idle = |state: &mut State| state.news_since(seen_lsn).is_none();
        let watched = {
            let mut state = self.watchers.lock();
            state.blocked += 1;
            let waited = self.watchers.changed.wait_timeout_while(state, timeout, idle);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.blocked -= 1;
            state.news_since(seen_lsn)
        };
        watched.map(|watched| self.told(watched))
    }

    fn told(&mut self, watched: Watched) -> Watched {
        if let Watched::More(end) = watched {
            self.seen_lsn = end.get();
        }
        watched
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watchers.lock().wakers.remove(&self.number);
    }
}

impl Watchers {
    /// A watch that has been told of everything up to `seen`.
    pub(crate) fn watch(self: &Arc<Self>, seen: LogCursor) -> Watch {
        let mut state = self.lock();
        state.watches += 1;
        Watch { watchers: Arc::clone(self), number: state.watches, seen_lsn: seen.get() }
    }

    pub(crate) fn tell(&self, durable_lsn: u64) {
        self.change(|state| state.durable_lsn = durable_lsn);
    }

    pub(crate) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let (wakers, blocked) = {
            let mut state = self.lock();
            change(&mut state);
            (std::mem::take(&mut state.wakers), state.blocked)
        };
        if blocked > 0 {
            self.changed.notify_all();
        }
        wakers.into_values().for_each(Waker::wake);
    }

    /// What is in there stays whole even if a thread panicked while it held the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn news_since(&self, seen_lsn: u64) -> Option<Watched> {
        if self.durable_lsn > seen_lsn {
            Some(Watched::More(LogCursor::new(self.durable_lsn)))
        } else {
            self.closed.then_some(Watched::Closed)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_watch_is_woken_and_told_once() {
        let watchers = Arc::new(Watchers::default());
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        let mut watches = [(); 2].map(|()| watchers.watch(LogCursor::START));
        for watch in &mut watches {
            assert!(watch.poll_changed(&mut context).is_pending());
        }
        watchers.tell(8);
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        for watch in &mut watches {
            let more = Watched::More(LogCursor::new(8));
            assert_eq!(watch.poll_changed(&mut context), Poll::Ready(more));
            assert!(watch.poll_changed(&mut context).is_pending());
        }
        watchers.close();
        assert_eq!(watches[0].poll_changed(&mut context), Poll::Ready(Watched::Closed));
    }

    #[test]
    fn what_became_durable_before_is_told_at_once_and_nothing_is_told_twice() {
        let watchers = Arc::new(Watchers::default());
        watchers.tell(16);
        let mut late = watchers.watch(LogCursor::new(8));
        let timeout = Duration::ZERO;
        assert_eq!(late.wait(timeout), Some(Watched::More(LogCursor::new(16))));
        assert_eq!(late.wait(timeout), None);
    }

    #[test]
    fn a_blocked_thread_is_woken() {
        let watchers = Arc::new(Watchers::default());
        let mut watch = watchers.watch(LogCursor::START);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || watch.wait(Duration::from_secs(60)));
            watchers.tell(8);
            assert_eq!(waiting.join().unwrap(), Some(Watched::More(LogCursor::new(8))));
        });
    }
}
