use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So much memory of frames that are over is kept for those that come, in bytes, for all connections
/// that share a [`Config`](crate::Config). It is held besides what [`Memory`](crate::Memory) counts.
///
/// Memory that is new must be zeroed before bytes are read into it, and for large frames the kernel has
/// to find its pages first.
pub const FRAME_BYTES_KEPT_MAX: usize = 8 << 20;

/// Frames below this fit into the caches of the allocator.
const KEPT_FRAME_BYTES_MIN: usize = 16 << 10;

/// One large frame does not drive out all others.
const KEPT_FRAME_BYTES_MAX: usize = FRAME_BYTES_KEPT_MAX / 4;

/// So many are looked at, the last used first, since that may still be in the processor's cache.
const LOOKED_AT_MAX: usize = 8;

/// Memory of frames that are over.
///
/// What was in a frame stays in its memory until the next one has overwritten it. A frame is given out
/// only when all of its bytes have arrived, so nobody ever sees those of another.
#[derive(Default)]
pub(crate) struct FramePool {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl FramePool {
    /// Memory for `bytes` bytes, with anything in it, and at most a quarter more than that.
    pub(crate) fn take(&self, bytes: usize) -> Vec<u8> {
        self.lock().take(bytes).unwrap_or_else(|| vec![0; bytes])
    }

    /// Takes memory that is not needed any more.
    pub(crate) fn give(&self, memory: Vec<u8>) {
        if (KEPT_FRAME_BYTES_MIN..=KEPT_FRAME_BYTES_MAX).contains(&memory.len()) {
            let given_up = self.lock().give(memory);
            drop(given_up);
        }
    }

    /// A list of buffers stays whole even if a thread panicked while it held the lock.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn take(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let fits = |memory: &Vec<u8>| (bytes..=bytes + bytes / 4).contains(&memory.len());
        let from_end = self.frames.iter().rev().take(LOOKED_AT_MAX).position(fits)?;
        let memory = self.frames.remove(self.frames.len() - 1 - from_end)?;
        self.bytes -= memory.len();
        Some(memory)
    }

    /// Returns the oldest, as far as there is too much now. They are dropped without the lock.
    fn give(&mut self, memory: Vec<u8>) -> Vec<Vec<u8>> {
        self.bytes += memory.len();
        self.frames.push_back(memory);
        let mut given_up = Vec::new();
        while self.bytes > FRAME_BYTES_KEPT_MAX
            && let Some(oldest) = self.frames.pop_front()
        {
            self.bytes -= oldest.len();
            given_up.push(oldest);
        }
        given_up
    }
}

impl fmt::Debug for FramePool {
    /// Says how much it is and not what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FramePool({} bytes)", self.lock().bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_never_keeps_more_than_it_may_and_gives_out_what_fits(
            steps in prop::collection::vec((any::<bool>(), 1..4_000_000usize), 1..60),
        ) {
            let pool = FramePool::default();
            let mut out = VecDeque::new();
            for (takes, bytes) in steps {
                if takes {
                    let memory = pool.take(bytes);
                    prop_assert!((bytes..=bytes + bytes / 4).contains(&memory.len()));
                    out.push_back(memory);
                } else if let Some(memory) = out.pop_front() {
                    pool.give(memory);
                }
                let kept = pool.lock();
                let sum: usize = kept.frames.iter().map(Vec::len).sum();
                prop_assert_eq!(sum, kept.bytes);
                prop_assert!(kept.bytes <= FRAME_BYTES_KEPT_MAX);
            }
        }
    }

    #[test]
    fn what_was_given_last_is_taken_first() {
        let pool = FramePool::default();
        pool.give(vec![1; 100_000]);
        pool.give(vec![2; 100_000]);
        assert_eq!(pool.take(90_000), vec![2; 100_000]);
        assert_eq!(pool.take(90_000), vec![1; 100_000]);
        assert_eq!(pool.take(90_000), vec![0; 90_000]);
    }

    #[test]
    fn frames_that_are_small_or_very_large_are_not_kept() {
        let pool = FramePool::default();
        pool.give(vec![1; KEPT_FRAME_BYTES_MIN - 1]);
        pool.give(vec![1; KEPT_FRAME_BYTES_MAX + 1]);
        assert_eq!(pool.lock().bytes, 0);
    }
}
