use super::Context;
use crate::failure::Failure;

pub(crate) const EXAMPLES: &str = "\
Examples:
  {program} init > logboom.toml
  {program} check --config logboom.toml";

/// A configuration with every key, explained. `check --no-environment` accepts it as it is.
pub(crate) const CONFIGURATION: &str = include_str!("init.toml");

/// Options of `init`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints a commented configuration.
pub(crate) fn run(_: &Args, context: &Context) -> Result<(), Failure> {
    context.console.print(&CONFIGURATION.replace("{program}", &context.program.name))
}
