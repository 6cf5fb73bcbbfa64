use std::path::PathBuf;

use super::Context;
use crate::failure::Failure;
use crate::target::Target;

pub(crate) const EXAMPLES: &str = "\
Examples:
  echo hello | {program} send demo/demo
  echo '{\"level\":\"info\"}' | {program} send demo/demo.json      parsed as JSON
  {program} send demo/demo < /var/log/syslog";

/// Options of `send`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to send to: PROJECT/LOGSTORE, with .json to have the lines parsed as JSON
    pub(crate) target: Target,

    /// How to connect, in the format of librdkafka; without it, the demo in ./logboom-data
    #[arg(long, value_name = "FILE")]
    pub(crate) client_config: Option<PathBuf>,
}

/// Sends the lines of standard input through the Kafka port.
pub(crate) fn run(_: &Args, _: &Context) -> Result<(), Failure> {
    Err(Failure::run("this build has no producer yet"))
}
