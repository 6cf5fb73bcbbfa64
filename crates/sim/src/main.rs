//! Runs the simulator: many seeds, one seed, or what once failed.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
