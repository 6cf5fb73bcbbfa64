//! Makes a failure small.
//!
//! What is shrunk is the list of decisions, not the world: decisions that are left out, or made 0,
//! are the mildest there are, so that a shorter list is a quieter world.

use crate::fault::FaultSet;
use crate::outcome::{Level, Outcome};
use crate::random::{Stream, Tape};
use crate::regression::Regression;
use crate::run::Run;

/// What shrinking has come to.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The small failure.
    pub regression: Regression,
    /// What came of it in the end.
    pub outcome: Outcome,
    /// How many decisions there were before.
    pub decisions_before: usize,
    /// How many runs it took.
    pub runs: u32,
}

/// Shrinks the failure of a seed, in at most so many runs. `None` if the seed does not fail.
#[must_use]
pub fn shrink(level: Level, seed: u64, runs_max: u32) -> Option<Shrunk> {
    let first = Run::seed(level, seed).recording().execute();
    let invariant = first.violation.as_ref()?.invariant;
    let tape = first.tape.clone()?;
    let decisions_before = tape.len();
    let faults = FaultSet::all();
    let attempt = |tape: &Tape, faults: FaultSet| {
        let outcome = Run::tape(level, tape.clone()).with_faults(faults).execute();
        outcome.violation.is_some_and(|violation| violation.invariant == invariant)
    };
    let mut shrinker = Shrinker { attempt, tape, faults, runs: 0, runs_max };
    shrinker.run();
    let Shrinker { tape, faults, runs, .. } = shrinker;
    let regression =
        Regression { level, invariant: invariant.to_owned(), found: seed, faults, tape };
    let outcome = regression.run().execute();
    Some(Shrunk { regression, outcome, decisions_before, runs })
}

struct Shrinker<F> {
    /// Whether it still fails in the same way.
    attempt: F,
    tape: Tape,
    faults: FaultSet,
    runs: u32,
    runs_max: u32,
}

impl<F: Fn(&Tape, FaultSet) -> bool> Shrinker<F> {
    /// Everything, again and again, until nothing gets smaller.
    fn run(&mut self) {
        self.drop_faults();
        loop {
            let before = self.tape.clone();
            for stream in Stream::all() {
                self.shorten(stream);
                self.calm(stream);
            }
            for stream in Stream::all() {
                self.cut_out(stream);
                self.make_small(stream);
            }
            self.drop_faults();
            if self.tape == before || self.is_over() {
                return;
            }
        }
    }

    const fn is_over(&self) -> bool {
        self.runs >= self.runs_max
    }

    /// Keeps a candidate if it fails in the same way.
    fn keeps(&mut self, tape: Tape, faults: FaultSet) -> bool {
        if self.is_over() {
            return false;
        }
        self.runs += 1;
        let same = (self.attempt)(&tape, faults);
        if same {
            (self.tape, self.faults) = (tape, faults);
        }
        same
    }

    fn keeps_decisions(&mut self, stream: Stream, decisions: Vec<u64>) -> bool {
        let mut tape = self.tape.clone();
        tape.set(stream, decisions);
        self.keeps(tape, self.faults)
    }

    /// Leaves out whole kinds of faults.
    fn drop_faults(&mut self) {
        for kind in self.faults.iter().collect::<Vec<_>>() {
            let mut tape = self.tape.clone();
            tape.set(Stream::Fault(kind), Vec::new());
            self.keeps(tape, self.faults.without(kind));
        }
    }

    /// Leaves out the end of a stream.
    fn shorten(&mut self, stream: Stream) {
        let mut kept = 0;
        loop {
            let length = self.tape.get(stream).len();
            if kept >= length {
                return;
            }
            let middle = kept + (length - kept) / 2;
            let decisions = self.tape.get(stream)[..middle].to_vec();
            if !self.keeps_decisions(stream, decisions) {
                kept = middle + 1;
            }
            if self.is_over() {
                return;
            }
        }
    }

    /// Makes pieces of a stream as mild as they can be, large ones first, without moving the rest.
    fn calm(&mut self, stream: Stream) {
        let mut size = self.tape.get(stream).len();
        while size > 0 && !self.is_over() {
            for start in (0..self.tape.get(stream).len()).step_by(size) {
                let mut decisions = self.tape.get(stream).to_vec();
                let end = decisions.len().min(start + size);
                let piece = &mut decisions[start..end];
                if piece.iter().any(|value| *value > 0) {
                    piece.fill(0);
                    self.keeps_decisions(stream, decisions);
                }
            }
            size /= 2;
        }
        self.strip(stream);
    }

    /// Leaves out pieces from the middle of a stream, large ones first.
    fn cut_out(&mut self, stream: Stream) {
        let mut size = self.tape.get(stream).len() / 2;
        while size > 0 && !self.is_over() {
            let mut start = 0;
            while start + size <= self.tape.get(stream).len() && !self.is_over() {
                let decisions = self.tape.get(stream);
                let without = [&decisions[..start], &decisions[start + size..]].concat();
                if !self.keeps_decisions(stream, without) {
                    start += size;
                }
            }
            size /= 2;
        }
    }

    /// Makes single decisions milder: 0 first, then half.
    fn make_small(&mut self, stream: Stream) {
        for index in 0..self.tape.get(stream).len() {
            for milder in [|_| 0, |value| value / 2, |value: u64| value.saturating_sub(1)] {
                let mut decisions = self.tape.get(stream).to_vec();
                let Some(value) = decisions.get_mut(index).filter(|value| **value > 0) else {
                    break;
                };
                *value = milder(*value);
                if self.is_over() || self.keeps_decisions(stream, decisions) {
                    break;
                }
            }
        }
        self.strip(stream);
    }

    /// Zeros at the end are the same as nothing.
    fn strip(&mut self, stream: Stream) {
        let decisions = self.tape.get(stream);
        let length = decisions.iter().rposition(|value| *value > 0).map_or(0, |last| last + 1);
        let stripped = decisions[..length].to_vec();
        if stripped.len() < decisions.len() {
            self.tape.set(stream, stripped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    #[test]
    fn only_the_decisions_and_faults_are_left_that_the_failure_needs() {
        let mut tape = Tape::default();
        tape.set(Stream::Workload, (0..100).collect());
        tape.set(Stream::Net, (0..50).collect());
        tape.set(Stream::Fault(FaultKind::Kill), vec![3; 9]);
        let attempt = |tape: &Tape, faults: FaultSet| {
            let work = tape.get(Stream::Workload);
            faults.contains(FaultKind::Kill)
                && tape.get(Stream::Fault(FaultKind::Kill)).iter().any(|value| *value > 0)
                && work.contains(&7)
                && work.iter().any(|value| *value > 40)
        };
        let faults = FaultSet::all();
        let mut shrinker = Shrinker { attempt, tape, faults, runs: 0, runs_max: 10_000 };
        shrinker.run();
        assert_eq!(shrinker.faults.iter().collect::<Vec<_>>(), [FaultKind::Kill]);
        assert_eq!(shrinker.tape.get(Stream::Workload), [7, 41]);
        assert_eq!(shrinker.tape.len(), 3);
        assert!(shrinker.runs < 1_000);
    }

    #[test]
    fn a_seed_that_holds_is_not_shrunk() {
        assert!(shrink(Level::Store, 1, 10).is_none());
    }
}
