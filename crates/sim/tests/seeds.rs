//! A few seeds of every kind, and everything that once failed.

use std::fs;
use std::path::Path;

use logboom_sim::{
    FaultKind, FaultSet, Level, Outcome, Regression, Run, State, run_full_seed, run_store_seed,
};

#[track_caller]
fn check(outcome: &Outcome) {
    let Outcome { level, seed, violation, .. } = outcome;
    assert!(outcome.holds(), "level {level}, seed {seed}: {violation:?}");
}

#[test]
fn the_first_seeds_hold_at_the_level_of_the_store() {
    (0..200).map(run_store_seed).for_each(|outcome| check(&outcome));
}

#[test]
fn the_first_seeds_hold_at_the_full_level() {
    (0..100).map(run_full_seed).for_each(|outcome| check(&outcome));
}

#[test]
fn a_seed_always_does_the_same_and_two_seeds_do_not() {
    let mut hashes = Vec::new();
    for (level, seeds) in [(Level::Store, 0..40), (Level::Full, 0..40)] {
        for seed in seeds {
            let run = Run::seed(level, seed);
            let outcome = run.execute();
            assert_eq!(run.execute().hash, outcome.hash, "level {level}, seed {seed}");
            hashes.push(outcome.hash);
        }
    }
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

#[test]
fn decisions_that_were_noted_down_do_what_the_seed_did() {
    for (level, seed) in [(Level::Store, 3), (Level::Full, 3), (Level::Full, 11)] {
        let live = Run::seed(level, seed).recording().execute();
        let tape = live.tape.clone().expect("a recording");
        assert!(!tape.is_empty());
        assert_eq!(Run::tape(level, tape).execute().hash, live.hash);
    }
}

#[test]
fn without_faults_there_are_none() {
    for (level, seed) in (0..20).flat_map(|seed| [(Level::Store, seed), (Level::Full, seed)]) {
        let outcome = Run::seed(level, seed).with_faults(FaultSet::NONE).execute();
        check(&outcome);
        for kind in FaultKind::ALL {
            assert_eq!(outcome.coverage.of_fault(*kind), 0, "{level}, {seed}: {kind}");
        }
        assert!(outcome.coverage.of_state(State::BatchAcknowledged) > 0);
    }
}

#[test]
fn what_once_failed_holds() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut files = 0;
    for entry in fs::read_dir(directory).expect("regression files") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        let regression = Regression::parse(&text).expect("a regression file");
        let outcome = regression.run().execute();
        assert!(outcome.holds(), "{}: {:?}", path.display(), outcome.violation);
        files += 1;
    }
    assert!(files > 0);
}
