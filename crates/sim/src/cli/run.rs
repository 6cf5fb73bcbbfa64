use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use logboom_sim::{Coverage, Level, Outcome, Run, Violation};

use super::clock::{fresh_seed, now};
use super::{Levels, report};

/// How often a run says how far it is.
const PROGRESS_PERIOD: Duration = Duration::from_secs(10);
/// One seed in so many is run twice, and must come to the same.
const TWICE_EVERY: u64 = 64;
/// After so many failures there is nothing to be learned from more.
const FAILURES_MAX: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to run.
    #[arg(long, value_enum, default_value = "both")]
    level: Levels,
    /// How many seeds, at each level.
    #[arg(long, conflicts_with_all = ["seconds", "hours"])]
    seeds: Option<u64>,
    /// How long, in seconds, at all levels together.
    #[arg(long, conflicts_with = "hours")]
    seconds: Option<u64>,
    /// How long, in hours, at all levels together.
    #[arg(long)]
    hours: Option<f64>,
    /// The first seed; the others follow.
    #[arg(long, default_value_t = 0, conflicts_with = "fresh")]
    seed: u64,
    /// Begin with a seed that was never used before.
    #[arg(long)]
    fresh: bool,
    /// How many threads; each seed stays on one. All cores by default.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
}

/// How long to go on.
#[derive(Debug, Clone, Copy)]
enum Extent {
    Seeds(u64),
    Until(Instant),
}

/// What came of many seeds.
#[derive(Debug, Default)]
struct Total {
    seeds: u64,
    events: u64,
    virtual_time: Duration,
    failures: usize,
    coverage: Coverage,
    /// The seed that took longest, and how long.
    slowest: (Duration, u64),
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let threads = arguments.threads.or_else(|| thread::available_parallelism().ok());
    let threads = threads.map_or(1, NonZero::get);
    let first = if arguments.fresh { fresh_seed() } else { arguments.seed };
    let levels = arguments.level.levels();
    let time = match (arguments.seconds, arguments.hours) {
        (Some(seconds), _) => Some(Duration::from_secs(seconds)),
        (_, Some(hours)) => Some(Duration::from_secs_f64(hours.max(0.0) * 3_600.0)),
        _ => None,
    };
    let mut figures = Vec::new();
    let mut failures = 0;
    for level in levels {
        let begin = now();
        let extent = match time {
            Some(time) => Extent::Until(begin + time / levels.len() as u32),
            None => Extent::Seeds(arguments.seeds.unwrap_or(1_000)),
        };
        let total = run_level(*level, first, extent, threads);
        report::print_coverage(*level, &total.coverage);
        let (passed, seed) = total.slowest;
        println!("slowest at level {level}: seed {seed}, {:.0} ms", passed.as_secs_f64() * 1e3);
        failures += total.failures;
        figures.push(figure(*level, &total, begin.elapsed()));
    }
    println!("first seed {first}, {threads} threads; {}", figures.join("; "));
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn figure(level: Level, total: &Total, passed: Duration) -> String {
    let seconds = passed.as_secs_f64().max(1e-9);
    format!(
        "{level}: {} seeds, {} failures, {:.0} seeds/s, {:.0} times real time",
        total.seeds,
        total.failures,
        total.seeds as f64 / seconds,
        total.virtual_time.as_secs_f64() / seconds,
    )
}

/// Runs seeds on all threads, and says from time to time how it goes.
fn run_level(level: Level, first: u64, extent: Extent, threads: usize) -> Total {
    let begin = now();
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let (sender, outcomes) = mpsc::channel();
    let mut total = Total::default();
    thread::scope(|scope| {
        for number in 0..threads {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            let work = move || work(level, first, extent, next, stop, &sender);
            let named = thread::Builder::new().name(format!("sim-{number}"));
            if named.spawn_scoped(scope, work).is_err() {
                println!("only {number} threads could be started");
                break;
            }
        }
        drop(sender);
        let mut told = begin;
        loop {
            match outcomes.recv_timeout(PROGRESS_PERIOD) {
                Ok((outcome, passed)) => total.add(&outcome, passed),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if total.failures >= FAILURES_MAX {
                stop.store(true, Ordering::Relaxed);
            }
            if told.elapsed() >= PROGRESS_PERIOD {
                told = now();
                println!("{:>6.0} s  {}", begin.elapsed().as_secs_f64(), {
                    figure(level, &total, begin.elapsed())
                });
            }
        }
    });
    total
}

/// One thread: one seed after another.
fn work(
    level: Level,
    first: u64,
    extent: Extent,
    next: &AtomicU64,
    stop: &AtomicBool,
    outcomes: &mpsc::Sender<(Outcome, Duration)>,
) {
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let over = match extent {
            Extent::Seeds(seeds) => number >= seeds,
            Extent::Until(end) => now() >= end,
        };
        if over {
            return;
        }
        let run = Run::seed(level, first.wrapping_add(number));
        let begin = now();
        let mut outcome = run.execute();
        let passed = begin.elapsed();
        if number.is_multiple_of(TWICE_EVERY) && outcome.holds() {
            let again = run.execute();
            if again.hash != outcome.hash {
                let detail = format!("{:016x} and then {:016x}", outcome.hash, again.hash);
                outcome.violation = Some(Violation::new("a seed always does the same", detail));
            }
        }
        if outcomes.send((outcome, passed)).is_err() {
            return;
        }
    }
}

impl Total {
    fn add(&mut self, outcome: &Outcome, passed: Duration) {
        self.slowest = self.slowest.max((passed, outcome.seed));
        self.seeds += 1;
        self.events += outcome.events;
        self.virtual_time += outcome.virtual_time;
        self.coverage.merge(&outcome.coverage);
        if !outcome.holds() {
            self.failures += 1;
            report::print_failure(outcome);
        }
    }
}
