use std::path::{Path, PathBuf};

use super::{ConfigArgs, Context, read_config};
use crate::client_conf::ClientConf;
use crate::client_config::{Agent, render};
use crate::config::{Config, Listener};
use crate::demo;
use crate::failure::Failure;
use crate::suggest::nearest;

pub(crate) const EXAMPLES: &str = "\
Examples:
  {program} client-config filebeat                     for the demo, with its password
  {program} client-config kcat --config logboom.toml --project acme --logstore nginx
  {program} client-config vector --config logboom.toml --project acme --logstore nginx --json

Without --config, this is for the demo in ./logboom-data, and the password is in it. With --config
you put the secret in place of AccessKeySecret: the configuration only knows its hash.";

/// Options of `client-config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is to send logs
    #[arg(value_enum)]
    agent: Agent,

    #[command(flatten)]
    config: ConfigArgs,

    /// The project, if there are several
    #[arg(long, short)]
    project: Option<String>,

    /// The Logstore, if the project has several
    #[arg(long, short)]
    logstore: Option<String>,

    /// The listener to connect to, if there are several
    #[arg(long)]
    listener: Option<String>,

    /// The AccessKey ID, if the project has several
    #[arg(long, value_name = "ID")]
    key: Option<String>,

    /// The certificates of the authorities to trust; without it, those of the system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Have the values parsed as JSON: send to LOGSTORE.json
    #[arg(long)]
    json: bool,
}

/// Prints the configuration of an agent or client library.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let (conf, logstore) = match &args.config.config {
        Some(file) => from_config(args, file, context)?,
        None => from_demo(args, context)?,
    };
    let topic = if args.json { format!("{logstore}.json") } else { logstore };
    context.console.print(&render(args.agent, &conf, &topic))
}

fn from_demo(args: &Args, context: &Context) -> Result<(ClientConf, String), Failure> {
    let paths = demo::Paths::new(&demo::directory(&context.environment));
    if !paths.client_conf.exists() {
        let demo = context.program.command("serve");
        return Err(Failure::usage(
            format!("no --config given, and no demo in {}", paths.directory.display()),
            format!("`{demo}` makes a demo; --config FILE takes a configuration"),
        ));
    }
    let config = read_config(&paths.config, &[], context)?;
    let project = choose("project", args.project.as_deref(), names_of_projects(&config))?;
    let logstore =
        choose("logstore", args.logstore.as_deref(), names_of_logstores(&config, project))?;
    let mut conf = ClientConf::read(&paths.client_conf).map_err(Failure::run)?;
    if let Some(ca) = &args.ca {
        conf.ca = Some(ca.clone());
    }
    Ok((conf, logstore.to_owned()))
}

fn from_config(
    args: &Args,
    file: &Path,
    context: &Context,
) -> Result<(ClientConf, String), Failure> {
    let config = read_config(file, &args.config.settings, context)?;
    let project = choose("project", args.project.as_deref(), names_of_projects(&config))?;
    let logstore =
        choose("logstore", args.logstore.as_deref(), names_of_logstores(&config, project))?;
    let names = config.listeners.iter().map(|listener| listener.name.as_str());
    let listener = choose("listener", args.listener.as_deref(), names.collect())?;
    let keys = config.access_keys.iter().filter(|key| *key.project == project);
    let key = choose("key", args.key.as_deref(), keys.map(|key| key.id.as_str()).collect())?;
    let Some(listener) = config.listeners.iter().find(|one| *one.name == listener) else {
        return Err(Failure::run("the listener is gone"));
    };
    let conf = ClientConf {
        bootstrap_servers: endpoint(listener, project),
        tls: listener.tls.value,
        username: project.to_owned(),
        password: format!("{key}#AccessKeySecret"),
        ca: args.ca.clone(),
    };
    Ok((conf, logstore.to_owned()))
}

fn endpoint(listener: &Listener, project: &str) -> String {
    listener.advertise.endpoint(project, listener.address.port())
}

fn names_of_projects(config: &Config) -> Vec<&str> {
    config.projects.iter().map(|project| project.name.as_str()).collect()
}

fn names_of_logstores<'c>(config: &'c Config, project: &str) -> Vec<&'c str> {
    let project = config.projects.iter().find(|one| *one.name == project);
    let logstores = project.map(|project| project.logstores.as_slice()).unwrap_or_default();
    logstores.iter().map(|logstore| logstore.name.as_str()).collect()
}

/// The one that was asked for, or the only one there is.
fn choose<'c>(option: &str, wanted: Option<&str>, known: Vec<&'c str>) -> Result<&'c str, Failure> {
    let all = || known.join(", ");
    match (wanted, &known[..]) {
        (Some(wanted), _) => known.iter().find(|name| **name == wanted).copied().ok_or_else(|| {
            let near = nearest(wanted, known.iter().copied());
            let help = near.map_or_else(
                || format!("there is: {}", all()),
                |near| format!("did you mean `{near}`?"),
            );
            Failure::usage(format!("there is no {option} `{}`", wanted.escape_default()), help)
        }),
        (None, [only]) => Ok(only),
        (None, []) => Err(Failure::usage(
            format!("the configuration has no {option}"),
            "`check` says what is missing",
        )),
        (None, _) => Err(Failure::usage(
            format!("there are several: which {option}?"),
            format!("--{option} with one of {}", all()),
        )),
    }
}
