use std::process::ExitCode;

use clap::Args;
use logboom_sim::{Level, Run};

use super::Levels;
use super::report;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The seed.
    seed: u64,
    /// The level.
    #[arg(long, value_enum, default_value = "full")]
    level: Levels,
    /// Print only what came of it.
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn replay(arguments: &Arguments) -> ExitCode {
    let mut failed = false;
    for level in arguments.level.levels() {
        failed |= !replay_one(*level, arguments);
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn replay_one(level: Level, arguments: &Arguments) -> bool {
    let run = Run::seed(level, arguments.seed);
    let outcome = if arguments.quiet { run.execute() } else { run.tracing().execute() };
    println!(
        "level {level}, seed {}: hash {:016x}, {} events, {:?} simulated",
        arguments.seed, outcome.hash, outcome.events, outcome.virtual_time
    );
    if !outcome.holds() {
        report::print_failure(&outcome);
    }
    outcome.holds()
}
