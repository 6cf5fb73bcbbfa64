use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use logboom_access::{AccessKeyId, ProjectName};

use super::Context;
use crate::config::Allow;
use crate::failure::Failure;
use crate::io_reason::io_reason;
use crate::new_key::NewKey;

pub(crate) const EXAMPLES: &str = "\
Examples:
  {program} key new --project acme                            shows the password on the terminal
  {program} key new --project acme >> conf.d/acme.toml        and keeps the block with its hash
  {program} key new --project acme --allow read --out reader.password

The password is shown once, on a terminal only, and kept nowhere: the block has its hash.";

/// Options of `key`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make an access key: print its [[access_key]] block, and the password once
    New(New),
}

#[derive(Debug, clap::Args)]
struct New {
    /// The project that it logs in to
    #[arg(long, short)]
    project: ProjectName,

    /// Its AccessKey ID; without it, one is made
    #[arg(long)]
    id: Option<AccessKeyId>,

    /// What it may do with the Logstores of the project
    #[arg(long, value_enum, default_value_t = Allow::Write)]
    allow: Allow,

    /// Write the password to this new file (mode 600) instead of the terminal
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs `key`.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    match &args.command {
        Command::New(new) => make(new, context),
    }
}

fn make(args: &New, context: &Context) -> Result<(), Failure> {
    if args.out.is_none() && !context.console.err_is_terminal() {
        return Err(Failure::usage(
            "there is no terminal to show the password on",
            "--out FILE writes it to a new file that only you can read",
        ));
    }
    let key = NewKey::generate(args.id.clone())
        .map_err(|error| Failure::run(format!("no randomness to be had: {error}")))?;
    let password = key.password();
    if let Some(path) = &args.out {
        write_private(path, &format!("{password}\n")).map_err(|error| {
            Failure::run(format!("cannot write {}: {}", path.display(), io_reason(&error)))
        })?;
    }
    context.console.print(&key.block(&args.project, args.allow))?;
    context.console.tell(&match &args.out {
        Some(path) => format!("password   in {} (mode 600)\n", path.display()),
        None => format!("password   {password}   shown once\n"),
    });
    Ok(())
}

/// Creates a file that only its owner can read, from its first byte on.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
