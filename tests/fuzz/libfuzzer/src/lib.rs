//! What every program of libFuzzer has besides its target: an allocator that counts, and a clock.

pub use libfuzzer_sys::fuzz_target;
pub use logboom_fuzz::{self as targets, run};
use logboom_fuzz::memory::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How much slower an instrumented build with debug assertions may be than an optimised one.
pub const SLOWNESS: u32 = 10;

/// Makes a program of a target.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        $crate::fuzz_target!(|input: &[u8]| {
            $crate::run($crate::targets::$name, input, $crate::SLOWNESS);
        });
    };
}
