//! Measures logboom servers, and others beside them.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measure log servers from outside, as their clients see them
#[derive(Debug, Parser)]
#[command(name = "logboom-bench", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Load(logboom_bench::load::Args),
    Map(logboom_bench::map::Args),
    Open(logboom_bench::open::Args),
    Report(logboom_bench::report::Args),
    Scale(logboom_bench::scale::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Load(args) => args.run(),
        Command::Map(args) => args.run(),
        Command::Open(args) => args.run(),
        Command::Report(args) => args.run(),
        Command::Scale(args) => args.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
