use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use logboom_sim::{Outcome, Regression};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Files to run, with everything that happens; all that are kept, without, if none is named.
    files: Vec<PathBuf>,
}

/// Where regression files are kept.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions")
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let named = !arguments.files.is_empty();
    let files = if named { arguments.files.clone() } else { kept() };
    let mut failures = 0;
    for file in &files {
        match run_file(file, named) {
            Ok(outcome) => {
                let result = match &outcome.violation {
                    None => "holds".to_owned(),
                    Some(violation) => format!("FAILED {violation}"),
                };
                println!("{}: {result}", file.display());
                failures += u32::from(!outcome.holds());
            }
            Err(error) => {
                println!("{}: {error}", file.display());
                failures += 1;
            }
        }
    }
    println!("{} regression files, {failures} failures", files.len());
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_file(file: &Path, traced: bool) -> Result<Outcome, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let run = Regression::parse(&text)?.run();
    Ok(if traced { run.tracing().execute() } else { run.execute() })
}

/// All files that are kept, in order.
fn kept() -> Vec<PathBuf> {
    let entries = fs::read_dir(directory()).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}
