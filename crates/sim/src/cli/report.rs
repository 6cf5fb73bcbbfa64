use logboom_sim::{Coverage, FaultKind, Level, Outcome, State};

use super::commit::commit;

/// Prints what failed, and how to see it again.
pub(crate) fn print_failure(outcome: &Outcome) {
    let Some(violation) = &outcome.violation else { return };
    let (level, seed) = (outcome.level, outcome.seed);
    println!("FAILED level={level} seed={seed} commit={}", commit());
    println!("  {violation}");
    println!("  replay: cargo run --profile sim -p logboom-sim -- replay {seed} --level {level}");
    println!("  shrink: cargo run --profile sim -p logboom-sim -- shrink {seed} --level {level}");
}

/// Prints which faults struck and which states were reached, in how many runs of the level.
pub(crate) fn print_coverage(level: Level, coverage: &Coverage) {
    let faults = FaultKind::ALL.iter().filter(|kind| kind.is_of(level));
    let faults = faults.map(|kind| (kind.name(), coverage.of_fault(*kind)));
    print_counts(&format!("faults at level {level}"), faults);
    let states = State::ALL.iter().filter(|state| state.is_of(level));
    let states = states.map(|state| (state.name(), coverage.of_state(*state)));
    print_counts(&format!("states at level {level}"), states);
}

fn print_counts<'a>(title: &str, counts: impl Iterator<Item = (&'a str, u64)>) {
    let (reached, missed): (Vec<_>, Vec<_>) = counts.partition(|(_, count)| *count > 0);
    println!("{title}: {} of {}", reached.len(), reached.len() + missed.len());
    for (name, count) in reached {
        println!("  {count:>12}  {name}");
    }
    if !missed.is_empty() {
        let names: Vec<&str> = missed.into_iter().map(|(name, _)| name).collect();
        println!("  never: {}", names.join(", "));
    }
}
