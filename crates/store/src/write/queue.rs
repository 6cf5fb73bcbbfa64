//! Batches that wait for a group commit, in the order in which they were submitted.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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

#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Submission>,
    closed: bool,
    nudged: bool,
}

impl Queue {
    /// Adds a batch. If the queue is closed, gives back whom to tell.
    pub(crate) fn push(&self, submission: Submission) -> Result<(), Completion> {
        let mut state = self.lock();
        if state.closed {
            return Err(submission.completion);
        }
        state.waiting.push_back(submission);
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Takes the oldest batches, up to the one with which they reach `bytes_max` bytes together.
    pub(crate) fn take(&self, bytes_max: usize) -> VecDeque<Submission> {
        let mut state = self.lock();
        state.nudged = false;
        let mut bytes = 0usize;
        let reached = state.waiting.iter().position(|submission| {
            bytes = bytes.saturating_add(submission.append.batch.len());
            bytes >= bytes_max
        });
        match reached {
            None => std::mem::take(&mut state.waiting),
            Some(last) => state.waiting.drain(..=last).collect(),
        }
    }

    /// Puts batches back before all others.
    pub(crate) fn put_back(&self, mut submissions: VecDeque<Submission>) {
        let mut state = self.lock();
        submissions.append(&mut state.waiting);
        state.waiting = submissions;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Lets [`wait`](Queue::wait) return although there is no batch.
    pub(crate) fn nudge(&self) {
        self.lock().nudged = true;
        self.work.notify_one();
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    /// Blocks until there is something to do. False when nothing will ever be.
    pub(crate) fn wait(&self) -> bool {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.nudged && !state.closed;
        let state = self.work.wait_while(self.lock(), idle);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        !(state.closed && state.waiting.is_empty())
    }

    /// A queue of batches stays whole even if a thread panicked while it held the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
