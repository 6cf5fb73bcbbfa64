use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use logboom_conn::{Command, Memory, MemoryTicket, Reservation};
use logboom_planted::planted;
use logboom_sans_io::Inbox;

/// The memory that the requests of all connections may hold together.
///
/// Every byte of a request body is reserved before it is read and given back when the last view of
/// the request is dropped. Who finds the budget empty waits in line: no later and smaller request
/// overtakes, so that a large one is not starved.
#[derive(Debug, Clone)]
pub struct Budget {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used_bytes: usize,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    bytes: usize,
    ticket: MemoryTicket,
    inbox: Weak<Inbox<Command>>,
}

/// A part of the budget. Gives itself back when dropped.
#[derive(Debug)]
struct Share {
    bytes: usize,
    inner: Arc<Inner>,
}

impl Budget {
    /// A budget of `bytes_max` bytes, which is never exceeded. It should be at least the size of the
    /// largest request that connections allow: a larger one is never granted, and its connection
    /// closes when its memory timer rings.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { inner: Arc::new(Inner { bytes_max, state: Mutex::default() }) }
    }

    /// Puts a connection in line for `bytes`. The answer arrives in its inbox, at once if there is
    /// room. What can never be granted does not enter the line, where it would block everybody.
    pub(crate) fn wait(&self, ticket: MemoryTicket, bytes: usize, inbox: &Arc<Inbox<Command>>) {
        if bytes > self.inner.bytes_max {
            return;
        }
        let mut state = self.inner.lock();
        state.waiting.push_back(Waiting { bytes, ticket, inbox: Arc::downgrade(inbox) });
        self.inner.grant(state);
    }

    /// Takes a connection that has ended out of the line, so that those behind it move up.
    pub(crate) fn leave(&self, inbox: &Arc<Inbox<Command>>) {
        let mut state = self.inner.lock();
        let waiting = state.waiting.len();
        state.waiting.retain(|waiting| waiting.inbox.as_ptr() != Arc::as_ptr(inbox));
        if state.waiting.len() < waiting {
            self.inner.grant(state);
        }
    }

    /// Bytes that are reserved now.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        self.inner.lock().used_bytes
    }

    /// Connections that wait in line now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.lock().waiting.len()
    }
}

impl Memory for Budget {
    fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut state = self.inner.lock();
        if !state.waiting.is_empty() || !self.inner.take(&mut state, bytes) {
            return None;
        }
        drop(state);
        Some(self.inner.share(bytes))
    }
}

impl Inner {
    fn take(&self, state: &mut State, bytes: usize) -> bool {
        let room = self.bytes_max - state.used_bytes;
        if bytes > room {
            return false;
        }
        state.used_bytes += bytes;
        true
    }

    fn share(self: &Arc<Self>, bytes: usize) -> Reservation {
        Reservation::new(Share { bytes, inner: Arc::clone(self) })
    }

    /// Serves the head of the line as far as there is room. Answers are sent without the lock: a
    /// refused answer drops its share, which takes the lock again.
    fn grant(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let mut granted = Vec::new();
        while let Some(head) = state.waiting.pop_front() {
            if head.inbox.strong_count() == 0 {
                continue;
            }
            if planted!(LineNotServed) || !self.take(&mut state, head.bytes) {
                state.waiting.push_front(head);
                break;
            }
            granted.push(head);
        }
        drop(state);
        for waiting in granted {
            let reservation = self.share(waiting.bytes);
            if let Some(inbox) = waiting.inbox.upgrade() {
                inbox.push(Command::MemoryGranted(waiting.ticket, reservation));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.inner.lock();
        if !planted!(BudgetLeaks) {
            state.used_bytes -= self.bytes;
        }
        self.inner.grant(state);
    }
}
