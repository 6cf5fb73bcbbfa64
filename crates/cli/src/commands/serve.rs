use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;

use super::{ConfigArgs, Context, report};
use crate::Runtime;
use crate::clock::now;
use crate::config::{self, Loaded, Scope};
use crate::demo;
use crate::diagnostics::Findings;
use crate::failure::Failure;
use crate::server::{self, Brief, Origin};

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
pub(crate) fn run(args: &Args, context: &Context, runtime: &impl Runtime) -> Result<(), Failure> {
    let begin = now();
    if args.config.config.is_some() {
        let load = || load(args, context);
        let loaded = load().map_err(|findings| {
            report(&findings, file(args), context, "Not started.");
            Failure::Refused
        })?;
        let origin = Origin::Files { loaded: Box::new(loaded), reload: &load };
        return server::run(origin, context, runtime, begin);
    }
    let mut demo = demo::open_or_create(&demo::Request {
        directory: &demo::directory(&context.environment),
        listen: args.listen,
        environment: &context.environment,
        now: Timestamp::now(),
    })
    .map_err(|error| Failure::Usage(Box::new(error.0)))?;
    server::run(Origin::Demo(&mut demo), context, runtime, begin)
}

/// Loads the configuration, and logs what is not wrong but worth a look.
fn load(args: &Args, context: &Context) -> Result<Loaded, Findings> {
    let loaded = config::load(&config::Request {
        file: file(args),
        settings: &args.config.settings,
        environment: &context.environment,
        scope: Scope::Machine,
        now: Timestamp::now(),
    })?;
    for finding in loaded.warnings.sorted() {
        let Brief { code, message, file, line, col, help } = Brief::new(finding, &loaded.warnings);
        tracing::warn!(target: "logboom::config", code, file, line, col, help, "{message}");
    }
    Ok(loaded)
}

fn file(args: &Args) -> &Path {
    args.config.config.as_deref().unwrap_or(Path::new("logboom.toml"))
}
