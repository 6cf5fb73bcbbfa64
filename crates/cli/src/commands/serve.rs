use std::net::SocketAddr;

use super::{ConfigArgs, Context};
use crate::Runtime;
use crate::failure::Failure;

pub(crate) const EXAMPLES: &str = "\
Examples:
  {program} serve                              a demo in ./logboom-data, on localhost
  {program} serve --config logboom.toml
  {program} serve --config logboom.toml --set node.data_dir=/srv/logboom

Signals: INT and TERM stop after finishing what was accepted, a second one stops at once.
With --config, HUP reads the configuration and the certificates again.";

/// Options of `serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Where the demo listens; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config")]
    pub(crate) listen: Option<SocketAddr>,
}

/// Runs the server until it is told to stop.
pub(crate) fn run(_: &Args, _: &Context, _: &impl Runtime) -> Result<(), Failure> {
    Err(Failure::run("this build has no server yet"))
}
