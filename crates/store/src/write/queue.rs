//! Batches that wait for a group commit, in the order in which they were submitted.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::AppendError;
use crate::types::{Append, Appended};

/// A batch and whom to tell about it.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) append: Append,
    pub(crate) completion: Completion,
}

type Done = Box<dyn FnOnce(Result<Appended, AppendError>) + Send>;

/// What is called exactly once with the fate of a batch: if it is dropped, with
/// [`AppendError::Closed`].
pub(crate) struct Completion {
    done: Option<Done>,
}

impl Completion {
    pub(crate) fn new(done: impl FnOnce(Result<Appended, AppendError>) + Send + 'static) -> Self {
        Self { done: Some(Box::new(done)) }
    }

    pub(crate) fn complete(mut self, result: Result<Appended, AppendError>) {
        if let Some(done) = self.done.take() {
            done(result);
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(Err(AppendError::Closed));
        }
    }
}

impl Debug for Completion {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("Completion")
    }
}

/// After this long the sync of a group is slow, and the next group is written beside it. On a disk
/// that is faster nothing would be gained, since more batches share a sync when it is waited for.
const OVERLAP_AFTER: Duration = Duration::from_millis(1);

/// Batches that are not urgent wait until they are this many bytes, or until one comes so long after
/// the first: then they are.
const UNHURRIED_BYTES_MAX: usize = 512 << 10;
const UNHURRIED_TIME_MAX: Duration = Duration::from_millis(1);

/// When a batch is to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As soon as can be.
    Urgent,
    /// When somebody calls [`Queue::hurry_up`], unless enough are waiting.
    Unhurried,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Whether there may be batches that are not urgent.
    unhurried: AtomicBool,
    /// For threads that have nothing to do.
    work: Condvar,
    /// For the one of them that sees to it that a slow sync does not keep others waiting.
    watch: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Submission>,
    /// Whether they are to be committed as soon as can be. Only if there are any.
    urgent: bool,
    /// What waits besides that, and since when.
    unhurried_bytes: usize,
    unhurried_since: Option<Instant>,
    closed: bool,
    nudged: bool,
    /// How many threads are committing a group.
    turns: usize,
    /// When the last of them began.
    began: Option<Instant>,
    /// Whether the next group has to wait for all that are under way.
    alone: bool,
    /// Whether a thread sees to slow syncs; and whether there is one, so that the next batch need
    /// not wait.
    watched: bool,
    overdue: bool,
}

/// The right to commit a group, until it is dropped.
#[must_use]
pub(crate) struct Turn<'a> {
    queue: &'a Queue,
}

impl Queue {
    /// Adds a batch. If the queue is closed, gives back whom to tell.
    pub(crate) fn push(&self, submission: Submission, pace: Pace) -> Result<(), Completion> {
        let mut state = self.lock();
        if state.closed {
            return Err(submission.completion);
        }
        let bytes = submission.append.batch.len();
        state.waiting.push_back(submission);
        match pace {
            Pace::Unhurried if state.urgent => {}
            Pace::Unhurried if state.may_wait(bytes) => {
                self.unhurried.store(true, Ordering::Relaxed);
            }
            Pace::Urgent | Pace::Unhurried => self.hurry(state),
        }
        Ok(())
    }

    /// Lets everything that waits be committed as soon as can be.
    pub(crate) fn hurry_up(&self) {
        if !self.unhurried.swap(false, Ordering::Relaxed) {
            return;
        }
        let state = self.lock();
        if !state.waiting.is_empty() && !state.urgent {
            self.hurry(state);
        }
    }

    fn hurry(&self, mut state: MutexGuard<'_, State>) {
        state.urgent = true;
        let (idle, overdue) = (state.turns == 0, state.overdue);
        drop(state);
        // Else whoever is committing looks at the queue when it is done.
        if idle {
            self.work.notify_one();
        } else if overdue {
            self.watch.notify_one();
        }
    }

    /// Blocks until it is time to commit a group. `None` when nothing will ever be there.
    ///
    /// While one thread commits another one watches, and takes over when the sync is slow.
    pub(crate) fn turn(&self) -> Option<Turn<'_>> {
        let mut state = self.lock();
        loop {
            if state.closed && state.waiting.is_empty() {
                return None;
            }
            if state.may_begin() {
                return Some(self.begin(&mut state));
            }
            state = if state.turns > 0 && !state.watched {
                self.watch(state)
            } else {
                self.work.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// Lets the next group wait for all that are under way.
    pub(crate) fn wait_for_all(&self) {
        self.lock().alone = true;
    }

    /// Takes the oldest batches, up to the one with which they reach `bytes_max` bytes together.
    pub(crate) fn take(&self, bytes_max: usize) -> VecDeque<Submission> {
        let mut state = self.lock();
        state.nudged = false;
        (state.unhurried_bytes, state.unhurried_since) = (0, None);
        let mut bytes = 0usize;
        let reached = state.waiting.iter().position(|submission| {
            bytes = bytes.saturating_add(submission.append.batch.len());
            bytes >= bytes_max
        });
        let taken = match reached {
            None => std::mem::take(&mut state.waiting),
            Some(last) => state.waiting.drain(..=last).collect(),
        };
        state.urgent = !state.waiting.is_empty();
        taken
    }

    /// Puts batches back before all others.
    pub(crate) fn put_back(&self, mut submissions: VecDeque<Submission>) {
        let mut state = self.lock();
        submissions.append(&mut state.waiting);
        state.urgent |= !submissions.is_empty();
        state.waiting = submissions;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Gives [a turn](Queue::turn) although there is no batch.
    pub(crate) fn nudge(&self) {
        self.lock().nudged = true;
        self.work.notify_one();
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.urgent = !state.waiting.is_empty();
        drop(state);
        self.work.notify_all();
        self.watch.notify_all();
    }

    #[expect(clippy::disallowed_methods, reason = "only threads wait here, in real time")]
    fn begin(&self, state: &mut State) -> Turn<'_> {
        state.alone &= state.turns > 0;
        state.turns += 1;
        state.began = Some(Instant::now());
        if !state.watched {
            self.work.notify_one();
        }
        Turn { queue: self }
    }

    /// Waits until the sync that is under way is slow, or something has changed since.
    fn watch<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.watched = true;
        let patience = OVERLAP_AFTER.saturating_sub(state.age());
        let mut state = if patience.is_zero() {
            state.overdue = true;
            self.watch.wait(state).unwrap_or_else(PoisonError::into_inner)
        } else {
            let waited = self.watch.wait_timeout(state, patience);
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        (state.watched, state.overdue) = (false, false);
        state
    }

    /// A queue of batches stays whole even if a thread panicked while it held the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_begin(&self) -> bool {
        if self.turns == 0 {
            return self.urgent || self.nudged || self.closed;
        }
        self.urgent && !self.alone && self.age() >= OVERLAP_AFTER
    }

    /// Counts a batch of so many bytes that is not urgent. Whether it need not be yet.
    #[expect(clippy::disallowed_methods, reason = "how long a thread is busy is real time")]
    fn may_wait(&mut self, bytes: usize) -> bool {
        self.unhurried_bytes = self.unhurried_bytes.saturating_add(bytes);
        let now = Instant::now();
        let since = *self.unhurried_since.get_or_insert(now);
        self.unhurried_bytes < UNHURRIED_BYTES_MAX && now - since < UNHURRIED_TIME_MAX
    }

    /// How long ago the last group was begun.
    fn age(&self) -> Duration {
        self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.turns -= 1;
        let overdue = state.overdue;
        drop(state);
        if overdue {
            self.queue.watch.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use bytes::Bytes;

    use super::*;
    use crate::types::{Shard, StreamId};

    fn batch(bytes: usize) -> Submission {
        let append = Append {
            shard: Shard::new(StreamId::new(1), 0),
            batch: Bytes::from(vec![0; bytes]),
            record_count: 1,
            form: 0,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            client_id: Bytes::new(),
            append_time_ms: 0,
            producer: None,
            checksum: None,
        };
        Submission { append, completion: Completion::new(|_| ()) }
    }

    fn is_due(queue: &Queue) -> bool {
        queue.lock().may_begin()
    }

    #[test]
    fn what_is_not_urgent_waits_until_somebody_hurries() {
        let queue = Queue::default();
        queue.hurry_up();
        queue.push(batch(1), Pace::Unhurried).unwrap();
        queue.push(batch(1), Pace::Unhurried).unwrap();
        assert!(!is_due(&queue));
        queue.hurry_up();
        assert!(is_due(&queue));
        queue.push(batch(1), Pace::Unhurried).unwrap();
        assert!(is_due(&queue), "a later one takes nothing back");
        assert_eq!(queue.take(usize::MAX).len(), 3);
        assert!(!is_due(&queue));
    }

    #[test]
    fn what_is_urgent_takes_along_what_is_not() {
        let queue = Queue::default();
        queue.push(batch(1), Pace::Unhurried).unwrap();
        queue.push(batch(1), Pace::Urgent).unwrap();
        assert!(is_due(&queue));
        assert_eq!(queue.take(usize::MAX).len(), 2);
        queue.push(batch(1), Pace::Unhurried).unwrap();
        queue.close();
        assert!(is_due(&queue), "nobody hurries after the end");
    }

    #[test]
    fn enough_bytes_or_a_long_wait_are_urgent() {
        let queue = Queue::default();
        queue.push(batch(UNHURRIED_BYTES_MAX - 1), Pace::Unhurried).unwrap();
        assert!(!is_due(&queue));
        queue.push(batch(1), Pace::Unhurried).unwrap();
        assert!(is_due(&queue));
        let _taken = queue.take(usize::MAX);
        queue.push(batch(UNHURRIED_BYTES_MAX - 1), Pace::Unhurried).unwrap();
        assert!(!is_due(&queue), "bytes that are gone do not count");
        let mut state = queue.lock();
        let since = state.unhurried_since.expect("one waits");
        state.unhurried_since = since.checked_sub(UNHURRIED_TIME_MAX);
        drop(state);
        queue.push(batch(0), Pace::Unhurried).unwrap();
        assert!(is_due(&queue));
    }

    #[test]
    fn what_a_group_had_no_room_for_is_urgent() {
        let queue = Queue::default();
        (0..3).for_each(|_| queue.push(batch(10), Pace::Unhurried).unwrap());
        queue.hurry_up();
        let taken = queue.take(15);
        assert_eq!(taken.len(), 2);
        assert!(is_due(&queue));
        assert_eq!(queue.take(15).len(), 1);
        assert!(!is_due(&queue));
        queue.put_back(taken);
        assert!(is_due(&queue));
    }
}
