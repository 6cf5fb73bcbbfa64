use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Commands on their way to a machine, from any thread.
///
/// The application puts answers in with [`push`](Inbox::push); the host of the machine takes them
/// out. The only notifier is a [`Waker`], which every kind of host can make: a task, a parked
/// thread, an `eventfd`, a poller.
///
/// This is the one place of the pure crates with a lock, and it is never held across foreign code.
#[derive(Debug)]
pub struct Inbox<C> {
    state: Mutex<State<C>>,
}

#[derive(Debug)]
struct State<C> {
    commands: VecDeque<C>,
    waker: Option<Waker>,
}

impl<C> Inbox<C> {
    /// An empty inbox.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Mutex::new(State { commands: VecDeque::new(), waker: None }) }
    }

    /// Adds a command and wakes the host if it sleeps.
    ///
    /// Several pushes before the host wakes up cost one wake-up: the first takes the waker.
    pub fn push(&self, command: C) {
        let waker = {
            let mut state = self.lock();
            state.commands.push_back(command);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The oldest command, if there is one.
    #[must_use]
    pub fn pop(&self) -> Option<C> {
        self.lock().commands.pop_front()
    }

    /// Moves every command into `batch` and returns how many there were. Keeps the memory of
    /// `batch`, so that a host that reuses it allocates nothing.
    pub fn drain_into(&self, batch: &mut VecDeque<C>) -> usize {
        let mut state = self.lock();
        let count = state.commands.len();
        batch.append(&mut state.commands);
        count
    }

    /// Ready if a command waits; otherwise the waker of `context` will be woken by the next push.
    ///
    /// The check and the registration happen under one lock, so that no push is missed.
    pub fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if !state.commands.is_empty() {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// A queue of commands stays whole even if a pushing thread panicked.
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Default for Inbox<C> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
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
    fn commands_leave_in_the_order_they_came() {
        let inbox = Inbox::new();
        for number in 0..5 {
            inbox.push(number);
        }
        assert_eq!(inbox.pop(), Some(0));
        let mut batch = VecDeque::from([9]);
        assert_eq!(inbox.drain_into(&mut batch), 4);
        assert_eq!(batch, [9, 1, 2, 3, 4]);
        assert_eq!(inbox.pop(), None);
    }

    #[test]
    fn many_pushes_wake_a_sleeping_host_once() {
        let inbox = Inbox::new();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        assert!(inbox.poll_ready(&mut context).is_pending());
        assert!(inbox.poll_ready(&mut context).is_pending());
        for number in 0..3 {
            inbox.push(number);
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(inbox.poll_ready(&mut context).is_ready());
    }

    #[test]
    fn a_push_before_the_host_sleeps_is_seen() {
        let inbox = Inbox::new();
        inbox.push(());
        let mut context = Context::from_waker(Waker::noop());
        assert!(inbox.poll_ready(&mut context).is_ready());
    }
}
