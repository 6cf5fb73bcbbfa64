//! What all logboom server binaries share: commands, configuration, logging.
//!
//! A server binary is a [`Runtime`] and one line:
//!
//! ```no_run
//! use std::{io, net::TcpListener, process::ExitCode, sync::Arc};
//! use logboom_sans_io::{Service, Shutdown};
//!
//! struct Mine;
//!
//! impl logboom_cli::Runtime for Mine {
//!     const NAME: &'static str = "mine";
//!
//!     fn serve<S: Service>(
//!         &self,
//!         listeners: Vec<TcpListener>,
//!         service: Arc<S>,
//!         shutdown: Shutdown,
//!     ) -> io::Result<()> {
//!         # let _ = (listeners, service, shutdown);
//!         // Accept connections and drive the machine of each until `shutdown` is triggered.
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     logboom_cli::main(Mine)
//! }
//! ```
//!
//! Data goes to standard output, everything else to standard error. The exit code is 0 if all went
//! well, 1 after a failure at run time, and 2 if the command line or the configuration is wrong.

mod args;
mod capacity;
pub mod client_conf;
mod client_config;
mod clock;
pub mod codes;
mod commands;
pub mod config;
mod console;
pub mod demo;
pub mod diagnostics;
mod environment;
mod failure;
mod io_reason;
mod logging;
mod needs;
mod new_key;
mod producer;
mod program;
mod reading;
mod server;
mod suggest;
mod target;
mod units;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use logboom_sans_io::{Service, Shutdown};

pub use environment::Environment;
pub use needs::Needs;

use args::{Cli, Command};
use commands::Context;
use console::Console;
use failure::Failure;
use program::Program;

/// How a server binary serves: the one thing in which they differ.
pub trait Runtime {
    /// Its name; the binary is called `logboom-<name>`.
    const NAME: &'static str;

    /// What each connection costs; the machine is asked at start whether it has that much.
    const NEEDS: Needs = Needs::SHARED_THREADS;

    /// Serves connections of `listeners` until `shutdown` is triggered and the last of them has
    /// ended.
    ///
    /// # Errors
    ///
    /// If the runtime itself cannot go on. What fails on one connection ends that connection.
    fn serve<S: Service>(
        &self,
        listeners: Vec<TcpListener>,
        service: Arc<S>,
        shutdown: Shutdown,
    ) -> std::io::Result<()>;
}

/// Runs the command line of a server binary.
pub fn main(runtime: impl Runtime) -> ExitCode {
    let environment = Environment::of_process();
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let program = program_of(&runtime, arguments.first().map(PathBuf::from), &environment);
    let cli = match args::parse(&program, arguments) {
        Ok(cli) => cli,
        Err(error) => return finish_early(&error),
    };
    let console = Console::of_process(cli.global.color, &environment);
    let log = logging::Options {
        filter: cli.global.log.clone(),
        format: cli.global.log_format,
        quiet: cli.global.quiet,
        is_terminal: console.err_is_terminal(),
        color: console.err_color(),
    };
    let needs = needs_of(&runtime);
    let context = Context { program, environment, console, needs, quiet: cli.global.quiet };
    match logging::start(&log).and_then(|()| run(&cli, &context, &runtime)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            context.console.tell(&failure.render(context.console.err_color()));
            code
        }
    }
}

fn program_of<R: Runtime>(_: &R, called_as: Option<PathBuf>, environment: &Environment) -> Program {
    let executable = std::env::current_exe().ok();
    Program::detect(R::NAME, called_as.as_deref(), executable.as_deref(), environment)
}

fn needs_of<R: Runtime>(_: &R) -> Needs {
    R::NEEDS
}

fn run(cli: &Cli, context: &Context, runtime: &impl Runtime) -> Result<(), Failure> {
    match &cli.command {
        Command::Serve(args) => commands::serve::run(args, context, runtime),
        Command::Read(args) => commands::read::run(args, context),
        Command::Send(args) => commands::send::run(args, context),
        Command::Init(args) => commands::init::run(args, context),
        Command::Check(args) => commands::check::run(args, context),
        Command::ClientConfig(args) => commands::client_config::run(args, context),
        Command::Key(args) => commands::key::run(args, context),
        Command::Explain(args) => commands::explain::run(args, context),
    }
}

/// What clap prints instead of running a command: help and version on standard output, mistakes on
/// standard error.
fn finish_early(error: &clap::Error) -> ExitCode {
    let code = if error.use_stderr() { 2 } else { 0 };
    // A reader that has gone away is no failure.
    let _ = error.print();
    ExitCode::from(code)
}
