use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum;
use jiff::Timestamp;

use super::Context;
use crate::capacity;
use crate::config::{self, Examined, Request, Scope};
use crate::diagnostics::count;
use crate::failure::Failure;
use crate::units::approximate_size;

pub(crate) const EXAMPLES: &str = "\
Examples:
  {program} check --config logboom.toml
  {program} check --config logboom.toml --deny-warnings        in a deployment
  {program} check --config logboom.toml --no-environment       in CI, far from the server
  {program} check --config logboom.toml --show-effective       every value, and where it is from

Exit codes: 0 no mistakes, 2 mistakes, or warnings with --deny-warnings.";

/// Options of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration to check
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,

    /// Give a key of [node] another value than the file: --set node.data_dir=/var/lib/logboom
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Take warnings for mistakes
    #[arg(long)]
    deny_warnings: bool,

    /// Look at the files only: no certificates, secrets, policies, disks or names
    #[arg(long)]
    no_environment: bool,

    /// How to print what is found; json is one object a line, and stable
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Human)]
    format: Format,

    /// Print every value in force and where it comes from, secrets as ***
    #[arg(long)]
    show_effective: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Reports every mistake in a configuration.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scope = if args.no_environment { Scope::Files } else { Scope::Names };
    let mut examined = config::examine(&Request {
        file: &args.config,
        settings: &args.settings,
        environment: &context.environment,
        scope,
        now: Timestamp::now(),
    });
    if scope != Scope::Files {
        capacity::check(&mut examined.findings, &examined.config, context.needs);
    }
    if args.show_effective {
        context.console.print(&examined.effective())?;
    }
    match args.format {
        Format::Human => {
            context.console.print(&examined.findings.render(context.console.out_color()))?;
            context.console.print(&conclusion(&examined, args, scope))?;
        }
        Format::Json => context.console.print(&examined.findings.render_json())?,
    }
    let denied = args.deny_warnings && examined.findings.warning_count() > 0;
    if denied || examined.findings.error_count() > 0 { Err(Failure::Refused) } else { Ok(()) }
}

/// The last lines: what was looked at, and what that means.
fn conclusion(examined: &Examined, args: &Args, scope: Scope) -> String {
    let mistakes = examined.findings.error_count();
    let warnings = examined.findings.warning_count();
    let numbers = format!("{}, {}", count(mistakes, "mistake"), count(warnings, "warning"));
    let digest = examined.digest();
    if mistakes + warnings == 0 {
        let file = args.config.display();
        return format!("{file}: no mistakes (digest {digest}). serve would start.\n");
    }
    let checked = checked(examined, scope);
    if mistakes > 0 {
        format!("{checked}{numbers}. `serve` would not start with this.\n")
    } else if args.deny_warnings {
        format!("{checked}{numbers} (digest {digest}). --deny-warnings refuses this.\n")
    } else {
        format!("{checked}{numbers} (digest {digest}). serve would start.\n")
    }
}

/// What was looked at.
fn checked(examined: &Examined, scope: Scope) -> String {
    let files = examined.findings.sources().file_count();
    if files == 0 {
        return String::new();
    }
    let config = &examined.config;
    let logstores = config.projects.iter().map(|project| project.logstores.len()).sum();
    let mut parts = vec![
        count(files, "file"),
        count(config.listeners.len(), "listener"),
        count(config.projects.len(), "project"),
        count(logstores, "logstore"),
        count(config.access_keys.len(), "key"),
    ];
    if scope != Scope::Files {
        let pairs = config.listeners.iter().flat_map(|listener| &listener.certificates);
        let certificates: BTreeSet<_> = pairs.map(|pair| &pair.cert.value).collect();
        parts.insert(2, count(certificates.len(), "certificate"));
    }
    if let Some(free) = examined.data_dir_free_bytes {
        parts.push(format!("data_dir ({} free)", approximate_size(free)));
    }
    format!("checked: {}\n", parts.join(", "))
}
