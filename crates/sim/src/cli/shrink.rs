use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use logboom_sim::shrink;

use super::Levels;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The seed that fails.
    seed: u64,
    /// The level.
    #[arg(long, value_enum, default_value = "full")]
    level: Levels,
    /// How many runs it may take.
    #[arg(long, default_value_t = 20_000)]
    runs: u32,
    /// The file to write.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    for level in arguments.level.levels() {
        let Some(shrunk) = shrink(*level, arguments.seed, arguments.runs) else {
            println!("level {level}, seed {}: everything holds", arguments.seed);
            continue;
        };
        let path = arguments.out.clone().unwrap_or_else(|| {
            let name = format!("{level}-{}.json", arguments.seed);
            super::regressions::directory().join(name)
        });
        if let Err(error) = fs::write(&path, shrunk.regression.to_text()) {
            println!("cannot write {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        let faults: Vec<&str> = shrunk.regression.faults.iter().map(|kind| kind.name()).collect();
        println!(
            "{} decisions became {} in {} runs; faults left: {}",
            shrunk.decisions_before,
            shrunk.regression.tape.len(),
            shrunk.runs,
            faults.join(", ")
        );
        if let Some(violation) = shrunk.outcome.violation {
            println!("  {violation}");
        }
        println!("written to {}", path.display());
        println!(
            "  replay: cargo run --profile sim -p logboom-sim -- regressions {}",
            path.display()
        );
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}
