use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Wake;

use rustix::event::{EventfdFlags, eventfd};

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const RUNG: u8 = 2;

/// Wakes a thread that sleeps in `poll(2)`. Ringing it while the thread is awake costs no system call.
#[derive(Debug)]
pub(crate) struct Bell {
    state: AtomicU8,
    event: OwnedFd,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Arc::new(Self { state: AtomicU8::new(AWAKE), event }))
    }

    /// Called before sleeping. False if the bell has been rung: then do not sleep.
    pub(crate) fn may_sleep(&self) -> bool {
        if self.state.compare_exchange(AWAKE, ASLEEP, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return true;
        }
        self.state.store(AWAKE, Ordering::SeqCst);
        false
    }

    /// Called after sleeping, before looking at what may have rung. `rings` is what the sleep has seen.
    pub(crate) fn wake_up(&self, rings: bool) {
        self.state.store(AWAKE, Ordering::SeqCst);
        if rings {
            // Whoever rings between the two lines finds the thread awake and writes nothing. Whoever is
            // about to write ends the next sleep for nothing.
            let _ = rustix::io::read(&self.event, &mut [0; 8]);
        }
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(RUNG, Ordering::SeqCst) == ASLEEP {
            // Only an overflow can fail, and then the bell is already ringing.
            let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        }
    }
}
