//! The command line.

mod clock;
mod commit;
mod planted;
mod regressions;
mod replay;
mod report;
mod run;
mod shrink;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use logboom_sim::Level;

/// Deterministic simulator of logboom: one seed, one thread, one world.
#[derive(Debug, Parser)]
#[command(name = "logboom-sim", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs many seeds, and ends with 0 only if everything held.
    Run(run::Arguments),
    /// Runs one seed and prints what happens.
    Replay(replay::Arguments),
    /// Looks for the bugs that are planted under a cfg, and ends with 0 only if all were found.
    Planted(planted::Arguments),
    /// Makes the failure of a seed small, and writes it to a file that can be kept.
    Shrink(shrink::Arguments),
    /// Runs the failures of the past, which must all hold now.
    Regressions(regressions::Arguments),
}

/// How much of the product to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Levels {
    /// Operations straight on the store.
    Store,
    /// Clients, network and everything behind.
    Full,
    /// First the one, then the other.
    Both,
}

impl Levels {
    fn levels(self) -> &'static [Level] {
        match self {
            Self::Store => &[Level::Store],
            Self::Full => &[Level::Full],
            Self::Both => &[Level::Store, Level::Full],
        }
    }
}

pub(crate) fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Planted(arguments) => planted::planted(&arguments),
        Command::Shrink(arguments) => shrink::run(&arguments),
        Command::Regressions(arguments) => regressions::run(&arguments),
    }
}
