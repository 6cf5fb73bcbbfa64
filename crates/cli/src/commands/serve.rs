use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;

use super::{ConfigArgs, Context, report};
use crate::Runtime;
use crate::capacity;
use crate::clock::now;
use crate::config::{self, Loaded, Scope};
use crate::demo;
use crate::diagnostics::Findings;
use crate::failure::Failure;
use crate::server::{self, Brief, Inherited, Origin};

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
    let inherited = Inherited::take(&context.environment)?;
    if let Err(error) = capacity::raise_descriptors() {
        tracing::warn!(target: "logboom::start", %error, "cannot raise the limit of open files");
    }
    if args.config.config.is_some() {
        let load = || load(args, context);
        let loaded = load().map_err(|findings| {
            report(&findings, file(args), context, "Not started.");
            Failure::Refused
        })?;
        let origin = Origin::Files { loaded: Box::new(loaded), reload: &load };
        return server::run(origin, inherited, context, runtime, begin);
    }
    let mut demo = demo::open_or_create(&demo::Request {
        directory: &demo::directory(&context.environment),
        listen: args.listen,
        environment: &context.environment,
        now: Timestamp::now(),
    })
    .map_err(|error| Failure::Usage(Box::new(error.0)))?;
    fit(&mut demo.loaded, context)?;
    server::run(Origin::Demo(&mut demo), inherited, context, runtime, begin)
}

/// Loads the configuration, and logs what is not wrong but worth a look.
fn load(args: &Args, context: &Context) -> Result<Loaded, Findings> {
    let mut examined = config::examine(&config::Request {
        file: file(args),
        settings: &args.config.settings,
        environment: &context.environment,
        scope: Scope::Machine,
        now: Timestamp::now(),
    });
    capacity::check(&mut examined.findings, &examined.config, context.needs);
    let loaded = examined.into_loaded()?;
    warn(&loaded.warnings);
    Ok(loaded)
}

/// Lets a demo serve as many as this machine has room for: a newcomer has changed no limits yet.
fn fit(loaded: &mut Loaded, context: &Context) -> Result<(), Failure> {
    let mut findings = Findings::default();
    capacity::fit(&mut findings, &mut loaded.config, context.needs);
    if findings.error_count() > 0 {
        return Err(Failure::Usage(Box::new(findings)));
    }
    warn(&findings);
    Ok(())
}

fn warn(findings: &Findings) {
    for finding in findings.sorted() {
        let Brief { code, message, file, line, col, help } = Brief::new(finding, findings);
        tracing::warn!(target: "logboom::config", code, file, line, col, help, "{message}");
    }
}

fn file(args: &Args) -> &Path {
    args.config.config.as_deref().unwrap_or(Path::new("logboom.toml"))
}
