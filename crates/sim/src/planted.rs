//! Whether the simulator finds bugs that are planted on purpose.

use logboom_planted::Bug;

use crate::outcome::{Level, Violation};
use crate::run::Run;

/// What came of the search for one bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hunt {
    /// A promise was broken in the run of this seed, and only because of the bug.
    Found {
        /// How many seeds were run, the one that found it included.
        seeds: u64,
        /// The promise.
        violation: Violation,
    },
    /// Nothing was noticed.
    Missed {
        /// How many seeds were run.
        seeds: u64,
        /// In how many of them the site of the bug was reached.
        seeds_reached: u64,
    },
}

/// The level at which a bug is looked for.
#[must_use]
pub const fn level_of(bug: Bug) -> Level {
    match bug.level() {
        logboom_planted::Level::Store => Level::Store,
        logboom_planted::Level::Full => Level::Full,
    }
}

/// Runs seeds with the bug, from `first` on, until one fails, or as long as `go_on` allows. It is
/// asked with the number of seeds that were run.
pub fn hunt(bug: Bug, first: u64, go_on: impl Fn(u64) -> bool) -> Hunt {
    let level = level_of(bug);
    let (mut seeds, mut seeds_reached) = (0, 0);
    while go_on(seeds) {
        let seed = first.wrapping_add(seeds);
        let run = Run::seed(level, seed);
        let (outcome, reached) =
            logboom_planted::with(bug, || (run.execute(), logboom_planted::reached()));
        seeds += 1;
        seeds_reached += u64::from(reached > 0);
        // A seed that fails without the bug, too, says nothing about it.
        if let Some(violation) = outcome.violation
            && run.execute().holds()
        {
            return Hunt::Found { seeds, violation };
        }
    }
    Hunt::Missed { seeds, seeds_reached }
}
