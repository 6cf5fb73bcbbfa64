//! The command line: what can be typed, and the help about it.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{check, client_config, explain, init, key, read, send, serve};
use crate::console::ColorWhen;
use crate::logging::LogFormat;
use crate::program::Program;

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "logboom",
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// What to log, e.g. info,logboom::auth=debug
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "LOGBOOM_LOG",
        hide_env_values = true,
        display_order = 100
    )]
    pub(crate) log: Option<String>,

    /// How to log: auto, human or json; auto is human on a terminal
    #[arg(
        long, global = true, value_name = "F", env = "LOGBOOM_LOG_FORMAT",
        value_enum, default_value_t = LogFormat::Auto, hide_possible_values = true,
        hide_env_values = true, display_order = 101
    )]
    pub(crate) log_format: LogFormat,

    /// auto, always or never; NO_COLOR is honoured
    #[arg(
        long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorWhen::Auto,
        hide_possible_values = true, hide_default_value = true, display_order = 102
    )]
    pub(crate) color: ColorWhen,

    /// Only errors
    #[arg(long, short, global = true, display_order = 103)]
    pub(crate) quiet: bool,

    /// This page; --help on a command shows examples and every option
    #[arg(long, short, global = true, action = clap::ArgAction::Help, display_order = 104)]
    help: Option<bool>,

    /// Version
    #[arg(long, short = 'V', action = clap::ArgAction::Version, display_order = 105)]
    version: Option<bool>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(serve::Args),
    /// Print the logs of a Logstore: json, pretty or protobuf
    Read(read::Args),
    /// Send lines or JSON objects from stdin through the Kafka port
    Send(send::Args),
    /// Print a commented configuration
    Init(init::Args),
    /// Report every mistake in a configuration, with file and line
    Check(check::Args),
    /// Print the configuration of an agent or client library
    ClientConfig(client_config::Args),
    /// Create access keys
    Key(key::Args),
    /// Explain an error code such as LB0402
    Explain(explain::Args),
}

/// The commands as the first page shows them, with the examples of each.
const GROUPS: [(&str, &[(&str, &str)]); 4] = [
    ("Run", &[("serve", serve::EXAMPLES)]),
    ("Data", &[("read", read::EXAMPLES), ("send", send::EXAMPLES)]),
    (
        "Configure",
        &[
            ("init", init::EXAMPLES),
            ("check", check::EXAMPLES),
            ("client-config", client_config::EXAMPLES),
            ("key", key::EXAMPLES),
        ],
    ),
    ("Diagnose", &[("explain", explain::EXAMPLES)]),
];

/// What to type first, and what it does.
const START_HERE: [(&str, &str); 4] = [
    ("{program} serve", "a demo on localhost; prints what to do next"),
    ("{program} serve --config logboom.toml", ""),
    ("echo hello | {program} send demo/demo", ""),
    ("{program} read demo/demo --from earliest --follow --format json", ""),
];

/// Reads the command line.
///
/// # Errors
///
/// What clap prints instead: the help, the version, or what is wrong.
pub(crate) fn parse(
    program: &Program,
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<Cli, clap::Error> {
    let mut command = command(program);
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The whole command line, with help that names the program as it was called.
pub(crate) fn command(program: &Program) -> clap::Command {
    let version = program.version();
    let mut command = Cli::command()
        .bin_name(program.name.clone())
        .version(version.strip_prefix("logboom ").unwrap_or(&version).to_owned())
        .styles(styles())
        .subcommand_required(true)
        .arg_required_else_help(true);
    let first_page = first_page(&command, program);
    command = command.help_template(first_page);
    for (name, examples) in GROUPS.iter().flat_map(|(_, commands)| commands.iter()) {
        let examples = examples.replace("{program}", &program.name);
        command = command.mut_subcommand(*name, |command| {
            command
                .bin_name(program.command(name))
                .after_long_help(examples)
                .after_help("--help shows examples and every option")
        });
    }
    command
}

/// The help of the program itself, as a template: clap fills in usage and options.
fn first_page(command: &clap::Command, program: &Program) -> String {
    let mut page = String::from(
        "logboom: takes logs over the Kafka protocol and keeps them. No Kafka, no JVM.\n\n\
         Usage: {usage}\n\n\
         Start here:\n",
    );
    for (line, about) in START_HERE {
        let line = line.replace("{program}", &program.name);
        page += format!("  {line:<44}  {about}").trim_end();
        page.push('\n');
    }
    for (group, commands) in GROUPS {
        page += &format!("\n{group}:\n");
        for (name, _) in commands {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            page += &format!("  {name:<13}  {about}\n");
        }
    }
    let explain = program.command("explain limits");
    page += "\nOptions:\n{options}\n\n\
         Exit codes: 0 ok, 1 failed while running or found a problem, 2 bad usage or configuration.\n";
    page + &format!("Limits: {explain}    Nothing is ever sent home.\n")
}

fn styles() -> Styles {
    Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .usage(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default())
        .placeholder(AnsiColor::Cyan.on_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST_PAGE: &str = "\
logboom: takes logs over the Kafka protocol and keeps them. No Kafka, no JVM.

Usage: logboom-smol [OPTIONS] <COMMAND>

Start here:
  logboom-smol serve                            a demo on localhost; prints what to do next
  logboom-smol serve --config logboom.toml
  echo hello | logboom-smol send demo/demo
  logboom-smol read demo/demo --from earliest --follow --format json

Run:
  serve          Run the server

Data:
  read           Print the logs of a Logstore: json, pretty or protobuf
  send           Send lines or JSON objects from stdin through the Kafka port

Configure:
  init           Print a commented configuration
  check          Report every mistake in a configuration, with file and line
  client-config  Print the configuration of an agent or client library
  key            Create access keys

Diagnose:
  explain        Explain an error code such as LB0402

Options:
";

    fn program(name: &str) -> Program {
        Program { name: name.into(), runtime: "smol" }
    }

    #[test]
    fn the_command_line_is_consistent() {
        command(&program("logboom-smol")).debug_assert();
    }

    #[test]
    fn the_first_page_shows_what_to_type_first() {
        let help = command(&program("logboom-smol")).term_width(100).render_help().to_string();
        assert_eq!(help.get(..FIRST_PAGE.len()), Some(FIRST_PAGE), "{help}");
        let help = command(&program("cargo run --release --")).render_help().to_string();
        assert!(
            help.contains("\n  echo hello | cargo run --release -- send demo/demo\n"),
            "{help}"
        );
    }

    #[test]
    fn every_command_is_on_the_first_page_and_has_examples() {
        let mut command = command(&program("logboom-smol"));
        command.build();
        let shown: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, commands)| commands.iter().map(|(name, _)| *name))
            .collect();
        for one in command.get_subcommands_mut() {
            assert!(shown.contains(&one.get_name()), "{}", one.get_name());
            let help = one.render_long_help().to_string();
            let example = format!("logboom-smol {}", one.get_name());
            assert!(help.contains("\nExamples:\n") && help.contains(&example), "{help}");
            assert!(!help.contains("{program}"), "{help}");
        }
    }

    #[test]
    fn a_misspelt_command_is_put_right() {
        let words = ["logboom-smol", "chek"].map(Into::into);
        let error = parse(&program("logboom-smol"), words).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("'check'"), "{error}");
    }
}
