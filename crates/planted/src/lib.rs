//! Bugs that are planted on purpose, to see whether the simulator finds them.
//!
//! A site in the product asks [`planted!`] whether its bug is there. Without `--cfg logboom_planted`,
//! which no build of a product sets, that is the constant `false`: the compiler checks the name and
//! removes the rest. With the cfg, one [`Bug`] at a time can be switched on for one thread.
//!
//! ```
//! use logboom_planted::planted;
//!
//! fn window_has_room(requests: usize, requests_max: usize) -> bool {
//!     if planted!(WindowOffByOne) { requests <= requests_max } else { requests < requests_max }
//! }
//! assert!(!window_has_room(5, 5));
//! ```

#![forbid(unsafe_code)]

mod bug;
#[cfg(logboom_planted)]
mod switch;

pub use bug::{Bug, Level};
#[cfg(logboom_planted)]
pub use switch::{is_on, reached, with};

/// Whether the bug of that name is there: always `false` without the cfg.
#[cfg(not(logboom_planted))]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {{
        const _: $crate::Bug = $crate::Bug::$bug;
        false
    }};
}

/// Whether the bug of that name is switched on for this thread.
#[cfg(logboom_planted)]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::is_on($crate::Bug::$bug)
    };
}
