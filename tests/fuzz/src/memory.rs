//! How much memory a piece of work takes, and how much it may take.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What every decoder may take for each byte it was given.
pub const BYTES_PER_INPUT_BYTE_MAX: usize = 8;

/// What every decoder may take besides.
pub const FIXED_BYTES_MAX: usize = 64 * 1024;

/// An allocator that counts what the current thread holds.
///
/// Only where it is the global allocator does [`bounded`] see anything: the tests of this crate and
/// the programs of libFuzzer say `#[global_allocator]`. zstd allocates through it as well, because a
/// feature of its crate makes it so.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static HIGHEST: Cell<Usage> = const { Cell::new(Usage { peak_bytes: 0, bytes_max: 1 }) };
}

/// How much memory a piece of work took at most, and how much it might have taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The most bytes held at a time.
    pub peak_bytes: usize,
    /// The limit.
    pub bytes_max: usize,
}

impl Usage {
    /// Which share of the limit was used.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn share(self) -> f64 {
        self.peak_bytes as f64 / self.bytes_max as f64
    }
}

/// Does some work on `input_bytes` bytes of input, and makes sure of the memory that it takes: at
/// most [`BYTES_PER_INPUT_BYTE_MAX`] for each byte, [`FIXED_BYTES_MAX`], and `more_bytes_max`, which
/// is a constant with a name and a reason.
///
/// # Panics
///
/// If the work takes more.
pub fn bounded<T>(input_bytes: usize, more_bytes_max: usize, work: impl FnOnce() -> T) -> T {
    let before = HELD.get();
    PEAK.set(before);
    let result = work();
    let peak_bytes = (PEAK.get() - before).cast_unsigned();
    let bytes_max = BYTES_PER_INPUT_BYTE_MAX * input_bytes + FIXED_BYTES_MAX + more_bytes_max;
    let usage = Usage { peak_bytes, bytes_max };
    assert!(peak_bytes <= bytes_max, "{input_bytes} bytes of input: {usage:?}");
    if usage.share() >= HIGHEST.get().share() {
        HIGHEST.set(usage);
    }
    result
}

/// The work of this thread that came closest to its limit since this was last asked.
#[must_use]
pub fn take_highest() -> Usage {
    HIGHEST.replace(Usage { peak_bytes: 0, bytes_max: 1 })
}

fn count(bytes: isize) {
    let held = HELD.get() + bytes;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: everything is passed on to the allocator of the system. Counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        unsafe { System.dealloc(pointer, layout) }
    }
}
