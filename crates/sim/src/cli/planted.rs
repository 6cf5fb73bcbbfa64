use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The bugs, by name; all of them by default.
    names: Vec<String>,
    /// How many seeds each may take to be found, or else as long as `--seconds` says.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// How many seconds each may take to be found, or else as many seeds as `--seeds` says.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The first seed; the others follow.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[cfg(not(logboom_planted))]
pub(crate) fn planted(arguments: &Arguments) -> std::process::ExitCode {
    println!("There are no planted bugs in this build. One that has them:");
    println!();
    println!("  RUSTFLAGS='--cfg logboom_planted' cargo run --profile sim \\");
    println!("    --target-dir target/planted -p logboom-sim -- planted {}", arguments.shown());
    std::process::ExitCode::FAILURE
}

#[cfg(logboom_planted)]
pub(crate) use search::planted;

impl Arguments {
    /// The same on a command line.
    #[cfg(not(logboom_planted))]
    fn shown(&self) -> String {
        let Self { names, seeds, seconds, seed } = self;
        format!("{} --seeds {seeds} --seconds {seconds} --seed {seed}", names.join(" "))
            .trim()
            .to_owned()
    }
}

#[cfg(logboom_planted)]
mod search {
    use std::collections::BTreeMap;
    use std::num::NonZero;
    use std::process::ExitCode;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use logboom_planted::Bug;
    use logboom_sim::{Hunt, hunt, level_of};

    use super::Arguments;
    use crate::cli::clock::now;

    /// What came of each search, and how long it took.
    type Results = BTreeMap<Bug, (Hunt, Duration)>;

    /// Looks for every bug, and ends with 0 only if all of them were found.
    pub(crate) fn planted(arguments: &Arguments) -> ExitCode {
        let bugs = match arguments.bugs() {
            Ok(bugs) => bugs,
            Err(name) => {
                println!("no planted bug is named {name}; there are:");
                Bug::ALL.iter().for_each(|bug| println!("  {bug}: {}", bug.breaks()));
                return ExitCode::FAILURE;
            }
        };
        let begin = now();
        let results = search(&bugs, arguments);
        print_table(&results);
        let passed = begin.elapsed().as_secs_f64();
        println!("{} in {passed:.0} s", figure(&results));
        let found = |(hunt, _): &(Hunt, Duration)| matches!(hunt, Hunt::Found { .. });
        if results.values().all(found) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    impl Arguments {
        fn bugs(&self) -> Result<Vec<Bug>, &str> {
            if self.names.is_empty() {
                return Ok(Bug::ALL.to_vec());
            }
            self.names.iter().map(|name| Bug::from_name(name).ok_or(name.as_str())).collect()
        }
    }

    /// All cores look for bugs, each for one at a time.
    fn search(bugs: &[Bug], arguments: &Arguments) -> Results {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Results::new());
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let begin = now();
                        let most = Duration::from_secs(arguments.seconds);
                        let go_on = |seeds| seeds < arguments.seeds || begin.elapsed() < most;
                        let result = (hunt(*bug, arguments.seed, go_on), begin.elapsed());
                        results.lock().expect("no search panics").insert(*bug, result);
                    }
                });
            }
        });
        results.into_inner().expect("no search panics")
    }

    fn print_table(results: &Results) {
        println!("| bug | what it does | part | level | seeds | ms | found by |");
        println!("| --- | --- | --- | --- | ---: | ---: | --- |");
        for (bug, (hunt, passed)) in results {
            let (seeds, by) = match hunt {
                Hunt::Found { seeds, violation } => (*seeds, violation.invariant.to_owned()),
                Hunt::Missed { seeds, seeds_reached } => {
                    (*seeds, format!("NOT FOUND; its site was reached in {seeds_reached} seeds"))
                }
            };
            let (breaks, part, level) = (bug.breaks(), bug.part(), level_of(*bug));
            let ms = passed.as_millis();
            println!("| {bug} | {breaks} | {part} | {level} | {seeds} | {ms} | {by} |");
        }
    }

    fn figure(results: &Results) -> String {
        let mut seeds: Vec<u64> = results
            .values()
            .filter_map(|(hunt, _)| match hunt {
                Hunt::Found { seeds, .. } => Some(*seeds),
                _ => None,
            })
            .collect();
        seeds.sort_unstable();
        let median = seeds.get(seeds.len() / 2).copied().unwrap_or(0);
        let worst = seeds.last().copied().unwrap_or(0);
        let (found, all) = (seeds.len(), results.len());
        format!("{found} of {all} planted bugs found, median {median} seeds, worst {worst}")
    }
}
