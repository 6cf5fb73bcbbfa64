use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// A switch that is thrown once and wakes everybody who waits for it.
///
/// A runtime stops accepting when its switch is thrown, and returns when its last connection has
/// ended. Draining the connections is the business of whoever owns their inboxes.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    thrown: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Shutdown {
    /// A switch that is not thrown yet. Clones are the same switch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Throws the switch. Throwing it again does nothing.
    pub fn trigger(&self) {
        self.inner.thrown.store(true, Ordering::SeqCst);
        let wakers =
            std::mem::take(&mut *self.inner.wakers.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether the switch has been thrown.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.inner.thrown.load(Ordering::SeqCst)
    }

    /// Ready once the switch has been thrown; otherwise the waker of `context` will be woken.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut wakers = self.inner.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_triggered() {
            return Poll::Ready(());
        }
        if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thrown_switch_stays_thrown_for_every_clone() {
        let shutdown = Shutdown::new();
        let clone = shutdown.clone();
        let mut context = Context::from_waker(Waker::noop());
        assert!(clone.poll(&mut context).is_pending());
        shutdown.trigger();
        shutdown.trigger();
        assert!(clone.is_triggered());
        assert!(clone.poll(&mut context).is_ready());
    }
}
