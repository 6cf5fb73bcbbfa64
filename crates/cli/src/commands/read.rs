use clap::ValueEnum;

use super::{ConfigArgs, Context};
use crate::failure::Failure;
use crate::target::Target;

pub(crate) const EXAMPLES: &str = "\
Examples:
  {program} read demo/demo --from earliest
  {program} read demo/demo --follow --format json | jq .content
  {program} read acme/nginx --config logboom.toml --from earliest --format protobuf > logs.pb";

/// Options of `read`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to read: PROJECT/LOGSTORE
    pub(crate) target: Target,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Where to start
    #[arg(long, value_enum, value_name = "WHERE", default_value_t = From::Earliest)]
    pub(crate) from: From,

    /// Keep waiting for more
    #[arg(long, short)]
    pub(crate) follow: bool,

    /// How to print; json is one object a line, protobuf is a LogGroupList
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Pretty)]
    pub(crate) format: Format,

    /// Add the shard and the offset of each log
    #[arg(long)]
    pub(crate) with_offsets: bool,
}

/// Where reading starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// At the oldest log that is kept.
    Earliest,
    /// Behind the newest log.
    Latest,
}

/// How logs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
    /// The published protobuf schema.
    Protobuf,
}

/// Prints the logs of a Logstore.
pub(crate) fn run(_: &Args, _: &Context) -> Result<(), Failure> {
    Err(Failure::run("this build has no reader yet"))
}
