//! The commands, one file each: its options, its examples, and what it does.

pub(crate) mod check;
pub(crate) mod client_config;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod read;
pub(crate) mod send;
pub(crate) mod serve;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::config::{self, Config, Scope};
use crate::console::Console;
use crate::diagnostics::{Findings, count};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::needs::Needs;
use crate::program::Program;

/// What every command is given besides its own options.
#[derive(Debug)]
pub(crate) struct Context {
    /// How this program was called.
    pub(crate) program: Program,
    /// Its variables.
    pub(crate) environment: Environment,
    /// Its output streams.
    pub(crate) console: Console,
    /// What each connection of the server costs.
    pub(crate) needs: Needs,
    /// Whether to say nothing but errors.
    pub(crate) quiet: bool,
}

/// Which configuration to take, the same for every command that takes one.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ConfigArgs {
    /// The configuration to use
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Give a key of [node] another value than the file: --set node.data_dir=/var/lib/logboom
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "config")]
    pub(crate) settings: Vec<String>,
}

/// Prints what was found in the configuration `file` on standard error, and, if it stops the
/// command, how many mistakes that were and `outcome`.
pub(crate) fn report(findings: &Findings, file: &Path, context: &Context, outcome: &str) {
    context.console.tell(&findings.render(context.console.err_color()));
    if findings.error_count() > 0 {
        let mistakes = count(findings.error_count(), "mistake");
        let line = format!("{}: {mistakes}. {outcome}", file.display());
        context.console.tell(&format!("{}\n", line.trim_end()));
    }
}

/// Reads a configuration for what is written in it: no secret, certificate or disk is looked at.
pub(crate) fn read_config(
    file: &Path,
    settings: &[String],
    context: &Context,
) -> Result<Config, Failure> {
    let examined = config::examine(&config::Request {
        file,
        settings,
        environment: &context.environment,
        scope: Scope::Files,
        now: Timestamp::now(),
    });
    if examined.findings.error_count() > 0 {
        report(&examined.findings, file, context, "");
        return Err(Failure::Refused);
    }
    Ok(examined.config)
}

#[cfg(test)]
mod tests;
